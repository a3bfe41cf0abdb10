"""The meter: wall time, CPU seconds and peak memory of a process and of all that it starts.

It runs as a process of its own, which every orphan of the measured ones falls to (Linux's
subreaper), so that none ends uncounted. CPU is what the kernel says at each one's end (`wait4`);
memory is the greater of its greatest resident set and what all of them held at once, looked at
every 20 ms: private pages added up, shared ones counted once.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EVERY_S: Final = 0.02
_PAGE: Final = resource.getpagesize()
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


@dataclass(frozen=True)
class Measured:
    """What a command took: seconds of wall time and of CPU, and bytes of memory at its peak."""

    wall_s: float
    cpu_s: float
    peak: int


class PeerFailed(Exception):
    """A measured command ended with another status than 0."""


def measure(command: Sequence[str], *, out: Path, timeout_s: float) -> Measured:
    """Run `command`, its standard output into the file `out`.

    Raises: PeerFailed with the end of its standard error.
    """
    told = out.with_suffix(".measured")
    errors = out.with_suffix(".stderr")
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        meter = [sys.executable, "-m", __name__, str(told), *command]
        ended = subprocess.run(meter, stdout=stdout, stderr=stderr, timeout=timeout_s, check=False)
    if ended.returncode:
        raise PeerFailed(f"{' '.join(command)}\n{errors.read_text(errors='replace')[-2000:]}")
    return Measured(**json.loads(told.read_text()))


def _run(command: Sequence[str]) -> tuple[int, Measured]:
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    held, stop = [0], threading.Event()
    looker = threading.Thread(target=_look, args=(held, stop))
    began = time.perf_counter()
    first = subprocess.Popen(command).pid
    looker.start()
    status, cpu, ended = 0, 0.0, began
    with suppress(ChildProcessError):  # the last one has ended
        while True:
            pid, how, used = os.wait4(-1, 0)
            cpu += used.ru_utime + used.ru_stime
            held.append(used.ru_maxrss * 1024)
            if pid == first:
                status, ended = os.waitstatus_to_exitcode(how), time.perf_counter()
    stop.set()
    looker.join()
    return status, Measured(ended - began, cpu, max(held))


def _look(held: list[int], stop: threading.Event) -> None:
    while not stop.wait(_EVERY_S):
        held[0] = max(held[0], _held())


def _held() -> int:
    """Bytes that the processes below this one hold now."""
    private, shared = 0, 0
    for pid in _below(os.getpid()):
        with suppress(OSError, IndexError):
            pages = Path(f"/proc/{pid}/statm").read_bytes().split()
            resident, files = int(pages[1]) * _PAGE, int(pages[2]) * _PAGE
            private += resident - files
            shared = max(shared, files)
    return private + shared


def _below(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_bytes().split():
                yield int(child)
                yield from _below(int(child))


if __name__ == "__main__":
    told, *words = sys.argv[1:]
    code, measured = _run(words)
    Path(told).write_text(json.dumps(asdict(measured)))
    sys.exit(code)
