"""The alarms stage: states outlive their process, and every change of one is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edp.alarms.aws import CloudWatchAlarms
from edp.alarms.local import LocalAlarms
from edp.alarms.port import Alarms, Change, Standing
from edp.backends.sqlite import Database
from edp.core.alarms import Alarm, Verdict
from tests.aws_sim import service, unique
from tests.conformance.scratch import scratch
from tests.conformance.ticking import NOON, Tick

HIGH, LOW = Verdict("ALARM", "too high"), Verdict("OK", "low")


@contextmanager
def sqlite_alarms() -> Iterator[Alarms]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        yield LocalAlarms(db)
        db.close()


@contextmanager
def cloudwatch_alarms() -> Iterator[Alarms]:
    defined = {
        name: Alarm(name, "look", "Visible", "AWS/SQS", 0, dimensions={"QueueName": name})
        for name in ("disk", "dlq")
    }
    yield CloudWatchAlarms(service("cloudwatch"), prefix=f"{unique('edp')}-", defined=defined)


ALARMS = {"sqlite": sqlite_alarms, "cloudwatch": cloudwatch_alarms}


@pytest.fixture(params=ALARMS)
def alarms(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Alarms]:
    del tick  # the time stands still from the start
    with ALARMS[request.param]() as alarms:
        yield alarms


def test_at_first_there_is_none(alarms: Alarms) -> None:
    assert (alarms.standing(), alarms.history()) == ({}, [])


def test_a_new_alarm_has_insufficient_data(alarms: Alarms) -> None:
    alarms.make(["dlq"])

    (one,) = alarms.standing().values()
    assert (one.name, one.state, one.since, one.made_at) == ("dlq", "INSUFFICIENT_DATA", NOON, NOON)
    assert alarms.history() == []


def test_a_change_is_kept_with_what_was_before(alarms: Alarms, tick: Tick) -> None:
    alarms.make(["disk", "dlq"])
    tick(10)
    alarms.change("dlq", HIGH)
    tick(10)
    alarms.change("dlq", LOW)

    assert alarms.standing()["dlq"] == Standing("dlq", "OK", NOON + 20, "low", NOON)
    assert alarms.history() == [
        Change("dlq", NOON + 10, "INSUFFICIENT_DATA", "ALARM", "too high"),
        Change("dlq", NOON + 20, "ALARM", "OK", "low"),
    ]
    assert alarms.history("disk") == []


def test_making_an_alarm_again_changes_nothing(alarms: Alarms, tick: Tick) -> None:
    alarms.make(["dlq"])
    alarms.change("dlq", HIGH)
    before = alarms.standing()
    tick(10)

    alarms.make(["dlq"])

    assert alarms.standing() == before


def test_a_removed_alarm_leaves_its_history(alarms: Alarms) -> None:
    alarms.make(["disk", "dlq"])
    alarms.change("dlq", HIGH)

    alarms.remove(["dlq", "unknown"])

    assert list(alarms.standing()) == ["disk"]
    assert [one.name for one in alarms.history("dlq")] == ["dlq"]


def test_old_changes_are_forgotten(alarms: Alarms, tick: Tick) -> None:
    alarms.make(["dlq"])
    alarms.change("dlq", HIGH)
    tick(100)
    alarms.change("dlq", LOW)

    alarms.forget(older_than_s=90)

    assert [one.state for one in alarms.history()] == ["OK"]
