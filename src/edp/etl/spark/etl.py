"""The etl port on Spark: a driver process does jobs, one after another; a worker here rewrites.

The driver stays warm between jobs. It ends with its owner, whose end of their pipe closes then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edp.core.errors import EdpError, Failure
from edp.etl.local import LocalEtl
from edp.etl.port import Finished, Input, Job
from edp.etl.spark.manifest import job_lines, result_of
from edp.etl.spark.place import Folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.etl.port import JobResult, Task

DRIVER: Final = "edp.glue_job"
"""The module that a driver process runs."""
MANIFEST: Final = "manifest.jsonl"
_POLL_S: Final = 0.05
_GRACE_S: Final = 10.0


class SparkEtl:
    """Jobs on the Spark at `master` with `conf`; `memory` (bytes) is what one of its tasks takes.

    `log` is where the driver process says what it has to say.
    """

    def __init__(self, master: str, conf: Mapping[str, str], *, memory: int, log: Path) -> None:
        self._spark = {"master": master, "conf": dict(conf), "memory": memory}
        self._log = log
        self._rewriting = LocalEtl(1, memory=memory)
        self._rewrites: dict[int, int] = {}
        self._jobs: dict[int, Job] = {}
        self._driver: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._last_ticket = 0

    def idle(self) -> int:
        """One, unless a job is under way."""
        return 0 if self._jobs else 1

    def warm(self) -> None:
        """Start the driver, so that the first job need not wait for it."""
        if self._pipe is None:
            self._pipe = self._spawn()

    def submit(self, task: Task) -> int:
        """Start a task; the ticket names it in `wait`."""
        self._last_ticket += 1
        if isinstance(task, Job):
            self._jobs[self._last_ticket] = task
            self._ask(self._last_ticket, task)
        else:
            self._rewrites[self._rewriting.submit(task)] = self._last_ticket
        return self._last_ticket

    def _ask(self, ticket: int, job: Job) -> None:
        sized = replace(job, inputs=[_sized(one) for one in job.inputs])
        manifest = Folder(job.workdir).write(MANIFEST, job_lines(sized))
        self.warm()
        assert self._pipe is not None
        ask = {"ticket": ticket, "manifest": manifest, "mask_key": job.mask_key}
        with suppress(OSError):  # it has died, as `wait` will find
            self._pipe.send_bytes(json.dumps(ask).encode())

    def _spawn(self) -> Connection:
        ours, theirs = Pipe()
        command = [sys.executable, "-m", DRIVER, "--serve", str(theirs.fileno())]
        with self._log.open("ab") as log:
            self._driver = subprocess.Popen(  # noqa: S603 (our own module)
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        theirs.close()
        ours.send_bytes(json.dumps(self._spark).encode())
        return ours

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        """What finished since the last call, after at most `timeout_s` seconds."""
        if self._rewrites:
            pause_s = min(timeout_s, _POLL_S) if self._jobs else timeout_s
            ended = self._rewritten(pause_s, bell)
            return [*ended, *self._answered(0.0, None)]
        return self._answered(timeout_s, bell)

    def _rewritten(self, timeout_s: float, bell: int | None) -> list[Finished]:
        ended = self._rewriting.wait(timeout_s, bell=bell)
        return [replace(one, ticket=self._rewrites.pop(one.ticket)) for one in ended]

    def _answered(self, timeout_s: float, bell: int | None) -> list[Finished]:
        handles: list[Any] = [one for one in (self._pipe, bell) if one is not None]
        if not handles:
            return list(self._rewriting.wait(timeout_s))  # which sleeps
        if self._pipe not in wait(handles, timeout_s):
            return []
        assert self._pipe is not None
        try:
            answer = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            return self._lost()
        job = self._jobs.pop(answer["ticket"])
        result = _result(job, answer)
        if isinstance(result, Failure):
            return [Finished(answer["ticket"], None, result)]
        return [Finished(answer["ticket"], result)]

    def _lost(self) -> list[Finished]:
        """The driver has died: its jobs with it."""
        self._end()
        why = Failure("worker lost", f"the Spark driver ended; {self._log} says why")
        tickets, self._jobs = list(self._jobs), {}
        return [Finished(ticket, None, why) for ticket in tickets]

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._driver is not None:
            try:
                self._driver.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._driver.pid, 9)
                self._driver.wait()
        self._pipe = self._driver = None

    def close(self) -> None:
        """End the driver and the worker; unfinished tasks give no result."""
        if self._jobs and self._driver is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._driver.pid, 9)
        self._end()
        self._jobs.clear()
        self._rewriting.close()


def _sized(one: Input) -> Input:
    try:
        return replace(one, size=Path(one.path).stat().st_size)
    except OSError:  # the task will say that it is gone
        return one


def _result(job: Job, answer: Mapping[str, Any]) -> JobResult | Failure:
    if answer["failure"] is not None:
        return Failure(**answer["failure"])
    try:
        return result_of(
            Folder(job.workdir).read(answer["result"]), [one.key for one in job.inputs]
        )
    except (EdpError, OSError) as error:
        return Failure.of(error)
