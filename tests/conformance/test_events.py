"""The event bus: what happened is told once it is true, in order."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import pytest

from edp.backends.sqlite import Database
from edp.core.bus import RULE_FAILED, Event, Rule
from edp.core.errors import StoreUnavailable
from edp.events.aws import EventBridgeEvents
from edp.events.local import LocalEvents
from edp.events.port import Events
from tests.aws_sim import REGION, client, service, unique
from tests.conformance.ledgers import dynamo_table
from tests.conformance.queues import arn_of, sqs_queue
from tests.conformance.scratch import scratch
from tests.conformance.ticking import Tick


@dataclass(frozen=True)
class Bus:
    """An event bus and the transaction that its events are part of."""

    events: Events
    atomically: Callable[[], AbstractContextManager[None]]
    hear: Callable[[], Sequence[tuple[str, Event]]]

    @property
    def heard(self) -> list[tuple[str, Event]]:
        return list(self.hear())


RULES = (
    Rule("failures", {"detail": {"state": ["failed"]}}, "heard"),
    Rule("edps", {"source": ["edp"]}, "heard"),
    Rule("breaks", {"detail-type": ["break"]}, "broken"),
    Rule("fills", {"detail-type": ["fill"]}, "full"),
)
"""`heard` remembers what it is given; `broken` cannot take anything, and `full` not now."""


def broken(_rule: str, _event: Event) -> None:
    raise KeyError("oh")


def full(_rule: str, _event: Event) -> None:
    raise StoreUnavailable("the disk is full")


@contextmanager
def sqlite_events() -> Iterator[Bus]:
    heard: list[tuple[str, Event]] = []
    with scratch() as folder:
        db = Database(folder / "state.db")
        targets = {
            "heard": lambda rule, event: heard.append((rule, event)),
            "broken": broken,
            "full": full,
        }
        yield Bus(LocalEvents(db, rules=RULES, targets=targets), db.transaction, lambda: heard)
        db.close()


@contextmanager
def eventbridge_events() -> Iterator[Bus]:
    aws, name = client("events"), unique("bus")
    aws.create_event_bus(Name=name)
    heard = {rule.name: sqs_queue("heard") for rule in RULES if rule.target == "heard"}
    for rule in RULES:
        place = {"Name": rule.name, "EventBusName": name}
        aws.put_rule(**place, EventPattern=json.dumps(rule.pattern))
        if rule.name in heard:
            target = {"Id": "1", "Arn": arn_of(heard[rule.name])}
            aws.put_targets(Rule=rule.name, EventBusName=name, Targets=[target])

    def hear() -> list[tuple[str, Event]]:
        return [
            (rule, Event.from_json(lease.body))
            for rule, queue in heard.items()
            for lease in queue.receive()
        ]

    events = EventBridgeEvents(
        service("events"), dynamo_table(), account="123456789012", region=REGION, bus=name
    )
    yield Bus(events, nullcontext, hear)


BUSES = {"sqlite": sqlite_events, "eventbridge": eventbridge_events}


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


def test_an_event_is_told_whole_with_an_id_of_its_own(bus: Bus) -> None:
    put = bus.events.put("Glue Job State Change", {"n": 1}, source="aws.glue", resources=["arn:x"])
    bus.events.put("Glue Job State Change", {"n": 1})

    first, second = bus.events.told()

    assert first.event == put
    assert (put.source, put.resources) == ("aws.glue", ("arn:x",))
    assert second.event.id != put.id
    assert [row["event_id"] for row in bus.events.since()] == [put.id, second.event.id]


def test_events_are_told_a_few_at_a_time(bus: Bus) -> None:
    for n in range(3):
        bus.events.put("one", {"n": n})

    first = bus.events.told(limit=2)

    assert [one.event.detail for one in first] == [{"n": 0}, {"n": 1}]
    assert [one.event.detail for one in bus.events.told(first[-1].n)] == [{"n": 2}]


def test_an_event_is_handed_to_every_rule_that_it_fits(bus: Bus) -> None:
    failed = bus.events.put("one", {"state": "failed"}, source="elsewhere")
    fine = bus.events.put("one", {"state": "committed"})
    bus.events.put("one", {}, source="elsewhere")

    assert bus.heard == [("failures", failed), ("edps", fine)]


def test_rules_are_told_within_the_transaction(bus: Bus) -> None:
    with bus.atomically():
        bus.events.put("one", {"state": "failed"}, source="elsewhere")
        inside = len(bus.heard)

    assert inside == 1


def test_a_target_that_breaks_undoes_nothing_and_an_event_tells_of_it(bus: Bus) -> None:
    put = bus.events.put("break", {})

    first, second = bus.events.told()
    assert first.event == put
    assert (second.event.detail_type, second.event.detail) == (
        RULE_FAILED,
        {
            "rule": "breaks",
            "target": "broken",
            "event": put.id,
            "reason": "KeyError: 'oh'",
            "state": "failed",
        },
    )


def test_a_target_that_cannot_write_now_takes_the_event_back(bus: Bus) -> None:
    with pytest.raises(StoreUnavailable):
        bus.events.put("fill", {})

    assert bus.events.told() == []
