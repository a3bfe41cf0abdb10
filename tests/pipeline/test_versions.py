"""One key, several versions: the table has the newest one's rows, once, whatever happened."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from edp.core import events
from edp.core.errors import ConfigError
from edp.core.events import ObjectCreated
from edp.pipeline import feed
from edp.pipeline.reconcile import reconcile
from edp.pipeline.retract import retract
from edp.source.local import LocalSource
from tests.workspaces import ask, do, receipts, states, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.source.port import Stored
    from edp.wiring import Workspace

KEY = "orders/a.csv"
A = "id,status\n1,new\n2,new\n"
B = "id,status\n1,paid\n3,new\n"


def put(here: Workspace, text: str, key: str = KEY) -> None:
    path = here.path / "incoming.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, key, path)


def take_out(here: Workspace, key: str = KEY) -> None:
    do(here, retract(here.stages, key, run_id="20260101T000000-00000000", memory=10**9))


def table(here: Workspace) -> list[tuple[object, ...]]:
    return ask(here, "SELECT id, status FROM orders ORDER BY ALL")


def test_a_b_a_put_at_once_ends_at_a_with_three_versions(tmp_path: Path) -> None:
    here = workspace(tmp_path)

    for text in (A, B, A):
        put(here, text)
    work_off(here)

    assert table(here) == [(1, "new"), (2, "new")]
    assert states(here, KEY) == ["superseded", "superseded", "committed"]


def test_a_b_a_worked_off_one_by_one_ends_at_a(tmp_path: Path) -> None:
    here = workspace(tmp_path)

    seen = []
    for text in (A, B, A):
        put(here, text)
        work_off(here)
        seen.append(table(here))

    assert seen == [[(1, "new"), (2, "new")], [(1, "paid"), (3, "new")], [(1, "new"), (2, "new")]]
    assert states(here, KEY) == ["superseded", "superseded", "committed"]


def test_the_same_bytes_again_are_no_new_version(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    work_off(here)

    put(here, A)
    work_off(here)

    assert states(here, KEY) == ["committed"]
    assert len(here.stages.receipts.runs()) == 1


def test_a_retracted_file_stays_out_until_it_is_put_again(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    put(here, B, key="orders/b.csv")
    work_off(here)

    take_out(here)
    reconcile(here.stages)
    work_off(here)
    after_retract = table(here)
    put(here, A)
    work_off(here)

    assert after_retract == [(1, "paid"), (3, "new")]
    assert table(here) == [(1, "new"), (1, "paid"), (2, "new"), (3, "new")]
    assert states(here, KEY) == ["discarded", "committed"]


def test_a_retracted_file_leaves_the_other_sources_of_its_parquet_file(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    put(here, B, key="orders/b.csv")
    work_off(here)

    take_out(here, "orders/b.csv")

    assert table(here) == [(1, "new"), (2, "new")]
    (one,) = here.stages.catalog.tables()
    assert (one.rows, one.files) == (2, 1)


def event(size: int, sequencer: str, version_id: str | None = None) -> str:
    record = ObjectCreated("landing", KEY, size, sequencer, version_id, sequencer)
    return events.render([record])


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 2))))
@pytest.mark.parametrize("versioned", [True, False])
def test_three_versions_in_any_order_end_at_the_newest(
    tmp_path: Path,
    order: tuple[int, ...],
    versioned: bool,  # noqa: FBT001
) -> None:
    texts = [A, B, "id,status\n9,gone\n"]
    objects = tmp_path / "objects"
    objects.mkdir()
    messages = []
    for n, text in enumerate(texts):
        (objects / f"{n}.csv").write_text(text, "utf-8")
        version_id = f"v{n}" if versioned else None
        body = event(len(text), f"0{n + 1}", version_id)
        messages.append(feed.Captured(body, f"{n}.csv"))
    here = workspace(tmp_path / "workspace")

    for n in order:
        feed.replay(here.stages, [messages[n]], bucket="landing", prefix="", objects=objects)
        work_off(here)

    assert table(here) == [(9, "gone")]
    assert sorted(states(here, KEY)) == ["committed", "superseded", "superseded"]


def test_a_message_with_three_records_is_three_files(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    (objects / "a.csv").write_text(A, "utf-8")
    records = [
        ObjectCreated("landing", f"orders/{n}.csv", len(A), sequencer=f"{n:02X}") for n in range(3)
    ]
    here = workspace(tmp_path / "workspace")

    message = feed.Captured(events.render(records), "a.csv")
    feed.replay(here.stages, [message], bucket="landing", prefix="", objects=objects)
    work_off(here)

    assert {r.state for r in receipts(here).values()} == {"committed"}
    assert ask(here, "SELECT count(*), count(DISTINCT _source_file) FROM orders") == [(6, 3)]


def test_a_bad_file_is_dead_and_its_neighbours_are_committed(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    put(here, "PK\x03\x04 no csv\x00", key="orders/bad.csv")

    work_off(here)

    assert {key: r.state for key, r in receipts(here).items()} == {
        KEY: "committed",
        "orders/bad.csv": "dead",
    }
    (item,) = here.stages.dead_letters.list()
    assert (item.key, item.code) == ("orders/bad.csv", "unreadable file")


def test_a_dead_file_put_again_mended_is_committed_and_its_dead_letter_goes(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "\x00")
    work_off(here)
    dead = states(here, KEY)

    put(here, A)
    work_off(here)

    assert dead == ["dead"]
    assert states(here, KEY) == ["superseded", "committed"]
    assert here.stages.dead_letters.list() == []


def test_a_head_that_dies_leaves_the_rows_of_the_version_before(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    work_off(here)

    put(here, "\x00")
    work_off(here)

    assert table(here) == [(1, "new"), (2, "new")]
    assert states(here, KEY) == ["committed", "dead"]


def test_a_file_that_others_write_into_the_source_is_found(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    folder = here.lake / "source" / "orders"
    folder.mkdir()
    (folder / "a.csv").write_text(A, "utf-8")
    (folder / "_SUCCESS").touch()

    found = reconcile(here.stages)
    again = reconcile(here.stages)
    work_off(here)

    assert (found.accepted, again.accepted) == (1, 0)
    assert table(here) == [(1, "new"), (2, "new")]


class SlowClock:
    """The time: each look at it takes a moment, a sleep as long as it says."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_reconcile_that_takes_long_to_read_leaves_no_file_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = workspace(tmp_path, "runtimes: {local: {settle: 1s}}\n")
    names = {f"{n}.csv" for n in range(30)}
    for name in names:
        (here.lake / "source" / name).write_text(A, "utf-8")
    clock = SlowClock()
    read = LocalSource.read

    def slowly(source: LocalSource, key: str) -> Stored | None:
        clock.sleep(60)
        return read(source, key)

    monkeypatch.setattr("edp.pipeline.reconcile.time", clock)
    monkeypatch.setattr(LocalSource, "read", slowly)
    found = reconcile(here.stages)

    assert here.stages.ledger.seen().keys() == names
    assert found.objects == 30


