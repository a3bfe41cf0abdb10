"""A worker process: takes a task, does it, answers; ends when its parent does."""

from __future__ import annotations

import os
import resource
import signal
import threading
from typing import TYPE_CHECKING, Final

from edp.core.errors import Failure
from edp.core.faults import arm
from edp.etl import engine
from edp.etl.port import Job

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_LEAST_ADDRESS_SPACE: Final = 2 << 30
"""Bytes; DuckDB maps about 1 GB more than it uses."""
_FUSE: Final = 4


def main(pipe: Connection, lifeline: Connection, memory: int, faults: str) -> None:
    """Do the tasks that come through `pipe` until it closes.

    `lifeline` closes when the parent dies, even by SIGKILL; the worker then ends at once.
    `memory` (bytes) is what a task should use: four times that much address space is a fuse.
    `faults` arms fault points, for tests.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    most = max(_FUSE * memory, _LEAST_ADDRESS_SPACE)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    arm(faults)
    while True:
        engine.prepare()
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            result = engine.run(task) if isinstance(task, Job) else engine.rewrite(task)
        except Exception as error:  # noqa: BLE001 (whatever it is, the parent decides)
            pipe.send((None, Failure.of(error)))
        else:
            pipe.send((result, None))


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except EOFError:
        os._exit(1)
