"""Replace, the one write: some sources' rows leave a table, others' come, in one commit.

What that takes is planned first. A file that loses some of its sources is rewritten without them;
where a new column type cannot be had by an exact cast of what is stored, the source is read again.
The steps are a generator: it yields tasks and is sent their ends.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edp.core.contract import Dataset
from edp.core.errors import RetryableError
from edp.core.files import DataFile, Outcome, admits
from edp.core.types import Admits
from edp.etl.port import Finished, Input, Job, JobResult, Rewrite, Task
from edp.ledger.port import version_id
from edp.pipeline.fixed import take_back, why_not

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from edp.catalog.port import Change, Plan, Rewriting
    from edp.ledger.port import Committed
    from edp.pipeline.stages import Stages

Steps = Generator[Sequence[Task], Sequence[Finished], None]


class TaskFailed(RetryableError):
    """A task of a commit gave no result."""

    code = "task failed"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a commit: whose files it writes, and where.

    `contents` maps key to the SHA-256 of the bytes that a second reading must find.
    """

    run_id: str
    fence: int
    dataset: str
    started_at: float
    workdir: Path
    contents: Mapping[str, str]
    memory: int
    threads: int = 1


@dataclass(frozen=True)
class Ready:
    """A change whose files are durable under their final names; only the commit is missing.

    `reread` are the outcomes of sources that were read again for the sake of others.
    """

    plan: Plan
    rewritten: tuple[DataFile, ...]
    reread: Mapping[str, Outcome]


@contextmanager
def attempt_folder(stages: Stages, run_id: str, fence: int) -> Iterator[Path]:
    """A folder for an attempt, gone at its end with what was not published."""
    folder = stages.target.workdir(run_id, fence)
    try:
        yield folder
    finally:
        stages.target.discard(folder)


def prepare(
    stages: Stages,
    attempt: Attempt,
    change: Change,
) -> Generator[Sequence[Task], Sequence[Finished], Ready]:
    """Plan `change`, do what it takes, and publish its files.

    Raises: TaskFailed when a rewrite or a second reading gives no result.
    """
    reread: dict[str, Outcome] = {}
    change = replace(change, add=(yield from _only(stages, attempt, change.add, change.profiles)))
    while True:
        plan = stages.catalog.plan(change)
        if not plan.reread:
            break
        change = yield from _read_again(stages, attempt, plan, reread)
    rewritten = yield from _rewrite(stages, attempt, plan.rewrite)
    published = stages.target.publish(attempt.dataset, [*change.add, *rewritten])
    add = tuple(published[: len(change.add)])
    ready = replace(plan, change=replace(change, add=add))
    return Ready(ready, tuple(published[len(add) :]), reread)


def results(
    tasks: Sequence[Task],
) -> Generator[Sequence[Task], Sequence[Finished], list[JobResult | DataFile]]:
    """Have `tasks` done; what they give, in their order.

    Raises: TaskFailed where one gives nothing.
    """
    if not tasks:
        return []
    finished = yield tasks
    given = []
    for one in finished:
        if one.result is None:
            reason = one.failure.message if one.failure else "no result"
            raise TaskFailed(reason)
        given.append(one.result)
    return given


def knows(stages: Stages, dataset: str) -> bool:
    """Whether the contract still has the dataset."""
    return not stages.config.datasets or dataset in stages.config.datasets


def _only(
    stages: Stages,
    attempt: Attempt,
    files: Sequence[DataFile],
    keys: Collection[str],
) -> Generator[Sequence[Task], Sequence[Finished], tuple[DataFile, ...]]:
    """`files` with the rows of `keys` and no others."""
    kept = [file for file in files if file.sources.keys() & keys]
    tasks = {
        n: _rewriting(stages, attempt, file, frozenset(file.sources.keys() - keys))
        for n, file in enumerate(kept)
        if not file.sources.keys() <= set(keys)
    }
    done = yield from results(list(tasks.values()))
    for n, result in zip(tasks, done, strict=True):
        assert isinstance(result, DataFile)
        kept[n] = result
    return tuple(file for file in kept if file.rows)


