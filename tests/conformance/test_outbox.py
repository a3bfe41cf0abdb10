"""The outbox: whoever is owed an alert gets it, once for each cause, and hears when it is over."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from edp.backends.sqlite import Database
from edp.notify.aws import DynamoOutbox
from edp.notify.local import LocalOutbox
from edp.notify.port import Delivery, Outbox
from tests.conformance.ledgers import dynamo_table
from tests.conformance.scratch import scratch
from tests.conformance.ticking import NOON, Tick
from tests.notify.alerts import alert

BOTH = ("pagerduty", "slack")


@dataclass(frozen=True)
class Place:
    """An outbox and the transaction that its alerts are part of."""

    outbox: Outbox
    atomically: Callable[[], AbstractContextManager[None]]


@contextmanager
def sqlite_outbox() -> Iterator[Place]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        yield Place(LocalOutbox(db), db.transaction)
        db.close()


@contextmanager
def dynamo_outbox() -> Iterator[Place]:
    yield Place(DynamoOutbox(dynamo_table()), nullcontext)


OUTBOXES = {"sqlite": sqlite_outbox, "dynamo": dynamo_outbox}


@pytest.fixture(params=OUTBOXES)
def place(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Place]:
    del tick  # the time stands still from the start
    with OUTBOXES[request.param]() as place:
        yield place


@pytest.fixture
def outbox(place: Place) -> Outbox:
    return place.outbox


def take(outbox: Outbox, sink: str = "slack", limit: int = 10) -> Sequence[Delivery]:
    return outbox.take(sink, limit=limit, lease_s=60)


def told(outbox: Outbox, sink: str = "slack") -> list[tuple[str, int, int]]:
    """Action, alerts so far and new ones of all that is due, which is then delivered."""
    found: list[tuple[str, int, int]] = []
    while due := take(outbox, sink):
        found += [(d.notice.alert.action, d.notice.alerts, d.notice.new) for d in due]
        outbox.delivered(due, said="ok")
    return found


def dead(n: int, **further: Any) -> Any:  # noqa: ANN401 (any field)
    return alert(subject=f"orders/{n}.csv", event_id=f"e-{n}", **further)


def test_at_first_nothing_is_owed(outbox: Outbox) -> None:
    assert (take(outbox), outbox.due("slack"), outbox.undelivered()) == ([], 0, 0)
    assert outbox.list() == []


def test_an_alert_is_owed_to_each_of_its_sinks(outbox: Outbox) -> None:
    outbox.add(alert(), to=BOTH)

    (slack,), (pagerduty,) = take(outbox), take(outbox, "pagerduty")

    assert slack.notice == pagerduty.notice
    assert (slack.notice.alert, slack.notice.alerts, slack.notice.new) == (alert(), 1, 1)
    assert (slack.attempts, slack.notice.since) == (0, NOON)
    assert take(outbox, "other") == []


def test_what_did_not_commit_is_not_owed(place: Place) -> None:
    with suppress(KeyError), place.atomically():
        place.outbox.add(alert(), to=BOTH)
        raise KeyError

    assert take(place.outbox) == []


def test_what_is_taken_is_hidden_until_its_lease_is_over(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=BOTH)
    first = take(outbox)

    hidden = take(outbox)
    tick(61)

    assert hidden == []
    assert [d.id for d in take(outbox)] == [d.id for d in first]


def test_what_is_delivered_is_owed_no_more(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=BOTH)

    outbox.delivered(take(outbox), said="200")
    tick(61)

    assert take(outbox) == []
    (one,) = outbox.list()
    assert one.deliveries == {"slack": "delivered", "pagerduty": "waiting"}


def test_what_failed_is_tried_again_after_a_while(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=["slack"])

    outbox.later(take(outbox), said="500: oops", delay_s=10)
    at_once = take(outbox)
    tick(10)
    (again,) = take(outbox)

    assert at_once == []
    assert again.attempts == 1
    assert outbox.list()[0].answers == {"slack": "500: oops"}


def test_what_is_refused_is_set_aside_with_the_reason(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=["slack"])

    outbox.refused(take(outbox), said="404: no_service")
    tick(1000)

    assert (take(outbox), outbox.undelivered()) == ([], 1)
    (one,) = outbox.list()
    assert (one.deliveries, one.answers) == ({"slack": "dead"}, {"slack": "404: no_service"})


def test_many_of_one_cause_are_one_incident_with_an_exact_count(outbox: Outbox) -> None:
    for n in range(20):
        outbox.add(dead(n), to=BOTH)

    assert told(outbox) == told(outbox, "pagerduty") == [("trigger", 20, 20)]


def test_what_comes_after_the_first_message_is_told_later_and_counted(
    outbox: Outbox, tick: Tick
) -> None:
    outbox.add(dead(0), to=["slack"])
    first = told(outbox)

    for n in range(1, 10):
        outbox.add(dead(n), to=["slack"])
    at_once = told(outbox)
    tick(61)

    assert (first, at_once) == ([("trigger", 1, 1)], [])
    assert told(outbox) == [("trigger", 10, 9)]


def test_what_comes_while_a_message_is_under_way_is_counted_in_the_next(
    outbox: Outbox, tick: Tick
) -> None:
    outbox.add(dead(0), to=["slack"])
    under_way = take(outbox)

    outbox.add(dead(1), to=["slack"])
    outbox.delivered(under_way, said="ok")
    tick(61)

    assert [d.notice.new for d in under_way] == [1]
    assert told(outbox) == [("trigger", 2, 1)]


def test_messages_of_an_incident_that_goes_on_come_less_and_less_often(
    outbox: Outbox, tick: Tick
) -> None:
    messages = 0
    for n in range(24 * 2):  # a failure every half hour, for a day
        outbox.add(dead(n), to=["slack"])
        messages += len(told(outbox))
        tick(1800)

    assert 20 < messages < 30


def test_the_end_is_told_to_whom_the_beginning_was(outbox: Outbox) -> None:
    outbox.add(alert(), to=["slack"])
    told(outbox)

    outbox.add(alert(action="resolve"), to=BOTH)

    assert (told(outbox), told(outbox, "pagerduty")) == ([("resolve", 1, 1)], [])


def test_the_end_of_what_never_began_is_nothing(outbox: Outbox) -> None:
    outbox.add(alert(action="resolve"), to=BOTH)

    assert (told(outbox), outbox.list()) == ([], [])


def test_an_incident_is_over_when_the_last_of_its_subjects_is(outbox: Outbox) -> None:
    for n in range(3):
        outbox.add(dead(n), to=["slack"])
    told(outbox)

    for n in (0, 2):
        outbox.over(f"orders/{n}.csv", at=NOON, event_id="e-9")
    before = told(outbox)
    outbox.over("orders/1.csv", at=NOON + 5, event_id="e-10")

    assert before == []
    (end,) = take(outbox)
    assert (end.notice.alert.action, end.notice.alert.at) == ("resolve", NOON + 5)
    assert (end.notice.alert.event_id, end.notice.alerts) == ("e-10", 3)


def test_a_subject_that_nobody_was_told_of_ends_nothing(outbox: Outbox) -> None:
    outbox.add(dead(0), to=["slack"])
    told(outbox)

    outbox.over("orders/other.csv", at=NOON, event_id="e-9")

    assert told(outbox) == []


def test_the_end_comes_after_the_beginning_even_where_that_has_to_wait(
    outbox: Outbox, tick: Tick
) -> None:
    outbox.add(alert(), to=["slack"])
    outbox.later(take(outbox), said="down", delay_s=100)
    outbox.add(alert(action="resolve"), to=["slack"])

    before = told(outbox)
    tick(101)

    assert before == []
    assert told(outbox) == [("trigger", 1, 1), ("resolve", 1, 1)]


def test_the_end_gives_the_number_of_those_that_were_not_told(outbox: Outbox) -> None:
    outbox.add(dead(0), to=["slack"])
    told(outbox)
    for n in range(1, 9):
        outbox.add(dead(n), to=["slack"])

    outbox.add(alert(action="resolve"), to=["slack"])

    assert told(outbox) == [("resolve", 9, 1)]
    assert [one.deliveries["slack"] for one in outbox.list()][1:9] == ["folded"] * 8


def test_who_refused_the_beginning_is_not_told_the_end(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=["slack"])
    under_way = take(outbox)
    outbox.add(alert(action="resolve"), to=["slack"])
    outbox.refused(under_way, said="400")
    outbox.add(alert(dedup_key="other"), to=["slack"])
    outbox.refused(take(outbox), said="400")
    outbox.add(alert(dedup_key="other", action="resolve"), to=["slack"])
    tick(100)

    assert told(outbox) == []
    assert outbox.undelivered() == 2


def test_what_fails_again_after_the_end_is_a_new_incident(outbox: Outbox) -> None:
    for action in ("trigger", "resolve", "trigger"):
        outbox.add(alert(action=action), to=["slack"])

    assert told(outbox) == [("trigger", 1, 1), ("resolve", 1, 1), ("trigger", 1, 1)]


def test_what_is_over_before_it_was_due_is_told_to_nobody(outbox: Outbox, tick: Tick) -> None:
    outbox.add(dead(0), to=["slack"], not_before=NOON + 60)
    before = told(outbox)
    outbox.over("orders/0.csv", at=NOON, event_id="e-9")
    outbox.add(dead(1), to=["slack"], not_before=NOON + 60)
    tick(60)

    assert before == []
    assert told(outbox) == [("trigger", 1, 1)]
    assert [one.deliveries.get("slack") for one in outbox.list()] == ["folded", None, "delivered"]


def test_an_alert_that_an_open_incident_covers_tells_nobody(outbox: Outbox) -> None:
    alarm = alert(dedup_key="edp/shop/alarm/dlq", covered_by=("edp/shop/dead/",), dataset=None)
    outbox.add(dead(0), to=["slack"])
    told(outbox)

    outbox.add(alarm, to=["slack"])
    covered = told(outbox)
    outbox.over("orders/0.csv", at=NOON, event_id="e-9")
    told(outbox)
    outbox.add(alarm, to=["slack"])

    assert covered == []
    assert told(outbox) == [("trigger", 1, 1)]


def test_an_incident_of_another_dataset_covers_nothing(outbox: Outbox) -> None:
    outbox.add(dead(0), to=["slack"])
    told(outbox)

    outbox.add(
        alert(dedup_key="edp/shop/run/web", dataset="web", covered_by=("edp/shop/dead/",)),
        to=["slack"],
    )

    assert told(outbox) == [("trigger", 1, 1)]


def test_very_many_different_causes_are_few_incidents_and_end_all_the_same(
    outbox: Outbox, tick: Tick
) -> None:
    def cause(n: int, action: str = "trigger") -> Any:  # noqa: ANN401
        return alert(dedup_key=f"edp/shop/dead/{n}", action=action)

    for n in range(26):
        outbox.add(cause(n), to=["pagerduty"])
    opened = told(outbox, "pagerduty")
    tick(120)
    for n in range(26):
        outbox.add(cause(n, "resolve"), to=["pagerduty"])

    assert len(opened) == 21
    assert sum(alerts for _, alerts, _ in opened) == 26
    assert told(outbox, "pagerduty").count(("resolve", 1, 1)) == len(opened) - 1


def test_successes_are_summed_up_until_it_is_time(outbox: Outbox, tick: Tick) -> None:
    for n in range(5):
        loaded = alert(dedup_key="edp/shop/loaded", action="change", amounts={"rows": 10 + n})
        outbox.add(loaded, to=["slack"], not_before=NOON + 60)

    before = take(outbox)
    tick(60)
    (digest,) = take(outbox)

    assert before == []
    assert (digest.notice.amounts, digest.notice.new) == ({"rows": 60}, 5)


def test_what_does_not_last_opens_nothing_and_is_told_each_time(outbox: Outbox, tick: Tick) -> None:
    once = alert(dedup_key="edp/shop/rule/mine", lasting=False)

    outbox.add(once, to=["slack"])
    outbox.add(once, to=["slack"])
    both = told(outbox)
    tick(1)
    outbox.add(once, to=["slack"])
    outbox.add(alert(dedup_key="edp/shop/rule/mine", action="resolve"), to=["slack"])

    assert (both, told(outbox)) == ([("trigger", 2, 2)], [("trigger", 1, 1)])


def test_the_newest_alerts_are_listed_the_newest_last(outbox: Outbox) -> None:
    for n in range(5):
        outbox.add(dead(n), to=["slack"])

    listed = outbox.list(limit=2)

    assert [one.alert.event_id for one in listed] == ["e-3", "e-4"]
    assert [one.alert.event_id for one in outbox.list(after=listed[0].id)] == ["e-4"]


def test_old_alerts_are_forgotten_once_they_are_told_and_over(outbox: Outbox, tick: Tick) -> None:
    outbox.add(alert(), to=["slack"])
    told(outbox)
    outbox.add(alert(action="resolve"), to=["slack"])
    told(outbox)
    outbox.add(alert(dedup_key="open"), to=["slack"])
    told(outbox)
    outbox.add(alert(dedup_key="untold", action="change"), to=["slack"])
    tick(100)

    outbox.forget(older_than_s=90)

    assert [one.alert.dedup_key for one in outbox.list()] == ["open", "untold"]
