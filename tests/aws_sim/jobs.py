"""The Glue job: its runs are the real script in a real Spark, or end as a test says."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, Pipe
from typing import TYPE_CHECKING, Final

from tests.aws_sim import REGION, client, endpoint, glue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.glue.models import FakeJobRun

_PATIENCE_S: Final = 90.0
_OPEN: Final = ("STARTING", "RUNNING", "WAITING", "STOPPING")


@dataclass(frozen=True)
class End:
    """How a run ends: with `work`, the script runs before; with `told`, an event says so."""

    state: str = "SUCCEEDED"
    message: str = "Job run succeeded"
    work: bool = True
    told: bool = True


@dataclass
class Jobs:
    """The runs of the job `name`; `ends` says how the next ones end. While `held` none does."""

    name: str
    ends: deque[End] = field(default_factory=deque)
    held: bool = False
    ran: list[str] = field(default_factory=list)

    def open(self) -> list[FakeJobRun]:
        """The runs that have not ended, oldest first."""
        job = glue.backend(REGION).jobs.get(self.name)
        return [run for run in job.job_runs if run.status in _OPEN] if job else []

    def step(self) -> bool:
        """End the oldest run; whether there was one to end."""
        if self.held or not (waiting := self.open()):
            return False
        run, end = waiting[0], self.ends.popleft() if self.ends else End()
        run.status = "RUNNING"
        failed = _run({"--JOB_NAME": self.name, **(run.arguments or {})}) if end.work else ""
        if failed:
            end = End("FAILED", failed)
        glue.end_run(run, end.state, end.message)
        self.ran.append(end.state)
        if end.told:
            _tell(self.name, run.job_run_id, end)
        return True


def _tell(job: str, run: str, end: End) -> None:
    """Glue's own event, which EventBridge gets as best it can."""
    detail = {
        "jobName": job,
        "severity": "INFO" if end.state == "SUCCEEDED" else "ERROR",
        "state": end.state,
        "jobRunId": run,
        "message": end.message,
    }
    entry = {
        "Source": "aws.glue",
        "DetailType": "Glue Job State Change",
        "Detail": json.dumps(detail),
    }
    client("events").put_events(Entries=[entry])


def _run(arguments: Mapping[str, str]) -> str:
    """Have the script run with the arguments; what it died of, if it did."""
    words = [word for name, value in arguments.items() for word in (name, value)]
    pipe = _spark()
    pipe.send_bytes(json.dumps(words).encode())
    assert pipe.poll(_PATIENCE_S), "the job takes too long"
    failed: str = json.loads(pipe.recv_bytes())
    return failed


@cache
def _spark() -> Connection:
    """The process with the Spark, started once; it ends when this one does."""
    ours, theirs = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hosts.spark", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=os.environ
        | {
            "AWS_ENDPOINT_URL": endpoint(),
            "AWS_ACCESS_KEY_ID": "job",
            "AWS_SECRET_ACCESS_KEY": "job",
            "AWS_DEFAULT_REGION": REGION,
        },
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(_PATIENCE_S)

    atexit.register(end)
    return ours
