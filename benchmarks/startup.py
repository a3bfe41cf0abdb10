"""Start-up: how long commands take that do nearly nothing, in a workspace with one small table."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.meter import measure
from benchmarks.orders import write_orders
from benchmarks.peers.edp import EDP, ingest
from benchmarks.work import DATASET, contract

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.meter import Measured

_ROWS: Final = 1000
_TIMEOUT_S: Final = 60.0


def run(folder: Path, *, rounds: int) -> dict[str, list[Measured]]:
    """Each command once in each round, after one that does not count; by what is typed."""
    (path,) = write_orders(folder / "source", rows=_ROWS)
    place = folder / "workspace"
    subprocess.run(ingest(place, path, contract("1GB")), check=True, stdout=subprocess.DEVNULL)
    here = [*EDP, "--workspace", str(place)]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "edp --help": [*EDP, "--help"],
        "edp status": [*here, "status"],
        "edp query": [*here, "query", f"SELECT count(*) FROM {DATASET}"],  # noqa: S608 (our own)
    }
    found: dict[str, list[Measured]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            one = measure(command, out=folder / "stdout", timeout_s=_TIMEOUT_S)
            if number:
                found[name].append(one)
    return found
