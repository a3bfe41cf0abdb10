"""Delivery: everything arrives once its sink works, in order, and nobody waits for a sink."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from pydantic import SecretStr

from edp.backends.sqlite import Database
from edp.core.contract.alerts import Alerts
from edp.core.retry import RetryPolicy
from edp.notify.local import LocalOutbox
from edp.notify.pagerduty import Pagerduty
from edp.notify.slack import Slack
from edp.notify.transport import Transport
from edp.pipeline.deliver import Courier, Post, deliver
from tests.conformance.scratch import scratch
from tests.notify.alerts import alert
from tests.notify.receivers import HANG, PAGERDUTY, RESET, SLACK, Receiver, Reply, receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edp.notify.port import Sink

BOTH: Final = ("pagerduty", "slack")
KEY: Final = "0123456789abcdef0123456789abcdef"
HOOK: Final = f"https://{SLACK}/services/T0/B0/canary"
PATIENCE_S: Final = 30.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def outbox() -> Iterator[LocalOutbox]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        yield LocalOutbox(db)
        db.close()


def sinks(receiver: Receiver, *, quick: bool = True) -> Mapping[str, Sink]:
    """The real sinks, on their way to the server; `quick` ones do not keep the vendors' pace."""
    transport = Transport(Alerts().allowed_hosts, secrets=(KEY, HOOK), way=receiver.way())
    pager = Pagerduty(transport, PAGERDUTY, SecretStr(KEY), group="shop")
    hook = Slack(transport, SecretStr(HOOK))
    if quick:
        pager.gap_s = hook.gap_s = 0.0
    return {"pagerduty": pager, "slack": hook}


@contextmanager
def delivering(outbox: LocalOutbox, receiver: Receiver) -> Iterator[Post]:
    patience = RetryPolicy(base_s=0.05, cap_s=0.2)
    with Post(outbox, sinks(receiver), jitter=lambda: 0.0, patience=patience) as post:
        yield post


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def settled(outbox: LocalOutbox) -> Callable[[], bool]:
    return lambda: all(
        state != "waiting" for one in outbox.list() for state in one.deliveries.values()
    )


def test_an_incident_is_opened_and_resolved_and_slack_hears_both(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    outbox.add(alert(), to=BOTH)
    outbox.add(alert(action="resolve"), to=BOTH)

    with delivering(outbox, receiver) as post:
        assert post.settle(PATIENCE_S)

    opened, resolved = receiver.incidents()
    assert opened == resolved == {"edp/shop/dead/4f1d": 1}
    first, last = receiver.accepted(SLACK)
    assert first["blocks"][0]["type"] == "header"
    assert last["text"].startswith("Over: ")


@pytest.mark.parametrize(
    "fault",
    [Reply(500), Reply(503), RESET, Reply(429, headers={"Retry-After": "1"})],
    ids=["500", "503", "reset", "429"],
)
def test_all_is_delivered_once_a_sink_works_again(
    outbox: LocalOutbox, receiver: Receiver, fault: Reply
) -> None:
    receiver.script = {PAGERDUTY: [fault] * 2, SLACK: [fault] * 2}
    for n in range(4):
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}"), to=BOTH)
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}", action="resolve"), to=BOTH)

    with delivering(outbox, receiver):
        wait(settled(outbox))

    opened, resolved = receiver.incidents()
    assert opened == resolved == {f"edp/shop/dead/{n}": 1 for n in range(4)}
    assert outbox.undelivered() == 0
    assert len(receiver.accepted(PAGERDUTY)) == 8


def test_a_sink_is_left_alone_for_as_long_as_it_asks(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    receiver.script = {SLACK: [Reply(429, headers={"Retry-After": "2"})]}
    outbox.add(alert(), to=["slack"])
    began = time.monotonic()

    with delivering(outbox, receiver):
        wait(settled(outbox))

    assert time.monotonic() - began >= 2
    assert len(receiver.requests) == 2


def test_a_call_of_its_own_does_not_wait_for_a_sink_that_failed_in_the_one_before(
    outbox: LocalOutbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", slept.append)
    receiver.script = {SLACK: [Reply(429, headers={"Retry-After": "2"})]}
    courier = Courier(outbox, "slack", sinks(receiver)["slack"], jitter=lambda: 0.0)
    outbox.add(alert(), to=["slack"])

    for _ in range(2):
        deliver([courier], within_s=PATIENCE_S)

    assert sum(slept) == 0.0
    assert len(receiver.requests) == 1
    monkeypatch.setattr(time, "sleep", sleep)
    wait(lambda: courier.rest_s == 0.0)
    deliver([courier], within_s=PATIENCE_S)
    assert len(receiver.accepted(SLACK)) == 1


def test_what_a_sink_refuses_is_set_aside_and_the_rest_goes_on(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    receiver.script = {SLACK: [Reply(400, "invalid_payload")]}
    for n in range(3):
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}"), to=["slack"])

    with delivering(outbox, receiver) as post:
        assert post.settle(PATIENCE_S)

    assert [one.deliveries["slack"] for one in outbox.list()] == ["dead", "delivered", "delivered"]
    assert outbox.list()[0].answers["slack"] == "400: invalid_payload"
    assert len(receiver.requests) == 3


def test_a_sink_that_hangs_holds_up_neither_the_other_nor_the_caller(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    receiver.always = {PAGERDUTY: HANG}
    outbox.add(alert(), to=BOTH)

    with delivering(outbox, receiver) as post:
        wait(lambda: bool(receiver.accepted(SLACK)))
        in_time = post.settle(0.3)

    assert not in_time
    assert [one.deliveries for one in outbox.list()] == [
        {"pagerduty": "waiting", "slack": "delivered"}
    ]


def test_a_sink_that_is_down_costs_one_try_and_not_one_for_each_alert(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    receiver.always = {PAGERDUTY: Reply(500)}
    for n in range(15):
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}"), to=["pagerduty"])

    with Post(outbox, sinks(receiver), jitter=lambda: 0.0) as post:
        wait(lambda: bool(receiver.requests))
        assert post.settle(PATIENCE_S)

    assert len(receiver.requests) == 1


def test_what_was_not_delivered_when_it_stopped_is_delivered_by_the_next(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    outbox.add(alert(), to=BOTH)
    receiver.always = {PAGERDUTY: Reply(500), SLACK: Reply(500)}
    with delivering(outbox, receiver):
        wait(lambda: len(receiver.requests) >= 2)
    receiver.always = {}

    with delivering(outbox, receiver):
        wait(settled(outbox))

    assert len(receiver.accepted(PAGERDUTY)) == len(receiver.accepted(SLACK)) == 1


def test_many_alerts_that_are_due_at_once_are_few_slack_messages(
    outbox: LocalOutbox, receiver: Receiver
) -> None:
    for n in range(18):
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}", summary=f"cause {n}"), to=["slack"])

    with delivering(outbox, receiver) as post:
        assert post.settle(PATIENCE_S)

    (message,) = receiver.accepted(SLACK)
    assert all(f"cause {n}" in str(message["blocks"]) for n in range(18))


def test_messages_keep_the_pace_of_the_sink(outbox: LocalOutbox, receiver: Receiver) -> None:
    for n in range(2):
        outbox.add(alert(dedup_key=f"edp/shop/dead/{n}"), to=["slack"])
    began = time.monotonic()

    with Post(outbox, sinks(receiver, quick=False), jitter=lambda: 0.0) as post:
        assert post.settle(PATIENCE_S)

    assert len(receiver.accepted(SLACK)) == 2
    assert time.monotonic() - began >= Slack.gap_s