def _rewrite(
    stages: Stages,
    attempt: Attempt,
    rewriting: Sequence[Rewriting],
) -> Generator[Sequence[Task], Sequence[Finished], list[DataFile]]:
    tasks = [_rewriting(stages, attempt, one.file, one.without, one.types) for one in rewriting]
    done = yield from results(tasks)
    return [file for file in done if isinstance(file, DataFile)]


def _rewriting(
    stages: Stages,
    attempt: Attempt,
    file: DataFile,
    without: frozenset[str],
    types: Mapping[str, str] | None = None,
) -> Rewrite:
    return Rewrite(
        run_id=attempt.run_id,
        fence=attempt.fence,
        dataset=attempt.dataset,
        files=(file,),
        paths=(stages.target.locate(file),),
        without=without,
        workdir=_step(attempt),
        types=types or {},
        memory=attempt.memory,
        threads=attempt.threads,
    )


def _read_again(
    stages: Stages,
    attempt: Attempt,
    plan: Plan,
    reread: dict[str, Outcome],
) -> Generator[Sequence[Task], Sequence[Finished], Change]:
    """Read the planned keys from the source, and make them part of the change."""
    change = plan.change
    live = stages.receipts.committed(sorted(plan.reread))
    contents = {key: one.sha256 for key, one in live.items()} | dict(attempt.contents)
    known = knows(stages, attempt.dataset)
    others = {key: profile for key, profile in change.profiles.items() if key not in plan.reread}
    out = change.remove | change.profiles.keys() | plan.reread
    stay = stages.catalog.live_admits(change.dataset, without=out)
    come = admits(others.values())
    readable = [key for key in sorted(plan.reread) if known and contents.get(key)]
    job = Job(
        run_id=attempt.run_id,
        fence=attempt.fence,
        dataset=attempt.dataset,
        contract=stages.config.dataset(attempt.dataset) if known else Dataset(),
        inputs=[_input(stages, key, contents[key], live.get(key)) for key in readable],
        workdir=_step(attempt),
        loaded_at=attempt.started_at,
        live={
            name: stay.get(name, Admits()) & come.get(name, Admits())
            for name in stay.keys() | come.keys()
        },
        fixed=plan.fixed,
        memory=attempt.memory,
        threads=attempt.threads,
        max_partitions=stages.config.batch.max_partitions,
        mask_key=stages.mask_key,
    )
    good: dict[str, Outcome] = {}
    staged: tuple[DataFile, ...] = ()
    why: dict[str, str] = {}
    if readable:
        (result,) = yield from results([job])
        assert isinstance(result, JobResult)
        good = {one.key: one for one in result.outcomes if one.failure is None}
        why = {one.key: one.failure.message for one in result.outcomes if one.failure}
        staged = tuple(result.staged)
    gone = plan.reread - good.keys()
    if unread := gone & change.profiles.keys():
        told = "; ".join(why.get(key, key) for key in sorted(unread))
        raise TaskFailed(f"could not be read again: {told}")
    if plan.fixed and (reason := why_not(plan, staged, {key: why.get(key, "") for key in gone})):
        raise TaskFailed(reason)
    reread |= good
    kept = yield from _only(stages, attempt, change.add, others)
    if plan.fixed:
        paths = {file.path for file in kept}
        take_back(stages, [file for file in change.add if file.path not in paths])
    return replace(
        change,
        add=(*kept, *staged),
        profiles=others | {key: one.profile for key, one in good.items()},
        gone=change.gone | gone,
        methods=plan.methods,
    )


def _input(stages: Stages, key: str, sha256: str | None, live: Committed | None) -> Input:
    """What is read again: the bytes of then, in the version of then where that can be had."""
    version = version_id(live.version) if live and live.sha256 == sha256 else None
    return Input(key, stages.source.locate(key), sha256, version=version)


def _step(attempt: Attempt) -> str:
    """A folder for one more task of the attempt, so that no two write the same names."""
    n = sum(1 for _ in attempt.workdir.glob("step-*"))
    folder = attempt.workdir / f"step-{n}"
    folder.mkdir()
    return str(folder)
