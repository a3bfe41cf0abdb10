"""Alarms go on when something is too much, once, and off when it is over; each change is told."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from freezegun import freeze_time

from edp.core import bus
from edp.core.receipts import Counts
from edp.pipeline import redrive
from edp.pipeline.alarms import AlarmWatch, history, states
from edp.pipeline.dead import bury, dead_message
from tests.conformance.ledgers import BROKEN, Custody, event, outcome
from tests.workspaces import ask, work_off, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edp.wiring import Workspace

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)


class Shop:
    """A workspace in which time stands still, and work is done without workers."""

    def __init__(self, path: Path, contract: str, tick: Callable[[float], object]) -> None:
        self.here: Workspace = workspace(path, contract)
        stages = self.here.stages
        self.custody = Custody(stages.ledger, stages.runs, stages.receipts)
        self.tick = tick
        self.watch = AlarmWatch(stages)
        self._n = 0

    def put(self, dataset: str = "orders") -> None:
        """A file that waits to be loaded."""
        self._n += 1
        self.custody.accept(event("A", "01", key=f"{dataset}/{self._n}"), dataset=dataset)

    def load(self, *, rejected: int = 0, dataset: str = "orders") -> None:
        """A file of ten rows is loaded, some of them rejected."""
        self.put(dataset)
        counts = Counts(rows_read=10, rows_written=10 - rejected, rows_rejected=rejected)
        claim = self.custody.claimed()
        for member in self.here.stages.runs.held(claim):
            self.here.stages.runs.committed(claim, member, outcome(member, counts))
        self.here.stages.runs.end(claim, "committed")

    def bury(self, body: str = "{") -> None:
        """A message that nobody can read."""
        bury(self.here.stages, dead_message(body, "no JSON", attributes={}))

    def look(self, after_s: float = 0.0) -> dict[str, str]:
        """The alarms that are on after another look."""
        self.tick(after_s)
        self.watch.look()
        found = {str(row["name"]): str(row["state"]) for row in states(self.here.stages)}
        return {name: state for name, state in found.items() if state == "ALARM"}

    def told(self) -> list[tuple[str, str, str]]:
        """The changes that events tell of: alarm, state before and after."""
        return [
            (str(d["AlarmName"]), str(d["OldStateValue"]), str(d["NewStateValue"]))
            for d in self.details()
        ]

    def details(self) -> list[dict[str, Any]]:
        found = self.here.stages.events.told()
        return [dict(t.event.detail) for t in found if t.event.detail_type == bus.ALARM_CHANGED]


@contextmanager
def shop_at(path: Path, contract: str = "name: shop\n") -> Iterator[Shop]:
    with freeze_time(NOON, ignore=["_pytest.timing"]) as frozen:
        yield Shop(path, contract, frozen.tick)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with shop_at(tmp_path) as shop:
        yield shop


def test_a_new_pipeline_has_its_alarms_and_all_is_well(shop: Shop) -> None:
    assert shop.look() == {}
    assert [row["name"] for row in states(shop.here.stages)] == [
        "shop-backlog",
        "shop-disk",
        "shop-dlq",
        "shop-oldest-message",
        "shop-queryable-p95",
    ]
    assert shop.told() == []


def test_an_alarm_is_told_once_and_so_is_its_end(shop: Shop) -> None:
    shop.look()
    shop.bury()
    on = [shop.look(10), shop.look(10)]
    redrive.discard(shop.here.stages, redrive.chosen(shop.here.stages, everything=True))
    off = [shop.look(10), shop.look(10)]

    assert on == [{"shop-dlq": "ALARM"}] * 2
    assert off == [{}, {}]
    assert shop.told() == [("shop-dlq", "OK", "ALARM"), ("shop-dlq", "ALARM", "OK")]


def test_the_event_is_what_cloudwatch_would_send(shop: Shop) -> None:
    shop.bury()
    shop.look(90)

    (told,) = shop.details()
    assert told["NewStateReason"] == (
        "Threshold Crossed: 1 datapoint [1.0 (09/01/26 12:01:30)] was greater than the threshold "
        "(0.0)."
    )
    assert told["StateChangeTime"] == "2026-01-09T12:01:30.000+0000"
    assert told["Trigger"]["Dimensions"] == [{"value": "shop-dlq", "name": "QueueName"}]
    assert "`edp dlq list`" in told["AlarmDescription"]


def test_a_dead_file_while_the_alarm_is_on_is_told_by_an_event_of_its_own(shop: Shop) -> None:
    shop.bury("{")
    shop.look()
    shop.bury("[")
    shop.look(10)

    kinds = [told.event.detail_type for told in shop.here.stages.events.told()]
    assert kinds == [bus.LETTER_ADDED, bus.ALARM_CHANGED, bus.LETTER_ADDED]


def test_states_outlive_the_process(shop: Shop, tmp_path: Path) -> None:
    shop.bury()
    shop.look()

    AlarmWatch(workspace(tmp_path, "name: shop\n").stages).look()

    assert len(shop.told()) == 1


def test_work_that_waits_too_long_is_an_alarm(shop: Shop) -> None:
    shop.put()

    assert shop.look(15 * 60) == {}
    assert shop.look(1) == {"shop-oldest-message": "ALARM"}
    shop.load()
    assert "shop-oldest-message" not in shop.look(1)


def test_a_message_that_waits_too_long_is_an_alarm(shop: Shop) -> None:
    shop.here.stages.queue.send("{}")

    assert shop.look(15 * 60 + 1) == {"shop-oldest-message": "ALARM"}


def test_a_failed_run_is_an_alarm_until_runs_go_well(shop: Shop) -> None:
    shop.put()
    shop.custody.fail(BROKEN)
    failed = shop.look()
    quiet = shop.look(3600)
    shop.load()
    well = shop.look()

    assert failed == quiet == {"shop-runs-failed-orders": "ALARM"}
    assert well == {}


def test_too_many_rejects_are_an_alarm_until_files_are_better(shop: Shop) -> None:
    shop.load(rejected=2)
    enough = shop.look()
    shop.load(rejected=9)
    bad = shop.look()
    later = shop.look(3600)
    shop.load()
    good = shop.look()

    assert enough == good == {}
    assert bad == later == {"shop-rejects-orders": "ALARM"}


def test_slow_files_are_an_alarm(shop: Shop) -> None:
    shop.put()
    shop.tick(601)
    shop.custody.work()

    assert shop.look() == {"shop-queryable-p95": "ALARM"}
    assert shop.look(301) == {}


def test_a_backlog_that_grows_three_times_in_a_row_is_an_alarm(shop: Shop) -> None:
    found = []
    for growth in (0, 101, 101, 101, 100):
        for _ in range(growth):
            shop.put()
        found.append("shop-backlog" in shop.look(300))

    assert found == [False, False, False, True, False]


def test_a_backlog_is_not_compared_over_a_gap(shop: Shop) -> None:
    found = []
    for growth in (0, 101, 101, 101):
        for _ in range(growth):
            shop.put()
        found.append("shop-backlog" in shop.look(600))

    assert found == [False] * 4


def test_a_disk_that_is_nearly_full_is_an_alarm(shop: Shop) -> None:
    stages = shop.here.stages
    for free, expected in ((999_999_999, {"shop-disk": "ALARM"}), (1_000_000_000, {})):
        target = type("Full", (), {"free": lambda _self, free=free: free})()
        shop.watch = AlarmWatch(replace(stages, target=target))

        assert shop.look() == expected


# freshness ----------------------------------------------------------------------------------------

FRESH = "name: shop\ndatasets: {orders: {freshness: 1h}, people: {}}\n"


def test_a_dataset_without_a_commit_for_too_long_is_an_alarm(tmp_path: Path) -> None:
    with shop_at(tmp_path, FRESH) as shop:
        shop.load()

        assert shop.look(3600) == {}
        assert shop.look(1) == {"shop-freshness-orders": "ALARM"}
        shop.load(dataset="people")
        assert shop.look(1) == {"shop-freshness-orders": "ALARM"}
        shop.load()
        assert shop.look() == {}


def test_a_dataset_without_any_commit_counts_from_the_first_look(tmp_path: Path) -> None:
    with shop_at(tmp_path, FRESH) as shop:
        shop.look()

        assert shop.look(3600) == {}
        assert shop.look(1) == {"shop-freshness-orders": "ALARM"}


def test_an_alarm_that_the_contract_has_no_more_is_over(tmp_path: Path) -> None:
    with shop_at(tmp_path, FRESH) as shop:
        shop.look()
        shop.look(3601)
        plain = workspace(tmp_path, "name: shop\ndatasets: {orders: {}, people: {}}\n")

        AlarmWatch(plain.stages).look()

        assert shop.told() == [
            ("shop-freshness-orders", "OK", "ALARM"),
            ("shop-freshness-orders", "ALARM", "OK"),
        ]
        assert not [row for row in states(plain.stages) if "freshness" in str(row["name"])]
        assert [row["state"] for row in history(plain.stages)][-2:] == ["ALARM", "OK"]


# what a look costs --------------------------------------------------------------------------------


def test_a_look_that_changes_nothing_writes_nothing(shop: Shop) -> None:
    shop.load()
    shop.look()
    changes = shop.here.database.connection.total_changes()

    shop.look(10)

    assert shop.here.database.connection.total_changes() == changes


def test_what_a_look_asks_is_answered_by_indexes(shop: Shop) -> None:
    shop.load()
    asked: list[str] = []
    connection = shop.here.database.connection
    connection.trace_v2(1, lambda event: asked.append(str(event["sql"])))
    shop.watch.look()
    connection.trace_v2(0, None)

    scans = [
        row["detail"]
        for sql in asked
        if sql.lstrip().startswith(("SELECT", "WITH", "--"))
        for row in shop.here.database.rows(f"EXPLAIN QUERY PLAN {sql}", **_values(sql))
        if row["detail"].startswith("SCAN") and row["detail"].split()[1] in _LARGE
    ]
    assert asked
    assert not [scan for scan in scans if "INDEX" not in scan]


_LARGE = {"version", "v", "run", "message", "event", "dead_letter", "ledger_event"}


def _values(sql: str) -> dict[str, object]:
    named = ("since", "datasets", "queue", "now")
    return {name: "[]" if name == "datasets" else 0 for name in named if f":{name}" in sql}


# with workers -------------------------------------------------------------------------------------


def test_alarms_can_be_asked_by_sql(tmp_path: Path) -> None:
    here = workspace(tmp_path, "name: shop\nruntimes: {local: {settle: 0s}}\n")
    (here.lake / "source" / "orders").mkdir(parents=True)
    (here.lake / "source" / "orders" / "a.parquet").write_bytes(b"no parquet")
    work_off(here)
    bury(here.stages, dead_message("{", "no JSON", attributes={}))

    AlarmWatch(here.stages).look()

    assert ask(here, "SELECT name, dataset FROM edp.alarms WHERE state = 'ALARM'") == [
        ("shop-dlq", None)
    ]
    assert ask(here, "SELECT name, before FROM edp.alarm_history WHERE state = 'ALARM'") == [
        ("shop-dlq", "INSUFFICIENT_DATA")
    ]
