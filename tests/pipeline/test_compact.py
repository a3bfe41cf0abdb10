"""Merging small files: fewer of them, the same rows and receipts, and no commit in the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edp.backends.sqlite.replay import replay
from edp.catalog.port import Small
from edp.core.bus import CHORE_FAILED, TABLE_COMPACTED
from edp.core.errors import Failure, StoreUnavailable
from edp.etl.port import Finished, Job, Task
from edp.pipeline import compact as compacting
from edp.pipeline.ask import snapshot
from edp.pipeline.chores import Chores
from edp.pipeline.compact import BY_HAND, IDLE, Limits, compact, compact_all, next_batch
from edp.pipeline.crawl import crawl
from edp.pipeline.retract import retract
from edp.pipeline.run import run
from edp.pipeline.work import Work, drive, garbage, until
from tests.pipeline.test_interleavings import InProcess, claim, put, step
from tests.states import assert_given_back
from tests.workspaces import ask, receipts, rows, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.core.receipts import Receipt
    from edp.wiring import Workspace

RUN = "20260101T000000-00000000"
NOW = "runtimes: {local: {settle: 0s}}\n"
SOON = f"{NOW}retention: {{superseded: 0s}}\n"


def load(here: Workspace, etl: InProcess | None = None) -> None:
    """Work off what there is, in this process."""
    work = Work(here.stages, etl or InProcess(), memory=here.memory)
    assert until(work, lambda: work.idle, timeout_s=30)


def loaded(here: Workspace, files: dict[str, str]) -> None:
    """Load files, each by a run of its own."""
    for key, text in files.items():
        put(here, key, text)
        load(here)


def merge(here: Workspace, table: str | None = None) -> list[compacting.Compacted]:
    return drive(compact_all(here.stages, table, memory=here.memory), InProcess())


def files(here: Workspace, table: str = "t") -> int:
    return {one.name: one.files for one in here.stages.catalog.tables()}[table]


def without_times(found: dict[str, Receipt]) -> dict[str, Receipt]:
    return {key: replace(one, queryable_ms=None) for key, one in found.items()}


THREE = {
    "t/a.csv": "id,n\n1,x\n2,y,z\n",
    "t/b.csv": "id,n\n3,x\n3,x\n",
    "t/c.csv": "id,n\n4,x\nbad\n",
}


def test_small_files_become_one_and_nothing_else_changes(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    before = rows(here, "t"), ask(here, "SELECT * FROM t__rejects ORDER BY ALL"), receipts(here)
    times = ask(here, "SELECT DISTINCT _source_file, _loaded_at FROM t ORDER BY ALL")

    done = merge(here)

    assert [(one.table, one.files, one.rows) for one in done] == [("t", 3, 3), ("t__rejects", 2, 2)]
    assert (files(here), files(here, "t__rejects")) == (1, 1)
    after = rows(here, "t"), ask(here, "SELECT * FROM t__rejects ORDER BY ALL"), receipts(here)
    assert after == before
    assert ask(here, "SELECT DISTINCT _source_file, _loaded_at FROM t ORDER BY ALL") == times
    assert merge(here) == []
    told = [e["detail"] for e in here.stages.events.since() if e["detail_type"] == TABLE_COMPACTED]
    assert told == [vars(one) for one in done]


def test_only_the_table_that_was_named_is_merged(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)

    merge(here, "t__rejects")

    assert (files(here), files(here, "t__rejects")) == (3, 1)


def test_partitions_and_the_order_of_rows_stay(tmp_path: Path) -> None:
    columns = "columns: {day: {type: int}, id: {type: int}}"
    contract = f"datasets: {{t: {{{columns}, partition_by: [day], sort_by: [id]}}}}\n"
    here = workspace(tmp_path, NOW + contract)
    loaded(here, {f"t/{n}.csv": f"day,id\n1,{9 - n}\n2,{n}\n" for n in range(4)})
    before = rows(here, "t")

    merge(here)

    live = here.stages.catalog.files("t")
    assert sorted(one.partition for one in live) == ["day=1", "day=2"]
    assert rows(here, "t") == before
    stored = [ask_file(here, one.path, "id") for one in live]
    assert [found == sorted(found) and len(found) == 4 for found in stored] == [True, True]


def ask_file(here: Workspace, path: str, column: str) -> list[int]:
    """A column of a Parquet file, in its order."""
    with duckdb.connect() as con:
        query = f"SELECT {column} FROM read_parquet($path, hive_partitioning=false)"
        return [one for (one,) in con.execute(query, {"path": str(here.lake / path)}).fetchall()]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    (here.lake / "target" / "theirs").mkdir()
    with duckdb.connect() as con:
        for n in range(3):
            path = here.lake / "target" / "theirs" / f"{n}.parquet"
            con.execute(f"COPY (SELECT {n} AS id) TO '{path}' (FORMAT parquet)")
    drive(crawl(here.stages, None, run_id=RUN, memory=here.memory), InProcess())

    done = merge(here)

    assert done == []
    assert files(here, "theirs") == 3


def test_a_query_that_began_before_a_merge_ends_as_it_began(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    began = snapshot(here.stages)

    merge(here)
    garbage(here.stages)

    assert here.query().ask("SELECT id FROM t ORDER BY id", began).rows == [(1,), (3,), (4,)]


def test_merged_files_are_garbage_once_no_query_may_read_them(tmp_path: Path) -> None:
    here = workspace(tmp_path, SOON)
    loaded(here, THREE)

    merge(here)
    collected = garbage(here.stages)

    assert len(collected) == 5
    assert len(list(here.lake.glob("target/t/*.parquet"))) == 1
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (3,), (4,)]


def test_the_journal_gives_back_a_merged_table(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    merge(here)

    replayed = replay(here.lake / "commits", tmp_path / "again.db", whole=lambda _: True)

    assert not replayed.damages
    assert_given_back(tmp_path / "again.db", here.lake / "state.db")


# meeting other commits ---------------------------------------------------------------------------


def test_a_merge_of_files_that_were_replaced_meanwhile_is_not_committed(tmp_path: Path) -> None:
    here, etl = workspace(tmp_path, NOW), InProcess()
    loaded(here, THREE)
    batch = next_batch(here.stages, BY_HAND, table="t")
    assert batch is not None
    steps = compact(here.stages, batch, memory=here.memory)
    tasks = next(steps)

    drive(retract(here.stages, "t/b.csv", run_id=RUN, memory=here.memory), InProcess())
    there = set(here.lake.glob("target/t/*.parquet"))
    ended = step(steps, etl, tasks)

    assert ended is None
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (4,)]
    assert here.stages.catalog.versions("t")[-1]["operation"] == "retract"
    assert set(here.lake.glob("target/t/*.parquet")) == there
    assert list((here.lake / ".work").iterdir()) == []


def test_a_merge_of_files_that_are_gone_before_it_begins_does_nothing(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    batch = next_batch(here.stages, BY_HAND, table="t")
    assert batch is not None
    merge(here)

    assert drive(compact(here.stages, batch, memory=here.memory), InProcess()) is None
    assert files(here) == 1


def test_a_merge_is_committed_though_other_files_came_meanwhile(tmp_path: Path) -> None:
    here, etl = workspace(tmp_path, NOW), InProcess()
    loaded(here, THREE)
    batch = next_batch(here.stages, BY_HAND, table="t")
    assert batch is not None
    steps = compact(here.stages, batch, memory=here.memory)
    tasks = next(steps)

    loaded(here, {"t/d.csv": "id,n\nfive,x\n"})  # the column is text from here on
    step(steps, etl, tasks)

    assert ask(here, "SELECT id FROM t ORDER BY id") == [("1",), ("3",), ("4",), ("five",)]
    assert files(here) == 2


def test_a_run_that_a_merge_overtook_is_planned_again_without_parsing_again(
    tmp_path: Path,
) -> None:
    here, etl = workspace(tmp_path, NOW), InProcess()
    loaded(here, THREE)
    put(here, "t/b.csv", "id,n\n30,x\n")
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    tasks: Sequence[Task] | None = next(steps)

    merge(here)
    while tasks is not None:
        tasks = step(steps, etl, tasks)

    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (4,), (30,)]
    assert etl.jobs == [["t/b.csv"]]


KEYS = ("a", "b", "c", "d")
TEXTS = (
    "x,d\n1,1/2/2025\n1,1/2/2025\n",
    "x,d\n1.50,13/2/2025\n2,\n",
    "x,d\n07,2/13/2025\n3\n",
    "d,x\n2025-01-02 10:00,4\n",
    "x\n\n5\n",
    "y,x\ntrue,6\n",
    "x,d\n",
)
ACTS = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(TEXTS)),
    st.tuples(st.sampled_from(KEYS), st.none()),
    st.just(("merge", None)),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(ACTS, min_size=3, max_size=9))
@example(acts=[("a", TEXTS[0]), ("b", TEXTS[1]), ("merge", None), ("c", TEXTS[2]), ("a", None)])
def test_with_merges_in_between_tables_are_what_they_are_without(
    acts: list[tuple[str, str | None]],
) -> None:
    with TemporaryDirectory() as folder:
        here = workspace(Path(folder) / "merged", SOON)
        heads: dict[str, str] = {}
        for what, text in acts:
            if what == "merge":
                merge(here)
                garbage(here.stages)
            elif text is not None:
                heads[f"t/{what}.csv"] = text
                loaded(here, {f"t/{what}.csv": text})
            elif heads.pop(f"t/{what}.csv", None) is not None:
                key = f"t/{what}.csv"
                drive(retract(here.stages, key, run_id=RUN, memory=here.memory), InProcess())
        merge(here)
        plain = workspace(Path(folder) / "plain", NOW)
        for key, text in heads.items():
            put(plain, key, text)
        load(plain)

        tables = {one.name for one in plain.stages.catalog.tables()}
        for table in tables:
            hidden = ("run_id",) if table.endswith("__rejects") else ("_loaded_at",)
            assert seen(here, table, hidden) == seen(plain, table, hidden)
            assert columns(here, table) == columns(plain, table)
        for key in heads:
            assert receipts(here)[key].counts == receipts(plain)[key].counts


def seen(here: Workspace, table: str, hidden: Sequence[str]) -> Counter[object]:
    sql = f'SELECT * EXCLUDE ({", ".join(hidden)}) FROM "{table}"'
    return Counter(map(repr, ask(here, sql)))


def columns(here: Workspace, name: str) -> object:
    return {one.name: one.columns for one in here.stages.catalog.tables()}[name]


# what is merged with what ------------------------------------------------------------------------


def small(path: str, size: int, sources: int = 1) -> Small:
    return Small(path, 1, size, sources)


SMALL = st.builds(
    small,
    st.text("abcdef", min_size=1, max_size=4),
    st.integers(1, 100),
    st.integers(1, 20),
)
LIMITS = st.builds(
    Limits,
    bytes=st.integers(1, 400),
    files=st.integers(2, 20),
    sources=st.integers(1, 60),
    uneven=st.booleans(),
)


@given(found=st.lists(SMALL, unique_by=lambda one: one.path), limits=LIMITS)
def test_a_merge_is_within_its_limits(found: list[Small], limits: Limits) -> None:
    taken = compacting.together(found, limits)

    assert len(taken) != 1
    assert len(taken) <= limits.files
    assert sum(one.bytes for one in taken) <= limits.bytes
    assert sum(one.sources for one in taken) <= limits.sources
    if taken and not limits.uneven:
        largest = max(one.bytes for one in taken)
        assert largest <= sum(one.bytes for one in taken) - largest


@given(sizes=st.lists(st.integers(1000, 200_000), min_size=1, max_size=400))
def test_however_files_come_few_stay_small_and_no_row_is_copied_often(sizes: list[int]) -> None:
    limits = Limits(crowd=8)
    live: list[Small] = []
    copied = 0
    for n, size in enumerate(sizes):
        live.append(small(f"p{n}", size))
        while len(live) > limits.crowd and (taken := compacting.together(live, limits)):
            whole = sum(one.bytes for one in taken)
            copied += whole
            live = [one for one in live if one not in taken]
            live.append(small(f"m{n}-{len(live)}", whole, sum(one.sources for one in taken)))

    assert len(live) <= limits.crowd
    assert sum(one.bytes for one in live) == sum(sizes)
    assert copied <= 12 * sum(sizes)


# by workers that are idle ------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Busy(InProcess):
    """An etl whose only worker has something to do already."""

    def idle(self) -> int:
        return 0


class NoRoom(InProcess):
    """An etl that fails every rewrite with `failure`."""

    def submit(self, task: Task) -> int:
        if isinstance(task, Job):
            return super().submit(task)
        self._tickets += 1
        self._ended.append(Finished(self._tickets, None, self.failure))
        return self._tickets


FEW = replace(IDLE, crowd=2)


def chores(here: Workspace, clock: Callable[[], float] | None = None) -> Chores:
    return Chores(here.stages, memory=here.memory, limits=FEW, monotonic=clock or Clock())


def turn(work: Work, times: int = 6) -> None:
    for _ in range(times):
        work.turn(flush=True, within_s=0)


def test_an_idle_worker_merges_what_is_too_much_and_then_rests(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    work = Work(here.stages, InProcess(), memory=here.memory, chores=chores(here))

    turn(work)

    assert files(here) == 1
    assert files(here, "t__rejects") == 2, "two are no crowd"
    assert not work.turn(flush=True, within_s=0)


def test_a_crowd_that_comes_later_is_noticed(tmp_path: Path) -> None:
    here, clock = workspace(tmp_path, NOW), Clock()
    work = Work(here.stages, InProcess(), memory=here.memory, chores=chores(here, clock))
    turn(work)
    loaded(here, THREE)

    turn(work)
    soon = files(here)
    clock.now += 60
    turn(work)

    assert (soon, files(here)) == (3, 1)


def test_no_chore_is_begun_while_every_worker_has_work(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    work = Work(here.stages, Busy(), memory=here.memory, chores=chores(here))

    turn(work)

    assert files(here) == 3


def test_files_that_wait_come_before_chores(tmp_path: Path) -> None:
    here, etl = workspace(tmp_path, NOW), InProcess()
    loaded(here, THREE)
    put(here, "t/d.csv", "id,n\n5,x\n")
    work = Work(here.stages, etl, memory=here.memory, chores=chores(here))

    work.turn(flush=True, within_s=0)
    work.turn(flush=True, within_s=0)

    assert etl.jobs == [["t/d.csv"]]
    assert here.stages.catalog.versions("t")[-1]["operation"] == "ingest"


def test_a_chore_that_fails_is_told_and_left_alone_for_a_while(tmp_path: Path) -> None:
    here, etl, clock = workspace(tmp_path, NOW), NoRoom(), Clock()
    loaded(here, THREE)
    work = Work(here.stages, etl, memory=here.memory, chores=chores(here, clock))

    turn(work)
    clock.now += 60
    turn(work)

    told = [e["detail"] for e in here.stages.events.since() if e["detail_type"] == CHORE_FAILED]
    assert told == [{"table": "t", "code": "task failed", "reason": "signal 11"}]
    assert rows(here, "t").total() == 3
    clock.now += 3600
    work = Work(here.stages, InProcess(), memory=here.memory, chores=chores(here, clock))
    turn(work)
    assert files(here) == 1


def test_a_disk_that_is_full_pauses_chores_too(tmp_path: Path) -> None:
    here, etl, clock = workspace(tmp_path, NOW), NoRoom(), Clock()
    etl.failure = Failure(StoreUnavailable.code, "the disk is full")
    loaded(here, THREE)
    work = Work(here.stages, etl, memory=here.memory, chores=chores(here, clock))

    turn(work)

    assert work.pause.reason == "the disk is full"


def test_a_chore_that_is_let_go_has_changed_nothing(tmp_path: Path) -> None:
    here = workspace(tmp_path, NOW)
    loaded(here, THREE)
    doing = chores(here)
    assert doing.begin(InProcess())

    doing.release()

    assert not doing.busy
    assert files(here) == 3
    assert list((here.lake / ".work").iterdir()) == []
