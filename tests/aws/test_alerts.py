"""From a dead letter to a person and back: alarm, topic, notifier, PagerDuty and Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edp.pipeline import redrive
from edp.wiring.deployed import of_environment
from tests.aws.looking import assert_all_ended, states
from tests.aws.orders import SECRETS, csv, ids_of
from tests.aws_sim import client, service
from tests.notify.receivers import AUTHORITY, PAGERDUTY, SLACK, Reply, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.pipeline.stages import Stages
    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World
    from tests.notify.receivers import Receiver

pytestmark = pytest.mark.timeout(600)

BROKEN = b"order_id,order_date,card\nno number,2026-01-01,4111\n"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def world(deployed: Deploy, receiver: Receiver) -> Iterator[World]:
    at = receiver.port, AUTHORITY.cert_pem.bytes().decode()
    world = deployed("chain-typed", environ=SECRETS, receiver=at)
    watch(world)
    yield world
    world.heal()
    assert_all_ended(world)
    assert world.failures() == {}


def watch(world: World) -> dict[str, str]:
    """Have CloudWatch look, and what changed be told."""
    changed = world.alarms.evaluate()
    world.run_until_quiet()
    return changed


def stages(world: World) -> Stages:
    """What a person's command works with."""
    return of_environment(world.functions["etl"].environment, service).stages


def said(receiver: Receiver) -> str:
    return "\n".join(str(one) for one in receiver.accepted(SLACK))


def test_alarms_that_are_well_from_the_start_wake_nobody(world: World, receiver: Receiver) -> None:
    assert watch(world) == {}
    assert receiver.incidents() == ({}, {})


def test_a_dead_letter_wakes_somebody_once_and_its_redrive_lets_them_sleep(
    world: World, receiver: Receiver
) -> None:
    dlq = world.names.dead_letters
    world.put("orders/broken.csv", BROKEN)
    world.run_until_quiet()
    raised = watch(world)
    opened, before = receiver.incidents()
    told = said(receiver)

    world.put("orders/broken.csv", csv(1, 2))
    redrive.redrive(stages(world), redrive.chosen(stages(world), everything=True))
    world.run_until_quiet()
    cleared = watch(world)
    after, resolved = receiver.incidents()

    assert raised == {dlq: "ALARM"}
    assert cleared == {dlq: "OK"}
    assert (list(opened.values()), before) == ([1], {}), "one incident, whoever tells of it"
    assert "orders/broken.csv" in told
    assert after == resolved == opened
    assert states(world, "orders/broken.csv") == ["superseded", "committed"]
    assert ids_of(world, "orders/broken.csv") == {1: 1, 2: 1}


def test_a_message_that_sqs_gave_up_wakes_somebody_by_its_alarm(
    world: World, receiver: Receiver
) -> None:
    dlq = world.names.dead_letters
    url = client("sqs").get_queue_url(QueueName=dlq)["QueueUrl"]
    client("sqs").send_message(QueueUrl=url, MessageBody="it killed its function")
    watch(world)
    opened, before = receiver.incidents()

    redrive.discard(stages(world), redrive.chosen(stages(world), everything=True))
    world.run_until_quiet()
    watch(world)
    after, resolved = receiver.incidents()

    (alarm,) = [key for key in opened if dlq in key]
    assert (opened[alarm], before[alarm]) == (1, 0)
    assert after == resolved


def test_what_pagerduty_does_not_take_is_told_later_and_once(
    world: World, receiver: Receiver
) -> None:
    opened, _ = receiver.incidents()
    receiver.script[PAGERDUTY] = [Reply(503), Reply(429, headers={"Retry-After": "30"})]
    world.put("orders/late.csv", BROKEN)
    world.run_until_quiet()
    world.pass_time(minutes=20)
    during, _ = receiver.incidents()

    redrive.discard(stages(world), redrive.chosen(stages(world), everything=True))
    world.run_until_quiet()
    world.pass_time(minutes=20)
    after, resolved = receiver.incidents()

    assert not receiver.script[PAGERDUTY]
    assert (during - opened).total() == 1
    assert after == resolved == during


def test_no_secret_is_in_a_log(world: World) -> None:
    logs = "".join(one.log.read_text("utf-8") for one in world.functions.values() if one.calls)

    assert logs
    assert [name for name, value in SECRETS.items() if value in logs] == []
