"""Throughput: sets of data, and rounds in which every peer does the work once.

Ratios are to hand-written SQL in the same round, because the machine is another in the next one.
The order of the peers turns by one from round to round.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from benchmarks import equal
from benchmarks.meter import measure
from benchmarks.orders import write_orders
from benchmarks.peers import LIMIT, PEERS, edp
from benchmarks.work import DATASET, contract, no_contract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.meter import Measured
    from benchmarks.sets import Set

_TIMEOUT_S: Final = 4 * 3600.0
_ROOM: Final = 6
"""Times the size of a set that the disk must have free: data, copies, spilled rows, results."""


class NoRoom(Exception):
    """The disk has not enough space for a set."""


@dataclass
class Rounds:
    """What was measured of a set: by peer, one measurement a round."""

    data: Set
    measured: dict[str, list[Measured]] = field(default_factory=dict)

    def add(self, peer: str, one: Measured) -> None:
        """Note one measurement."""
        self.measured.setdefault(peer, []).append(one)

    def ratios(self, peer: str, what: Literal["cpu_s", "wall_s", "peak"]) -> list[float]:
        """The peer's measurements as multiples of the limit's, round by round."""
        pairs = zip(self.measured[peer], self.measured.get(LIMIT, []), strict=False)
        return [getattr(one, what) / getattr(limit, what) for one, limit in pairs]


def run(data: Set, folder: Path, *, rounds: int, peers: Sequence[str]) -> Rounds:
    """Measure the `peers` on the set; all that is written is below `folder`, and goes again.

    Raises: NoRoom, NotEqual, PeerFailed.
    """
    _check_room(data, folder)
    source = folder / "source"
    paths = write_orders(source, rows=data.rows, files=data.files)
    given = source if data.files > 1 else paths[0]
    found = Rounds(data)
    wanted = [peer for peer in peers if PEERS[peer].bounded or not data.bounded]
    agreed: dict[str, equal.Result] = {}
    try:
        for number in range(rounds):
            turn = number % len(wanted)
            for peer in wanted[turn:] + wanted[:turn]:
                print(f"{data.name}: round {number + 1}, {PEERS[peer].title}", file=sys.stderr)
                out = folder / "out"
                found.add(peer, _measure(peer, data, given, out))
                _check(peer, data, out, paths, agreed)
                shutil.rmtree(out)
    finally:
        shutil.rmtree(folder)
    return found


def _check_room(data: Set, folder: Path) -> None:
    folder.mkdir(parents=True)
    free = shutil.disk_usage(folder).free
    if free < _ROOM * data.size:
        raise NoRoom(
            f"{data.name} takes up to {_ROOM * data.size / 1e9:.1f} GB on the disk, and {folder} "
            f"has {free / 1e9:.1f}; say --folder for another place, or --sets for less"
        )


def _measure(peer: str, data: Set, given: Path, out: Path) -> Measured:
    out.mkdir()
    one = PEERS[peer]
    if one.edp:
        text = no_contract(data.memory) if one.edp == "inferred" else contract(data.memory)
        command = edp.ingest(out / "workspace", given, text, spark=one.edp == "spark")
    else:
        command = [sys.executable, "-m", one.module, str(out / "written"), str(given)]
        if data.bounded:
            command += ["--memory", data.memory]
    return measure(command, out=out / "stdout", timeout_s=_TIMEOUT_S)


def _check(
    peer: str, data: Set, out: Path, paths: Sequence[Path], agreed: dict[str, equal.Result]
) -> None:
    """Raises: NotEqual when the rows are others than those of the peers before."""
    lake = out / "workspace" / "lake"
    if lake.exists() and edp.rows_read(out / "stdout") != data.rows:
        raise equal.NotEqual(f"{peer} did not read all rows")
    if PEERS[peer].edp == "inferred":
        types, *found = equal.inferred(lake / "target" / DATASET)
        if tuple(found) != equal.distinct(paths, types):
            raise equal.NotEqual(f"{peer}: its rows are not the different records of each file")
        return
    if lake.exists():
        wrote = equal.result(lake / "target" / DATASET, lake / "rejects" / DATASET)
    else:
        wrote = equal.result(out / "written" / "data", out / "written" / "rejects")
    first = next(iter(agreed), peer)
    if agreed.setdefault(first, wrote) != wrote:
        raise equal.NotEqual(f"{peer} wrote {wrote}, and {first} {agreed[first]}")