def test_a_file_whose_newer_version_waits_is_not_retracted_as_if_that_were_all(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path)
    put(here, A)
    work_off(here)
    (here.lake / "source" / KEY).unlink()
    (here.lake / "source" / KEY).write_text(B, "utf-8")
    reconcile(here.stages)

    with pytest.raises(ConfigError, match="is queued; retract it once that is over"):
        take_out(here)

    assert table(here) == [(1, "new"), (2, "new")]
    work_off(here)
    take_out(here)
    assert ask(here, "SELECT count(*) FROM orders") == [(0,)]
    assert states(here, KEY) == ["superseded", "discarded"]


def test_a_dead_file_that_is_listed_anew_is_not_told_of_again(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "\x00")
    work_off(here)
    before = here.stages.dead_letters.list()
    (here.lake / "source" / KEY).write_text("\x00", "utf-8")  # the same bytes, a newer time

    found = reconcile(here.stages)

    assert found.accepted == 0
    assert [item.key for item in before] == [KEY]
    assert here.stages.dead_letters.list() == before


def test_a_file_overwritten_after_its_event_is_read_as_the_version_it_now_is(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path)
    put(here, A)
    (here.lake / "source" / KEY).unlink()
    (here.lake / "source" / KEY).write_text(B, "utf-8")

    work_off(here)

    assert table(here) == [(1, "paid"), (3, "new")]
    assert states(here, KEY) == ["superseded", "committed"]


def test_a_file_gone_before_it_is_read_is_dead(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, A)
    (here.lake / "source" / KEY).unlink()

    work_off(here)

    assert states(here, KEY) == ["dead"]
    assert [i.code for i in here.stages.dead_letters.list()] == ["object missing"]


def test_a_file_that_moves_to_another_dataset_leaves_the_table_it_was_in(tmp_path: Path) -> None:
    text = "runtimes: {{local: {{settle: 0s}}}}\ndatasets: {{{}: {{path: 'orders/**'}}}}\n"
    here = workspace(tmp_path, text.format("one"))
    put(here, A)
    put(here, B, key="orders/b.csv")
    work_off(here)

    here = workspace(tmp_path, text.format("two"))
    put(here, "id,status\n7,moved\n")
    work_off(here)

    assert ask(here, "SELECT id FROM two") == [(7,)]
    assert ask(here, "SELECT id FROM one ORDER BY id") == [(1,), (3,)]
