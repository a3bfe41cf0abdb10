"""Rejects that are old leave their table, whole files where that can be; receipts stay."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core import clock
from edp.core.bus import CHORE_FAILED, REJECTS_EXPIRED
from edp.core.files import DataFile
from edp.pipeline.audit import audit
from edp.pipeline.chores import Chores
from edp.pipeline.compact import compact_all
from edp.pipeline.expire import expire, old
from edp.pipeline.foreground import until_idle
from edp.pipeline.reprocess import rejected, reprocess
from edp.pipeline.retract import retract
from edp.pipeline.work import Work, drive
from tests.pipeline.test_compact import RUN, NoRoom, load, loaded
from tests.pipeline.test_interleavings import InProcess, put, step
from tests.workspaces import ask, receipts, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace

DAY = 86400.0
KEPT = "runtimes: {local: {settle: 0s}}\nretention: {rejects: 90d}\n"
BAD = "id,n\n1,x\n2,y,z\n"


class Calendar:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += days * DAY


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    moved = Calendar()
    monkeypatch.setattr(clock, "now", moved)
    return moved


def run(here: Workspace, etl: InProcess | None = None) -> int:
    return drive(expire(here.stages, memory=here.memory), etl or InProcess())


def left(here: Workspace) -> list[object]:
    """The sources that still have rejects."""
    return [key for (key,) in ask(here, "SELECT source_file FROM t__rejects ORDER BY ALL")]


def test_old_rejects_go_and_the_rows_and_receipts_stay(tmp_path: Path, calendar: Calendar) -> None:
    here = workspace(tmp_path, KEPT)
    loaded(here, {"t/a.csv": BAD})
    calendar.pass_days(60)
    loaded(here, {"t/b.csv": BAD})
    before = receipts(here)

    calendar.pass_days(31)
    gone = run(here)

    assert (gone, left(here)) == (1, ["t/b.csv"])
    assert receipts(here) == before
    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (1,)]
    assert here.stages.catalog.versions("t__rejects")[-1]["operation"] == "expire"
    told = [e["detail"] for e in here.stages.events.since() if e["detail_type"] == REJECTS_EXPIRED]
    assert told == [{"table": "t__rejects", "rows": 1, "files": 1}]
    assert run(here) == 0


def test_an_audit_misses_no_rejects_that_were_old_and_all_that_were_not(
    tmp_path: Path, calendar: Calendar
) -> None:
    here = workspace(tmp_path, KEPT)
    loaded(here, {"t/a.csv": BAD})
    calendar.pass_days(91)
    run(here)
    calendar.pass_days(1)
    loaded(here, {"t/b.csv": BAD})

    whole = audit(here, deep=True)
    here.database.execute("DELETE FROM file_source WHERE key = 't/b.csv'")
    broken = audit(here)

    assert whole.holds
    (found,) = (proof.findings for proof in broken.proofs if proof.name == "counted")
    assert [one.problem for one in found if "rejected" in one.problem] == [
        "its receipt says 1 rows rejected, the catalog has files with 0"
    ]


def test_rejects_stay_as_long_as_the_setting_says(tmp_path: Path, calendar: Calendar) -> None:
    here = workspace(tmp_path, KEPT)
    loaded(here, {"t/a.csv": BAD})

    calendar.pass_days(90)
    gone = run(here)

    assert (gone, left(here)) == (0, ["t/a.csv"])


def test_a_file_with_younger_rejects_is_written_again_without_the_old(
    tmp_path: Path, calendar: Calendar
) -> None:
    here = workspace(tmp_path, KEPT)
    for n in range(3):
        loaded(here, {f"t/{n}.csv": BAD})
        calendar.pass_days(30)
    drive(compact_all(here.stages, "t__rejects", memory=here.memory), InProcess())

    calendar.pass_days(0.5)
    soon = run(here)
    calendar.pass_days(1)
    later = run(here)

    assert (soon, later) == (0, 1)
    assert left(here) == ["t/1.csv", "t/2.csv"]
    assert len(here.stages.catalog.files("t__rejects")) == 1


def test_files_whose_rejects_went_can_still_be_read_again(
    tmp_path: Path, calendar: Calendar
) -> None:
    here = workspace(tmp_path, KEPT)
    loaded(here, {"t/a.csv": BAD})
    calendar.pass_days(100)
    run(here)

    assert rejected(here.stages, "t") == ["t/a.csv"]
    reprocess(here.stages, ["t/a.csv"])
    load(here)
    assert left(here) == ["t/a.csv"]
    assert run(here) == 0, "they are new"


def test_what_another_commit_changed_meanwhile_is_left_for_the_next_time(
    tmp_path: Path, calendar: Calendar
) -> None:
    here, etl = workspace(tmp_path, KEPT), InProcess()
    for n in range(3):
        loaded(here, {f"t/{n}.csv": BAD})
        calendar.pass_days(40)
    drive(compact_all(here.stages, "t__rejects", memory=here.memory), InProcess())
    steps = expire(here.stages, memory=here.memory)
    tasks = next(steps)

    retraction = retract(here.stages, "t/2.csv", run_id=RUN, memory=here.memory)
    drive(retraction, InProcess())
    ended = step(steps, etl, tasks)

    assert ended is None
    assert len(list(here.lake.glob("rejects/t/*.parquet"))) == 5, "three, merged, without the one"
    assert left(here) == ["t/0.csv", "t/1.csv"]
    assert (run(here), left(here)) == (1, ["t/1.csv"])


def test_a_worker_that_fails_is_told_and_loses_nothing(tmp_path: Path, calendar: Calendar) -> None:
    here = workspace(tmp_path, KEPT)
    for n in range(2):
        loaded(here, {f"t/{n}.csv": BAD})
        calendar.pass_days(80)
    drive(compact_all(here.stages, "t__rejects", memory=here.memory), InProcess())

    gone = run(here, NoRoom())

    assert (gone, left(here)) == (0, ["t/0.csv", "t/1.csv"])
    told = [e["detail"] for e in here.stages.events.since() if e["detail_type"] == CHORE_FAILED]
    assert told == [{"table": "t__rejects", "code": "task failed", "reason": "signal 11"}]


def test_an_idle_worker_takes_old_rejects_out(tmp_path: Path, calendar: Calendar) -> None:
    here = workspace(tmp_path, KEPT)
    loaded(here, {"t/a.csv": BAD})
    calendar.pass_days(91)
    chores = Chores(here.stages, memory=here.memory)
    work = Work(here.stages, InProcess(), memory=here.memory, chores=chores)

    for _ in range(4):
        work.turn(flush=True, within_s=0)

    assert left(here) == []


def test_a_command_in_the_foreground_takes_old_rejects_out(tmp_path: Path) -> None:
    here = workspace(tmp_path, KEPT.replace("90d", "0s"))

    until_idle(here, first=lambda: put(here, "t/a.csv", BAD))

    assert receipts(here)["t/a.csv"].counts is not None
    assert left(here) == []


AGES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 200), min_size=1)


@given(ages=AGES, files=st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), max_size=5))
def test_what_goes_is_old_and_all_that_is_much_older_goes(
    ages: dict[str, float], files: list[set[str]]
) -> None:
    since = {key: -age for key, age in ages.items()}
    held = [
        DataFile(str(n), "rejects", len(keys), 1, "", {}, dict.fromkeys(keys, 1))
        for n, keys in enumerate(files)
    ]

    found = old(held, since, now=0.0, keep_s=90.0)

    going = {(f.path, key) for f in found.drop for key in f.sources}
    going |= {(one.file.path, key) for one in found.rewrite for key in one.without}
    for file in held:
        for key in file.sources:
            gone = (file.path, key) in going
            assert not gone or ages[key] > 90
            assert gone or ages.get(key, 0) <= 91
    assert found.rows == len(going)
