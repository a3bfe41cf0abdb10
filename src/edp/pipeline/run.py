"""A run: a batch of versions becomes rows, receipts and files, all in one commit.

A file that cannot be read is dealt with by itself. Where a run fails and no file can be blamed, it
is split in two and tried again, until the one that is to blame is alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edp.catalog.port import Change
from edp.core import bus, clock
from edp.core.errors import Failure, NoDataset, StaleSnapshot, StoreUnavailable
from edp.core.faults import reach
from edp.core.names import normalise
from edp.etl.port import Input, Job, JobResult
from edp.pipeline.dead import bury, dead_object
from edp.pipeline.intake import accept_found, there
from edp.pipeline.replace import Attempt, Steps, TaskFailed, attempt_folder, knows, prepare
from edp.pipeline.telling import USUAL_FILES, file_committed, quality, run_ended

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from edp.core.files import Outcome
    from edp.etl.port import Finished, Task
    from edp.ledger.port import Claim, Member
    from edp.pipeline.intake import Found
    from edp.pipeline.replace import Ready
    from edp.pipeline.stages import Stages

_DISK_PAUSE_S: Final = 5.0
CHANGED: Final = "source changed"
"""Failure code: the bytes are not the ones that the version was accepted with."""


def run(stages: Stages, claim: Claim, *, memory: int, threads: int) -> Steps:
    """The steps from a claimed batch to its commit."""
    if not wanted(stages, claim):
        return
    with attempt_folder(stages, claim.run_id, claim.fence) as workdir:
        job = job_of(stages, claim, workdir=str(workdir), memory=memory, threads=threads)
        (done,) = yield [job]
        yield from finish(stages, claim, done, workdir=workdir, memory=memory, threads=threads)


def wanted(stages: Stages, claim: Claim) -> bool:
    """Whether the contract still has the run's dataset; where not, its files are dead."""
    if not knows(stages, claim.dataset):
        _unwanted(stages, claim)
        return False
    return True


def job_of(stages: Stages, claim: Claim, *, workdir: str, memory: int, threads: int) -> Job:
    """What an engine has to do for the run."""
    keys = [member.key for member in claim.members]
    return Job(
        run_id=claim.run_id,
        fence=claim.fence,
        dataset=claim.dataset,
        contract=stages.config.dataset(claim.dataset),
        inputs=[
            Input(
                key=member.key,
                path=stages.source.locate(member.key),
                sha256=member.sha256,
                size=member.size or 0,
                version=member.version_id,
                etag=member.etag,
            )
            for member in claim.members
        ],
        workdir=workdir,
        loaded_at=claim.started_at,
        live=stages.catalog.live_admits(claim.dataset, without=keys),
        fixed=stages.catalog.fixed_types(claim.dataset),
        memory=memory,
        threads=threads,
        max_partitions=stages.config.batch.max_partitions,
        mask_key=stages.mask_key,
        samples=stages.config.alerts.samples,
    )


def finish(
    stages: Stages, claim: Claim, done: Finished, *, workdir: Path, memory: int, threads: int
) -> Steps:
    """The steps from a job's end to the commit, or to what else becomes of the run."""
    if not isinstance(done.result, JobResult):
        give_up(stages, claim, done.failure or Failure("worker lost", "no result"))
        return
    attempt = Attempt(
        run_id=claim.run_id,
        fence=claim.fence,
        dataset=claim.dataset,
        started_at=claim.started_at,
        workdir=workdir,
        contents={outcome.key: outcome.sha256 for outcome in done.result.outcomes},
        memory=memory,
        threads=threads,
    )
    try:
        yield from _to_commit(stages, claim, done.result, attempt)
    except TaskFailed as error:
        give_up(stages, claim, Failure.of(error))


def _to_commit(stages: Stages, claim: Claim, result: JobResult, attempt: Attempt) -> Steps:
    worked_at = clock.now()
    outcomes = {outcome.key: outcome for outcome in result.outcomes}
    add = tuple(result.staged)
    while True:
        held = stages.runs.held(claim)
        change = Change(
            dataset=claim.dataset,
            add=add,
            profiles={m.key: outcomes[m.key].profile for m in held if _counts(m, outcomes[m.key])},
            declared=declared(stages, claim.dataset),
        )
        reach("commit.planned")
        ready = yield from prepare(stages, attempt, change)
        outcomes |= {key: one for key, one in ready.reread.items() if key in outcomes}
        moved = yield from _leave_others(stages, attempt, change)
        try:
            _commit(stages, claim, held, outcomes, ready, moved, worked_at=worked_at)
        except StaleSnapshot:
            add = ready.plan.change.add
            continue
        reach("commit.after")
        return


def _leave_others(
    stages: Stages, attempt: Attempt, change: Change
) -> Generator[Sequence[Task], Sequence[Finished], list[Ready]]:
    """Take keys out of the tables of other datasets that had them under an older contract."""
    left = []
    for dataset, keys in stages.catalog.holders(change.profiles.keys()).items():
        if dataset != attempt.dataset:
            leaving = Change(dataset, remove=keys, declared=declared(stages, dataset))
            left.append((yield from prepare(stages, replace(attempt, dataset=dataset), leaving)))
    return left


