"""Handing over: a batch too large for here is done elsewhere, and outlives who started it.

Run and manifest are durable before the job starts; from then on the ledger owes the outcome. Who
hears of the job's end settles the run, and who watches over runs asks where nobody has heard.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from edp.core import clock
from edp.core.errors import Failure, Throttled
from edp.core.faults import reach
from edp.etl.port import Finished, JobResult
from edp.pipeline.run import finish, give_up, job_of, wanted
from edp.pipeline.work import drive

if TYPE_CHECKING:
    from collections.abc import Callable

    from edp.etl.port import Etl, JobRun, Jobs
    from edp.ledger.port import Claim
    from edp.pipeline.stages import Stages

ELSEWHERE: Final = "spark"
"""What receipts call the engine that batches are handed over to."""
_WATCHED_S: Final = 900.0
"""A lease for as long as a few looks of whoever watches, and as the function that settles has."""
_TASK_MEMORY: Final = 1_000_000_000


def hand_over(stages: Stages, jobs: Jobs, claim: Claim) -> bool:
    """Start the job of a run that is for others to do; False where it is not.

    Where too many are at work, who watches over runs starts it later.
    """
    if claim.engine != ELSEWHERE:
        return False
    if not wanted(stages, claim):
        return True
    workdir = jobs.workdir(claim.run_id, claim.fence)
    job = job_of(stages, claim, workdir=workdir, memory=_TASK_MEMORY, threads=1)
    reach("job.planned")
    with suppress(Throttled):
        jobs.start(job)
        reach("job.started")
    stages.runs.extend([claim.run_id], for_s=_WATCHED_S)
    return True


def settle(stages: Stages, jobs: Jobs, run_id: str, *, workdir: str, etl: Etl, memory: int) -> bool:
    """Publish and commit what a job left in `workdir`; False where the run has ended already.

    Whoever else settles it meanwhile can commit it no more. What the job staged is removed once
    the run has ended.
    """
    claim = stages.runs.resume(run_id)
    if claim is None:
        return False
    stages.runs.extend([run_id], for_s=_WATCHED_S)
    if not wanted(stages, claim):
        return True
    found = jobs.result(workdir, [member.key for member in claim.members])
    done = Finished(0, found) if isinstance(found, JobResult) else Finished(0, None, failure=found)
    reach("settle.read")
    with TemporaryDirectory(prefix="edp-settle-") as folder:
        here = Path(folder, PurePosixPath(workdir).name)
        here.mkdir()
        drive(finish(stages, claim, done, workdir=here, memory=memory, threads=1), etl)
        # not where it failed: whoever takes the run over needs what the job staged
        stages.target.discard(here)
    return True


def end_badly(stages: Stages, run_id: str, failure: Failure) -> bool:
    """A run whose job failed: tried again in other parts, or dead; False where it has ended."""
    claim = stages.runs.resume(run_id)
    if claim is None:
        return False
    give_up(stages, claim, failure)
    return True


def watch_over(stages: Stages, jobs: Jobs, *, settle: Callable[[JobRun], object]) -> int:
    """See to the runs that were handed over and that nobody has ended; how many there are.

    A job at work keeps its run's lease. One that ended and was not settled while the lease lasted
    is settled now; one that failed ends its run; one that never started, or that nobody knows any
    more, is started again.
    """
    running = [one for one in stages.runs.running() if one.engine == ELSEWHERE]
    if not running:
        return 0
    known = jobs.since(min(one.started_at for one in running))
    for one in running:
        job = known.get(one.run_id)
        lapsed = one.lease_until <= clock.now()
        if job and job.failure:
            end_badly(stages, one.run_id, job.failure)
        elif job and job.state == "at work":
            stages.runs.extend([one.run_id], for_s=_WATCHED_S)
        elif lapsed and job:
            stages.runs.extend([one.run_id], for_s=_WATCHED_S)
            settle(job)
        elif lapsed and (claim := stages.runs.resume(one.run_id)):
            hand_over(stages, jobs, claim)
    return len(running)
