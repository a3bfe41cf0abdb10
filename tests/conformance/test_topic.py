"""A topic: every subscriber gets every event, all of them or none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from edp.backends.sqlite import Database
from edp.queue.local import LocalQueue
from edp.queue.port import Queue
from edp.topic.aws import SnsTopic
from edp.topic.local import LocalTopic
from edp.topic.port import Topic
from tests.aws_sim import client, service, unique
from tests.conformance.queues import arn_of, sqs_queue
from tests.conformance.scratch import scratch


@dataclass(frozen=True)
class Fanned:
    """A topic, the queues that subscribe to it, and the same with a subscriber that fails."""

    topic: Topic
    queues: Sequence[Queue]
    broken: Topic


@contextmanager
def sqlite_topic() -> Iterator[Fanned]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        queues = [LocalQueue(db, name, on_exhausted=print) for name in ("etl", "audit")]
        sends: list[Callable[[str], None]] = [queue.send for queue in queues]
        yield Fanned(LocalTopic(db, sends), queues, LocalTopic(db, [sends[0], refuse, sends[1]]))
        db.close()


@contextmanager
def sns_topic() -> Iterator[Fanned]:
    queues = [sqs_queue(name) for name in ("etl", "audit")]
    arns = [arn_of(queue) for queue in queues]
    missing = arns[0] + "-missing"
    yield Fanned(topic_for("all", *arns), queues, topic_for("broken", arns[0], missing, arns[1]))


def topic_for(name: str, *queues: str) -> SnsTopic:
    """A new topic to which the queues with these ARNs subscribe, for the bare message."""
    sns = client("sns")
    arn: str = sns.create_topic(Name=unique(name))["TopicArn"]
    for queue in queues:
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=raw)
    return SnsTopic(service("sns"), arn)


TOPICS = {"sqlite": sqlite_topic, "sns": sns_topic}


def refuse(body: str) -> None:
    raise ConnectionError(body)


@pytest.fixture(params=TOPICS)
def fanned(request: pytest.FixtureRequest) -> Iterator[Fanned]:
    with TOPICS[request.param]() as fanned:
        yield fanned


def test_every_subscriber_gets_every_message(fanned: Fanned) -> None:
    fanned.topic.publish("Größe")
    fanned.topic.publish("b")

    for queue in fanned.queues:
        assert sorted(lease.body for lease in queue.receive()) == ["Größe", "b"]


def test_one_subscriber_acking_takes_nothing_from_another(fanned: Fanned) -> None:
    first, second = fanned.queues
    fanned.topic.publish("a")

    first.ack(first.receive()[0])

    assert (first.depth(), second.depth()) == (0, 1)


def test_when_one_subscriber_cannot_be_told_none_is(fanned: Fanned) -> None:
    with pytest.raises(ConnectionError):
        fanned.broken.publish("a")

    assert [queue.depth() for queue in fanned.queues] == [0, 0]
