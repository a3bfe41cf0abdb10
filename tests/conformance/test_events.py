"""The event bus: what happened is told once it is true, in order."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import pytest

from edp.backends.sqlite import Database
from edp.events.local import LocalEvents
from edp.events.port import Events
from tests.conformance.scratch import scratch
from tests.conformance.ticking import Tick


@dataclass(frozen=True)
class Bus:
    """An event bus and the transaction that its events are part of."""

    events: Events
    atomically: Callable[[], AbstractContextManager[None]]


@contextmanager
def sqlite_events() -> Iterator[Bus]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        yield Bus(LocalEvents(db), db.transaction)
        db.close()


BUSES = {"sqlite": sqlite_events}


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Bus]:
    del tick  # the time stands still from the start
    with BUSES[request.param]() as bus:
        yield bus


def test_at_first_nothing_has_happened(bus: Bus) -> None:
    assert bus.events.since() == []
    assert bus.events.last_id() == 0


def test_an_event_is_told_as_it_was_put(bus: Bus) -> None:
    detail = {"key": "orders/ü.csv", "rows": 3, "ok": True, "none": None, "list": [1, {"a": 2}]}

    bus.events.put("EDP Run State Change", detail)

    (told,) = bus.events.since()
    assert (told["source"], told["detail_type"]) == ("edp", "EDP Run State Change")
    assert (told["detail"], told["at"]) == (detail, "2026-01-09T12:00:00.000Z")


def test_events_are_told_in_order_from_any_of_them_on(bus: Bus, tick: Tick) -> None:
    for n in range(3):
        bus.events.put("one", {"n": n})
        tick(-1)  # the clock is set back: the order is that of what happened

    told = bus.events.since()
    after = told[0]["id"]
    assert isinstance(after, int)
    assert [one["detail"] for one in told] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert bus.events.since(after) == told[1:]
    assert bus.events.since(after + 100) == []
    assert bus.events.last_id() == told[-1]["id"]


def test_reading_events_takes_none_away(bus: Bus) -> None:
    bus.events.put("one", {})

    assert bus.events.since() == bus.events.since()


def test_what_did_not_commit_did_not_happen(bus: Bus) -> None:
    with suppress(KeyError), bus.atomically():
        bus.events.put("one", {})
        raise KeyError

    with bus.atomically():
        bus.events.put("two", {})

    assert [one["detail_type"] for one in bus.events.since()] == ["two"]


def test_old_events_are_forgotten_but_for_the_newest(bus: Bus, tick: Tick) -> None:
    for name in ("a", "b"):
        bus.events.put(name, {})
    tick(60)
    for name in ("c", "d"):
        bus.events.put(name, {})
    tick(31)

    bus.events.forget(older_than_s=90)
    recent = [event["detail_type"] for event in bus.events.since()]
    tick(1000)
    bus.events.forget(older_than_s=90)
    newest = bus.events.last_id()
    bus.events.put("e", {})

    assert recent == ["c", "d"]
    assert [event["detail_type"] for event in bus.events.since()] == ["d", "e"]
    assert bus.events.last_id() == newest + 1