def _unwanted(stages: Stages, claim: Claim) -> None:
    failure = Failure.of(
        NoDataset(f"edp.yaml has no dataset {claim.dataset!r} any more; add it again and redrive")
    )
    with stages.atomically():
        for member in stages.runs.held(claim):
            fail(stages, claim, member, failure)
        stages.runs.end(claim, "failed", failure)
        run_ended(stages, claim, "failed", failure)


def _counts(member: Member, outcome: Outcome) -> bool:
    return member.head and outcome.failure is None


def declared(stages: Stages, dataset: str) -> Mapping[str, str]:
    """Column to type, where the dataset's contract says one."""
    if not knows(stages, dataset):
        return {}
    contract = stages.config.dataset(dataset)
    if contract.transform is not None:  # whose columns are the table's, whatever the files have
        return {}
    columns = contract.columns
    return {
        c.rename or normalise(name): "string" if c.mask else c.type
        for name, c in columns.items()
        if c.type
    }


def _commit(  # noqa: PLR0917 (private; what one commit is made of)
    stages: Stages,
    claim: Claim,
    held: Sequence[Member],
    outcomes: Mapping[str, Outcome],
    ready: Ready,
    moved: Sequence[Ready],
    *,
    worked_at: float,
) -> None:
    """The moment of truth: catalog, ledger, receipts, dead letters and events, together.

    Raises: StaleSnapshot when the table, a lease or a head has changed since it was planned.
    """
    found = {m.key: there(stages, m.key) for m in held if _has_changed(outcomes[m.key])}
    reach("commit.before")
    with stages.atomically():
        if list(stages.runs.held(claim)) != list(held):
            raise StaleSnapshot(f"run {claim.run_id} no longer holds what it was planned with")
        if ready.plan.change.profiles:
            stages.catalog.replace(
                ready.plan,
                rewritten=ready.rewritten,
                run_id=claim.run_id,
                operation="ingest",
            )
        for one in moved:
            stages.catalog.replace(
                one.plan, rewritten=one.rewritten, run_id=claim.run_id, operation="move"
            )
        for key, outcome in ready.reread.items():
            if key not in outcomes:
                stages.runs.recounted(claim, key, outcome)
        usual = stages.receipts.usual(claim.dataset, files=USUAL_FILES)
        states = [
            _settle(stages, claim, m, outcomes[m.key], found.get(m.key), worked_at=worked_at)
            for m in held
        ]
        ended = (
            "lost" if not held else "failed" if set(states) <= {"queued", "dead"} else "committed"
        )
        why = next((o.failure for o in outcomes.values() if o.failure), None)
        stages.runs.end(claim, ended, why if ended == "failed" else None)
        for change in ready.plan.changes:
            stages.events.put(bus.SCHEMA_CHANGED, {"table": claim.dataset} | vars(change))
        committed = [outcomes[m.key] for m, s in zip(held, states, strict=True) if s == "committed"]
        quality(stages, claim, usual, committed)
        again = sum(state == "queued" for state in states)
        failure = why if ended == "failed" else None
        run_ended(stages, claim, ended, failure, again=again, loaded=committed)


def _has_changed(outcome: Outcome) -> bool:
    return outcome.failure is not None and outcome.failure.code == CHANGED


def _settle(
    stages: Stages,
    claim: Claim,
    member: Member,
    outcome: Outcome,
    found: Found | None,
    *,
    worked_at: float,
) -> str:
    if not member.head:
        stages.runs.superseded(member, note="a newer version arrived before the commit")
        return "superseded"
    if found is not None:
        accepted = accept_found(stages, found)
        if accepted is not None and accepted.outcome != "unchanged":
            stages.runs.superseded(member, note="the object was overwritten before it was read")
            return "superseded"
    if outcome.failure is not None:
        return fail(stages, claim, member, outcome.failure, outcome)
    stages.runs.committed(claim, member, outcome)
    file_committed(stages, claim, member, outcome, worked_at=worked_at)
    return "committed"


def fail(
    stages: Stages,
    claim: Claim,
    member: Member,
    failure: Failure,
    outcome: Outcome | None = None,
) -> str:
    """Charge an attempt to the version; one that dies of it becomes a dead letter, first of all."""
    if stages.runs.would_die(member, failure):
        item = dead_object(
            stages,
            member.bucket,
            member.key,
            member.version,
            failure,
            dataset=claim.dataset,
            attempts=member.attempts + 1,
            size=member.size,
            run_id=claim.run_id,
        )
        bury(stages, item, samples=outcome.samples if outcome else ())
    return stages.runs.failed(member, failure, outcome)


def give_up(stages: Stages, claim: Claim, failure: Failure, *, state: str = "failed") -> None:
    """The run as a whole failed: charge the one file it held, or split it in two.

    Where the disk is what failed no file is charged, and all are tried again a little later.
    """
    with stages.atomically():
        held, again = stages.runs.held(claim), 0
        if failure.code == StoreUnavailable.code:
            stages.runs.release(held, delay_s=_DISK_PAUSE_S)
            again = len(held)
        elif len(held) == 1:
            if held[0].head:
                again = int(fail(stages, claim, held[0], failure) == "queued")
            else:
                stages.runs.superseded(held[0], note="a newer version arrived meanwhile")
        else:
            stages.runs.release(held, split=True)
            again = len(held)
        stages.runs.end(claim, state, failure)
        run_ended(stages, claim, state, failure, again=again)
