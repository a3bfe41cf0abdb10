"""Where moto's Glue differs from the one that AWS describes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from moto.glue.models import FakeCrawl, FakeJob, FakeJobRun, GlueBackend, glue_backends
from moto.moto_api import state_manager

ACCOUNT: Final = "123456789012"
_messages: Final[dict[str, str]] = {}
_described = FakeJobRun.as_dict
_runs = FakeJob.get_job_runs
_NEVER: Final = {"progression": "manual", "times": 1 << 60}


def mend() -> None:
    """Make it so; once is enough."""
    state_manager.set_transition("glue::job_run", _NEVER)
    setattr(FakeJobRun, "as_dict", _told)  # noqa: B010 (types know it as a method)
    setattr(FakeJob, "get_job_runs", _newest_first)  # noqa: B010


def backend(region: str) -> GlueBackend:
    """What moto keeps of a region."""
    return glue_backends[ACCOUNT][region]


def end_run(run: FakeJobRun, state: str, message: str) -> None:
    """A run ends when who runs the job says so; moto's ends when it is asked for."""
    run.status = state
    if state != "SUCCEEDED":
        _messages[run.job_run_id] = message
    run.completed_on = datetime.now(UTC)


def end_crawl(crawl: FakeCrawl, state: str) -> None:
    """A crawl ends when who crawls says so."""
    crawl.status = state


def _newest_first(job: FakeJob) -> list[FakeJobRun]:
    """Runs are listed from the newest on; moto starts with the oldest."""
    return _runs(job)[::-1]


def _told(run: FakeJobRun) -> dict[str, Any]:
    """A run that goes on has no end yet, and one that failed says why."""
    told = _described(run)
    if told["JobRunState"] in ("STARTING", "RUNNING"):
        del told["CompletedOn"]
    if message := _messages.get(run.job_run_id):
        told["ErrorMessage"] = message
    return told
