"""Batches that others do: handed over, settled, tried again, and never forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edp.core import clock
from edp.core.errors import Failure, StoreUnavailable, Throttled
from edp.etl import engine
from edp.etl.port import JobResult, JobRun
from edp.pipeline import feed, handover
from edp.pipeline.handover import end_badly, hand_over, settle, watch_over
from edp.pipeline.reconcile import recover
from edp.pipeline.work import Work, while_time_lasts
from tests.pipeline.test_interleavings import InProcess
from tests.workspaces import ask, states, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from edp.core.files import DataFile
    from edp.etl.port import Finished, Job
    from edp.ledger.port import Claim
    from edp.wiring import Workspace

LATER_S = 10_000.0
"""Longer than any lease."""
LOST = Failure("job failed", "the Glue job run jr_1 ended as FAILED: SystemExit: 1")


class Cluster:
    """Does jobs when it is told to, and keeps their results where they work."""

    def __init__(self, here: Workspace) -> None:
        self._here = here
        self.started: list[Job] = []
        self.full = False
        self.forgets = False
        self._ended: dict[str, JobRun] = {}
        self._results: dict[str, JobResult] = {}

    def workdir(self, run_id: str, fence: int) -> str:
        place = self._here.lake / ".work" / f"{run_id}.{fence}"
        place.mkdir(exist_ok=True)
        return str(place)

    def start(self, job: Job) -> None:
        if self.full:
            raise Throttled("as many job runs as there may be are at work")
        self.started.append(job)

    def do(self) -> None:
        """Have the newest job done."""
        job = self.started[-1]
        self._results[job.workdir] = engine.run(job)
        self._ended[job.run_id] = JobRun(job.run_id, job.workdir, "succeeded")

    def fail(self) -> None:
        """Have the newest job fail."""
        job = self.started[-1]
        self._ended[job.run_id] = JobRun(job.run_id, job.workdir, "failed", LOST)

    def find(self, name: str) -> JobRun | None:
        return self._ended.get(name)

    def since(self, started_at: float) -> Mapping[str, JobRun]:
        del started_at
        at_work = {one.run_id: JobRun(one.run_id, one.workdir, "at work") for one in self.started}
        return {} if self.forgets else at_work | self._ended

    def result(self, workdir: str, keys: Sequence[str]) -> JobResult | Failure:
        if workdir not in self._results:
            return Failure("worker lost", "the job left no result")
        found = self._results[workdir]
        by_key = {outcome.key: outcome for outcome in found.outcomes}
        return JobResult([by_key[key] for key in keys], found.staged)


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    """A workspace all of whose batches are for others to do."""
    text = "runtimes: {local: {settle: 0s}}\nretry: {base: 1ms, cap: 1ms, max_attempts: 2}\n"
    made = workspace(tmp_path, text)
    return replace(made, stages=replace(made.stages, engine=lambda _bytes: "spark"))


@pytest.fixture
def cluster(here: Workspace) -> Cluster:
    return Cluster(here)


def put(here: Workspace, *names: str, first: int = 0) -> None:
    """Put files, each with a number of its own."""
    for n, name in enumerate(names, start=first):
        path = here.path / "incoming.csv"
        path.write_text(f"n\n{n}\n", "utf-8")
        feed.put(here.stages, f"t/{name}", path)


def work(here: Workspace, cluster: Cluster, *, seconds: float = 1000.0) -> bool:
    """What the function that works does in one call."""

    def elsewhere(claim: Claim) -> bool:
        return hand_over(here.stages, cluster, claim)

    one = Work(here.stages, InProcess(), memory=here.memory, elsewhere=elsewhere)
    return while_time_lasts(one, lambda: seconds)


def settled(here: Workspace, cluster: Cluster) -> bool:
    """What the function that settles does with the newest job."""
    job = cluster.started[-1]
    return settle(
        here.stages,
        cluster,
        job.run_id,
        workdir=job.workdir,
        etl=InProcess(),
        memory=here.memory,
    )


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all leases run out."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + LATER_S)


def test_a_batch_is_one_job_and_its_rows_are_there_once_it_is_settled(
    here: Workspace, cluster: Cluster
) -> None:
    put(here, "a.csv", "b.csv")

    work(here, cluster)
    cluster.do()
    before = [states(here, f"t/{name}.csv") for name in "ab"]
    done = settled(here, cluster)

    (job,) = cluster.started
    assert [one.key for one in job.inputs] == ["t/a.csv", "t/b.csv"]
    assert (before, done) == ([["running"], ["running"]], True)
    assert ask(here, "SELECT n, _source_file FROM t ORDER BY n") == [(0, "t/a.csv"), (1, "t/b.csv")]
    assert ask(here, "SELECT engine, state FROM edp.runs") == [("spark", "committed")]


def test_what_is_settled_again_changes_nothing(here: Workspace, cluster: Cluster) -> None:
    put(here, "a.csv")
    work(here, cluster)
    cluster.do()

    assert [settled(here, cluster), settled(here, cluster)] == [True, False]
    assert ask(here, "SELECT count(*) FROM t") == [(1,)]


def test_a_settling_that_fails_leaves_everything_for_the_next(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here, "a.csv")
    work(here, cluster)
    cluster.do()

    def unavailable(dataset: str, staged: Sequence[DataFile]) -> Sequence[DataFile]:
        raise StoreUnavailable(f"S3 does not take {len(staged)} files of {dataset}")

    with monkeypatch.context() as broken:
        broken.setattr(here.stages.target, "publish", unavailable)
        with pytest.raises(StoreUnavailable):
            settled(here, cluster)
    between = states(here, "t/a.csv")

    assert (between, settled(here, cluster)) == (["running"], True)
    assert ask(here, "SELECT count(*) FROM t") == [(1,)]


def test_a_version_that_is_overwritten_meanwhile_is_not_published(
    here: Workspace, cluster: Cluster
) -> None:
    put(here, "a.csv", "b.csv")
    work(here, cluster)
    cluster.do()
    put(here, "a.csv", first=7)
    work(here, cluster)
    first = cluster.started[0]

    settle(
        here.stages,
        cluster,
        first.run_id,
        workdir=first.workdir,
        etl=InProcess(),
        memory=here.memory,
    )

    assert states(here, "t/a.csv") == ["superseded", "running"]
    assert ask(here, "SELECT _source_file FROM t") == [("t/b.csv",)]


def test_a_job_that_fails_with_one_file_is_charged_to_it_until_it_is_dead(
    here: Workspace, cluster: Cluster
) -> None:
    put(here, "a.csv")

    ended = []
    for _ in range(2):
        work(here, cluster)
        ended.append(end_badly(here.stages, cluster.started[-1].run_id, LOST))

    assert ended == [True, True]
    assert states(here, "t/a.csv") == ["dead"]
    (letter,) = here.stages.dead_letters.list()
    assert (letter.code, letter.attempts) == ("job failed", 2)
    assert not end_badly(here.stages, cluster.started[-1].run_id, LOST)


def test_a_job_that_fails_with_many_files_is_tried_again_in_two(
    here: Workspace, cluster: Cluster
) -> None:
    put(here, "a.csv", "b.csv")
    work(here, cluster)

    end_badly(here.stages, cluster.started[-1].run_id, LOST)
    work(here, cluster)

    assert [[one.key for one in job.inputs] for job in cluster.started] == [
        ["t/a.csv", "t/b.csv"],
        ["t/a.csv"],
        ["t/b.csv"],
    ]


def test_without_a_result_the_job_has_failed(here: Workspace, cluster: Cluster) -> None:
    put(here, "a.csv")
    work(here, cluster)

    settled(here, cluster)

    assert states(here, "t/a.csv") == ["queued"]
    assert ask(here, "SELECT state, error_code FROM edp.runs") == [("failed", "worker lost")]


# who watches over runs ---------------------------------------------------------------------------


def watch(here: Workspace, cluster: Cluster) -> list[str]:
    """Watch over runs; those that are to be settled."""
    found: list[str] = []
    watch_over(here.stages, cluster, settle=lambda job: found.append(job.run_id))
    return found


def test_while_its_job_is_at_work_a_run_does_not_lapse(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here, "a.csv")
    work(here, cluster)
    later(monkeypatch)

    to_settle = watch(here, cluster)
    recover(here.stages, orphaned=False)

    assert to_settle == []
    assert states(here, "t/a.csv") == ["running"]


def test_a_job_whose_end_nobody_heard_is_settled_once_its_lease_is_over(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here, "a.csv")
    work(here, cluster)
    cluster.do()

    early = watch(here, cluster)
    later(monkeypatch)
    late, at_once = watch(here, cluster), watch(here, cluster)

    assert (early, late, at_once) == ([], [cluster.started[0].run_id], [])


def test_a_job_that_failed_and_told_nobody_ends_its_run(here: Workspace, cluster: Cluster) -> None:
    put(here, "a.csv")
    work(here, cluster)
    cluster.fail()

    watch(here, cluster)

    assert states(here, "t/a.csv") == ["queued"]
    assert ask(here, "SELECT state, error_code FROM edp.runs") == [("failed", "job failed")]


@pytest.mark.parametrize("lost", ["full", "forgets"])
def test_a_job_that_did_not_start_is_started_later(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    put(here, "a.csv")
    setattr(cluster, lost, True)
    work(here, cluster)
    before = len(cluster.started)
    cluster.full = False

    early = (watch(here, cluster), len(cluster.started))[1]
    later(monkeypatch)
    watch(here, cluster)

    assert (early, len(cluster.started)) == (before, before + 1)
    cluster.do()
    assert settled(here, cluster)


def test_a_run_whose_job_was_killed_before_it_began_is_freed_by_nobody_else(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here, "a.csv")

    def killed(job: Job) -> None:
        raise KeyboardInterrupt(job.run_id)

    with monkeypatch.context() as dying:
        dying.setattr(cluster, "start", killed)
        with pytest.raises(KeyboardInterrupt):
            work(here, cluster)
    later(monkeypatch)
    watch(here, cluster)

    assert [one.run_id for one in cluster.started] == [
        one.run_id for one in here.stages.runs.running()
    ]


@pytest.mark.parametrize("point", ["job.planned", "job.started", "settle.read"])
def test_a_kill_around_a_job_loses_and_doubles_nothing(
    here: Workspace, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    put(here, "a.csv")

    def dies(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt(name)

    def once() -> None:
        work(here, cluster)
        cluster.do()
        settled(here, cluster)

    with monkeypatch.context() as dying:
        dying.setattr(handover, "reach", dies)
        with pytest.raises(KeyboardInterrupt, match=point):
            once()
    later(monkeypatch)
    watch(here, cluster)
    cluster.do()
    settled(here, cluster)

    assert states(here, "t/a.csv") == ["committed"]
    assert ask(here, "SELECT count(*) FROM t") == [(1,)]


# time --------------------------------------------------------------------------------------------


def test_near_the_end_of_the_time_no_run_begins(here: Workspace, cluster: Cluster) -> None:
    put(here, "a.csv")

    rested = work(here, cluster, seconds=30.0)

    assert (rested, cluster.started, states(here, "t/a.csv")) == (False, [], ["queued"])


class Slow(InProcess):
    """An etl whose tasks take longer than there is time."""

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        del timeout_s, bell
        return []


def test_what_has_not_ended_in_time_is_given_back_uncharged(here: Workspace) -> None:
    put(here, "a.csv")
    stages = replace(here.stages, engine=lambda _bytes: "lambda")
    left = iter([100.0] * 6)

    def left_s() -> float:
        return next(left, 1.0)

    one: Callable[[Claim], bool] = lambda _claim: False  # noqa: E731 (nothing is for others)
    work_here = Work(stages, Slow(), memory=here.memory, elsewhere=one)
    rested = while_time_lasts(work_here, left_s)

    (receipt,) = stages.receipts.receipts(keys=["t/a.csv"])
    assert (rested, receipt.state, receipt.attempts) == (False, "queued", 0)
