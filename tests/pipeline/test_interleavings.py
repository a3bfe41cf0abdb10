"""Runs that fail, are late, or meet another commit: what is published is right all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from edp.core.errors import Failure, StoreUnavailable
from edp.etl import engine
from edp.etl.port import Finished, Job
from edp.ledger.port import BatchLimits
from edp.pipeline import feed, intake, redrive
from edp.pipeline.reconcile import recover
from edp.pipeline.retract import retract
from edp.pipeline.run import run
from edp.pipeline.work import Work, until
from tests.workspaces import ask, do, receipts, states, work_off, workspace

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from edp.etl.port import Task
    from edp.ledger.port import Claim
    from edp.wiring import Workspace

RETRY = "runtimes: {local: {settle: 0s}}\nretry: {base: 1ms, cap: 1ms, max_attempts: 3}\n"
ALL = BatchLimits(1000, 10**9, 0.0)


class InProcess:
    """An etl that does tasks in this process; a job with `poison` in a key kills its worker."""

    def __init__(self) -> None:
        self._ended: list[Finished] = []
        self._tickets = 0
        self.jobs: list[list[str]] = []
        self.failure = Failure("crashed the parser", "signal 11")

    def warm(self) -> None:
        pass

    def idle(self) -> int:
        return 1

    def submit(self, task: Task) -> int:
        self._tickets += 1
        self._ended.append(self._done(self._tickets, task))
        return self._tickets

    def _done(self, ticket: int, task: Task) -> Finished:
        if not isinstance(task, Job):
            return Finished(ticket, engine.rewrite(task))
        keys = [one.key for one in task.inputs]
        self.jobs.append(keys)
        if any("poison" in key for key in keys):
            return Finished(ticket, None, self.failure)
        return Finished(ticket, engine.run(task))

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        del timeout_s, bell
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        pass


def put(here: Workspace, key: str, text: str) -> None:
    path = here.path / "incoming.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, key, path)


def claim(here: Workspace) -> Claim:
    intake.take(here.stages)
    claimed = here.stages.runs.claim(
        ALL, contract=lambda _: "", engine=lambda _: "local", flush=True
    )
    assert claimed is not None
    return claimed


def step(
    steps: Generator[Sequence[Task], Sequence[Finished], object],
    etl: InProcess,
    tasks: Sequence[Task],
) -> Sequence[Task] | None:
    """Do `tasks` and go on to the next ones; None at the end."""
    tickets = [etl.submit(task) for task in tasks]
    ended = {one.ticket: one for one in etl.wait(0)}
    try:
        return steps.send([ended[ticket] for ticket in tickets])
    except StopIteration:
        return None


def test_what_kills_the_parser_ends_dead_alone_and_its_neighbours_are_not_charged(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path, RETRY)
    keys = ["t/a.csv", "t/b.csv", "t/poison.csv", "t/d.csv", "t/e.csv"]
    for n, key in enumerate(keys):
        put(here, key, f"id\n{n}\n")
    etl = InProcess()
    work = Work(here.stages, etl, memory=here.memory)

    assert until(work, lambda: work.idle, timeout_s=30)

    found = receipts(here)
    assert {key: (r.state, r.attempts) for key, r in found.items()} == {
        key: ("dead", 3) if "poison" in key else ("committed", 1) for key in keys
    }
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(0,), (1,), (3,), (4,)]
    (item,) = here.stages.dead_letters.list()
    assert (item.key, item.code, item.attempts) == ("t/poison.csv", "crashed the parser", 3)
    assert [job for job in etl.jobs if job == ["t/poison.csv"]] == [["t/poison.csv"]] * 3


def test_a_full_disk_is_charged_to_no_file_and_all_are_tried_again_later(tmp_path: Path) -> None:
    here = workspace(tmp_path, RETRY)
    put(here, "t/a.csv", "id\n1\n")
    put(here, "t/poison.csv", "id\n2\n")
    etl = InProcess()
    etl.failure = Failure(StoreUnavailable.code, "No space left on device")
    work = Work(here.stages, etl, memory=here.memory)

    for _ in range(10):
        work.turn(flush=True)

    assert etl.jobs == [["t/a.csv", "t/poison.csv"]]
    assert {(r.state, r.attempts) for r in receipts(here).values()} == {("queued", 0)}
    assert here.stages.dead_letters.list() == []


def test_a_run_that_lost_its_lease_publishes_nothing(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    etl = InProcess()
    put(here, "t/a.csv", "id\n1\n")
    put(here, "t/b.csv", "id\n2\n")
    late = run(here.stages, claim(here), memory=here.memory, threads=1)
    tasks = next(late)

    recover(here.stages, orphaned=True)
    work_off(here)
    step(late, etl, tasks)

    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    assert {r.state for r in receipts(here).values()} == {"committed"}


def test_a_version_overtaken_while_it_was_read_is_superseded_and_its_neighbour_committed(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path)
    etl = InProcess()
    put(here, "t/a.csv", "id\n1\n")
    put(here, "t/b.csv", "id\n2\n")
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    tasks: Sequence[Task] | None = next(steps)

    put(here, "t/a.csv", "id\n10\n")
    intake.take(here.stages)
    # the bytes that the job was given are still the old ones: read before they were replaced
    assert tasks is not None
    (job,) = tasks
    assert isinstance(job, Job)
    (tmp_path / "old.csv").write_text("id\n1\n", "utf-8")
    inputs = [
        type(one)(one.key, str(tmp_path / "old.csv"), one.sha256) if "a.csv" in one.key else one
        for one in job.inputs
    ]
    tasks = [type(job)(**{**vars(job), "inputs": inputs})]
    while tasks is not None:
        tasks = step(steps, etl, tasks)
    between = ask(here, "SELECT id FROM t ORDER BY id")
    told = states(here, "t/a.csv")
    work_off(here)

    assert between == [(2,)]
    assert told == ["superseded", "queued"]
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(2,), (10,)]
    assert states(here, "t/a.csv") == ["superseded", "committed"]


def test_a_commit_that_met_another_is_planned_again_without_parsing_again(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    etl = InProcess()
    put(here, "t/a.csv", "id\n1\n")
    put(here, "t/b.csv", "id\n2\n")
    work_off(here)
    put(here, "t/a.csv", "id\n10\n")
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    rewrites = step(steps, etl, next(steps)) or []
    assert rewrites, "the file that a.csv shares with b.csv has to be rewritten"

    retraction = retract(
        here.stages, "t/b.csv", run_id="20260101T000000-00000000", memory=here.memory
    )
    do(here, retraction)
    tasks: Sequence[Task] | None = rewrites
    while tasks is not None:
        tasks = step(steps, etl, tasks)

    assert ask(here, "SELECT id FROM t") == [(10,)]
    assert etl.jobs == [["t/a.csv"]]


def test_a_version_overtaken_while_its_commit_was_prepared_is_not_committed(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path)
    etl = InProcess()
    put(here, "t/a.csv", "id\n1\n")
    put(here, "t/b.csv", "id\n2\n")
    work_off(here)
    put(here, "t/a.csv", "id\n10\n")
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    tasks: Sequence[Task] | None = step(steps, etl, next(steps))
    assert tasks, "the file that a.csv shares with b.csv has to be rewritten"

    put(here, "t/a.csv", "id\n100\n")
    intake.take(here.stages)
    while tasks is not None:
        tasks = step(steps, etl, tasks)
    between = ask(here, "SELECT id FROM t ORDER BY id")
    work_off(here)

    assert between == [(1,), (2,)]
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(2,), (100,)]
    assert states(here, "t/a.csv") == ["superseded", "superseded", "committed"]


def test_a_message_stays_in_the_queue_until_what_it_says_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = workspace(tmp_path)
    here.stages.queue.send("no JSON")

    def full(*_: object) -> NoReturn:
        raise StoreUnavailable("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(type(here.stages.dead_letters), "add", full)
        with pytest.raises(StoreUnavailable):
            intake.take(here.stages)

    assert here.stages.queue.depth() == 1
    assert intake.take(here.stages) == 1
    assert here.stages.queue.depth() == 0
    assert [one.body for one in here.stages.dead_letters.list()] == ["no JSON"]


def test_dead_letters_that_are_gone_are_neither_sent_nor_discarded_again(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    here.stages.queue.send("no event")
    intake.take(here.stages)
    listed = here.stages.dead_letters.list()

    sent = [redrive.redrive(here.stages, listed) for _ in range(2)]
    discarded = redrive.discard(here.stages, listed)

    assert (sent, discarded) == ([1, 0], 0)
    assert here.stages.queue.depth() == 1


def test_a_wider_type_reads_again_what_a_cast_cannot_give_exactly(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "t/a.csv", "price,day\n1.50,2025-01-02\n")
    work_off(here)
    before = ask(here, "SELECT price, typeof(price), typeof(day) FROM t")

    put(here, "t/b.csv", "price,day\nfree,2025-01-02 10:00\n")
    work_off(here)

    assert before == [(1.5, "DOUBLE", "DATE")]
    assert ask(here, "SELECT price FROM t ORDER BY price") == [("1.50",), ("free",)]
    changes = here.stages.catalog.schema_changes()
    assert {(c["column_name"], c["new_type"], c["method"]) for c in changes} == {
        ("price", "string", "re-read"),
        ("day", "timestamp", "cast at read"),
    }


def test_a_type_narrows_again_when_the_file_that_widened_it_is_retracted(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "t/a.csv", "price\n1.50\n")
    put(here, "t/b.csv", "price\nfree\n")
    work_off(here)

    do(here, retract(here.stages, "t/b.csv", run_id="20260101T000000-00000001", memory=10**9))

    assert ask(here, "SELECT price, typeof(price) FROM t") == [(1.5, "DOUBLE")]


def test_values_whose_source_is_gone_are_rendered_and_that_is_said(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "t/a.csv", "price\n1.50\n")
    work_off(here)
    (here.lake / "source" / "t" / "a.csv").unlink()

    put(here, "t/b.csv", "price\nfree\n")
    work_off(here)

    assert ask(here, "SELECT price FROM t ORDER BY price") == [("1.5",), ("free",)]
    (change,) = here.stages.catalog.schema_changes()
    assert change["method"] == "rendered"
