"""`python -m benchmarks`: measure, and print tables in Markdown on standard output."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from benchmarks import intake, latency, machine, startup, throughput
from benchmarks.equal import NotEqual
from benchmarks.meter import PeerFailed
from benchmarks.peers import LIMIT, PEERS
from benchmarks.peers import USUAL as USUAL_PEERS
from benchmarks.sets import USUAL, parse
from benchmarks.table import markdown, rounds_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.sets import Set


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments ask for; the exit status."""
    given = _parser().parse_args(arguments)
    unknown = sorted(set(given.peers) - PEERS.keys()) + sorted(set(given.parts) - PARTS.keys())
    if unknown:
        print(f"benchmarks: there is no {unknown[0]}; --help tells what there is", file=sys.stderr)
        return 2
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled already
    print(f"{machine.described()}\n")
    with tempfile.TemporaryDirectory(prefix="edp-bench-", dir=given.folder) as folder:
        for part in given.parts:
            try:
                PARTS[part](given, Path(folder) / part)
            except (NotEqual, PeerFailed, throughput.NoRoom) as error:
                print(f"benchmarks: {error}", file=sys.stderr)
                return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--parts", type=_words, default=list(PARTS), help=f"any of {','.join(PARTS)} (all)"
    )
    parser.add_argument(
        "--sets", type=_sets, default=_sets(USUAL), metavar="SETS",
        help=f"data as [FILESx]SIZE[/MEMORY], with commas ({USUAL})",
    )  # fmt: skip
    parser.add_argument(
        "--peers",
        type=_words,
        default=USUAL_PEERS,
        help=f"any of {','.join(PEERS)} ({','.join(USUAL_PEERS)})",
    )
    parser.add_argument("--rounds", type=_count, default=3, help="times each peer is run (3)")
    parser.add_argument("--files", type=_count, default=40, help="files put for latency (40)")
    parser.add_argument(
        "--folder", type=Path, help="where data may lie meanwhile (the system's temporary folder)"
    )
    return parser


def _words(text: str) -> list[str]:
    return text.split(",")


def _sets(text: str) -> list[Set]:
    try:
        return [parse(one) for one in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal() or text.strip("0") == "":
        raise argparse.ArgumentTypeError(f"{text!r} is no number of times")
    return int(text)


def _throughput(given: argparse.Namespace, folder: Path) -> None:
    peers = [LIMIT, *(peer for peer in given.peers if peer != LIMIT)]
    print("## Throughput\n")
    for data in given.sets:
        found = throughput.run(data, folder / "set", rounds=given.rounds, peers=peers)
        print(f"{rounds_table(found)}\nload {machine.load():.1f}\n", flush=True)


def _latency(given: argparse.Namespace, folder: Path) -> None:
    rows = []
    for parted in (False, True):
        waited = latency.run(folder / f"parted-{parted}", files=given.files, parted=parted)
        name = "thirty partitions" if parted else "one partition"
        rows += [
            [f"{name}, put to {event}", *_percentiles(seconds)]
            for event, seconds in (("commit", waited.committed_s), ("answer", waited.answered_s))
        ]
    print("## Latency\n")
    print(markdown(["1 MB, warm", "p50 ms", "p95 ms", "worst ms"], rows), flush=True)


def _percentiles(seconds: Sequence[float]) -> list[str]:
    most = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return [f"{1000 * one:.0f}" for one in (median(seconds), most, max(seconds))]


def _intake(_: argparse.Namespace, folder: Path) -> None:
    rows = []
    for together, threads in intake.WAYS:
        rate = intake.run(folder, together=together, threads=threads)
        numbers = (rate.sent, rate.accepted, rate.fdatasyncs)
        rows.append([f"{together} by {threads}", *(f"{n:,.0f}" for n in numbers)])
    columns = ["events together, by threads", "sent/s", "accepted/s", "fdatasync/s of the disk"]
    print("## Intake\n")
    print(markdown(columns, rows), flush=True)
    ways = [(f"one by one, {n} at once", n) for n in intake.PUTS] + [("500 in one call", 0)]
    rates = [[name, f"{intake.puts(folder, threads=n):,.0f}"] for name, n in ways]
    print(markdown(["files of 1 kB", "put/s"], rates), flush=True)


def _startup(given: argparse.Namespace, folder: Path) -> None:
    found = startup.run(folder, rounds=max(5, given.rounds))
    rows = [
        [
            f"`{name}`",
            f"{median(m.wall_s for m in took):.2f}",
            f"{median(m.cpu_s for m in took):.2f}",
        ]
        for name, took in found.items()
    ]
    print("## Start-up\n")
    print(markdown(["command", "wall s", "CPU s"], rows), flush=True)


PARTS: Final[dict[str, Callable[[argparse.Namespace, Path], None]]] = {
    "throughput": _throughput,
    "latency": _latency,
    "intake": _intake,
    "startup": _startup,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
