"""Warm worker processes on this machine: one task each at a time, replaced when they die."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edp.core.errors import Failure, StoreUnavailable
from edp.etl import worker
from edp.etl.port import Finished

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.process import BaseProcess

    from edp.etl.port import Task

RECYCLE_AFTER: Final = 500
"""Tasks that a worker does before a fresh one takes its place."""
_BASE_MEMORY: Final = 300_000_000
"""Bytes that a worker may hold beside its task's: the interpreter, DuckDB, one file's header."""
_PAGE: Final = resource.getpagesize()
_ONE_STARTS: Final = threading.Lock()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    ticket: int | None = None
    deadline: float = 0.0
    done: int = 0


class LocalEtl:
    """`workers` processes; a task may take `timeout_s` seconds, and `memory` bytes.

    DuckDB keeps to `memory` by itself; a worker that holds half as much again is stopped.

    `faults` arms fault points in the first worker, for tests.
    """

    def __init__(
        self, workers: int, *, memory: int, timeout_s: float = 3600.0, faults: str = ""
    ) -> None:
        self._faults = faults
        self._size = workers
        self._memory = memory
        self._timeout_s = timeout_s
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, Task]] = deque()
        self._last_ticket = 0
        self._ready = False
        self._context: Any = None

    def warm(self) -> None:
        """Have all workers ready before there is a task, from now on."""
        self._ready = True
        while len(self._workers) < self._size:
            self._spawn()

    def idle(self) -> int:
        """How many tasks could start right now."""
        busy = sum(1 for one in self._workers if one.ticket is not None)
        return max(0, self._size - busy - len(self._waiting))

    def submit(self, task: Task) -> int:
        """Start a task, or keep it until a worker is free; the ticket names it in `wait`."""
        self._last_ticket += 1
        self._waiting.append((self._last_ticket, task))
        self._assign()
        return self._last_ticket

    def _assign(self) -> None:
        while self._waiting:
            free = next((one for one in self._workers if one.ticket is None), None)
            if free is None:
                if len(self._workers) >= self._size:
                    return
                free = self._spawn()
            ticket, task = self._waiting.popleft()
            try:
                free.pipe.send(task)
            except OSError:  # it died while it was idle
                self._bury(free)
                self._waiting.appendleft((ticket, task))
                continue
            free.ticket, free.deadline = ticket, time.monotonic() + self._timeout_s

    def _spawn(self) -> _Worker:
        if self._context is None:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload([worker.__name__])
        ours, theirs = multiprocessing.Pipe()
        watched, lifeline = multiprocessing.Pipe(duplex=False)
        process = self._context.Process(
            target=worker.main,
            args=(theirs, watched, self._memory, self._faults),
            name="edp-worker",
            daemon=True,
        )
        try:
            with _main_not_imported():
                process.start()
        except (OSError, EOFError) as error:
            self._waiting.clear()
            raise StoreUnavailable(f"cannot start a worker process: {error!r}") from error
        self._faults = ""
        theirs.close()
        watched.close()
        one = _Worker(process, ours, lifeline)
        self._workers.append(one)
        return one

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        """What finished since the last call, after at most `timeout_s` seconds."""
        # a pipe's other end closes with its worker; the process's own sentinel also fires where
        # only the fork server has died
        by_pipe: dict[Any, _Worker] = {one.pipe: one for one in self._workers}
        handles = [*by_pipe, *([] if bell is None else [bell])]
        if not handles:
            time.sleep(timeout_s)
            return []
        ready = wait(handles, timeout_s)
        ended: list[Finished] = []
        for handle in ready:
            if handle in by_pipe:
                ended += self._take(by_pipe[handle])
        for one in list(self._workers):
            if one.ticket is not None and (failure := self._excess(one)):
                ended.append(Finished(one.ticket, None, failure))
                self._replace(one)
        self._assign()
        return ended

    def _excess(self, one: _Worker) -> Failure | None:
        """Why a working worker has to be stopped, if it has to be."""
        if time.monotonic() > one.deadline:
            why = f"the run took longer than {self._timeout_s:.0f} s and was stopped"
            return Failure("timed out", why)
        limit = 3 * self._memory // 2 + _BASE_MEMORY
        if _resident(one.process.pid) > limit:
            why = (
                f"the run took more than {limit // 10**6} MB of memory and was stopped; "
                f"raise runtimes.local.memory, or split the file"
            )
            return Failure("out of memory", why)
        return None

    def _take(self, one: _Worker) -> list[Finished]:
        try:
            if one.pipe.poll():
                result, failure = one.pipe.recv()
                ticket, one.ticket, one.done = one.ticket, None, one.done + 1
                grown = _resident(one.process.pid) > self._memory // 2 + _BASE_MEMORY
                if one.done >= RECYCLE_AFTER or grown:
                    self._replace(one)
                return [Finished(ticket, result, failure)] if ticket is not None else []
        except (EOFError, OSError):
            pass  # it died before it could answer
        ticket = one.ticket
        self._replace(one)
        code = one.process.exitcode
        failure = Failure("crashed the parser", f"the worker process ended with {_exit(code)}")
        return [Finished(ticket, None, failure)] if ticket is not None else []

    def _replace(self, one: _Worker) -> None:
        self._bury(one)
        if self._ready:
            with suppress(StoreUnavailable):  # tried again when there is a task for it
                self._spawn()

    def _bury(self, one: _Worker) -> None:
        self._workers.remove(one)
        one.process.kill()
        one.process.join()
        one.pipe.close()
        one.lifeline.close()

    def close(self) -> None:
        """End the workers; unfinished tasks give no result."""
        self._waiting.clear()
        for one in list(self._workers):
            self._bury(one)


def _resident(pid: int | None) -> int:
    """Bytes of memory that a process holds; 0 where the system does not tell."""
    try:
        with Path(f"/proc/{pid}/statm").open("rb") as statm:
            return int(statm.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _exit(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _main_not_imported() -> Iterator[None]:
    """Keep a starting worker from importing the caller's main script, which it does not need."""
    main = sys.modules["__main__"]
    with _ONE_STARTS:  # else a second thread would take the first one's None for the path
        path = getattr(main, "__file__", None)
        spec = getattr(main, "__spec__", None)
        try:
            main.__file__ = None
            main.__spec__ = None
            yield
        finally:
            main.__file__ = path
            main.__spec__ = spec
