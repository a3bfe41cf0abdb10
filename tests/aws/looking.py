"""What a test looks at, beside the tables: the ledger's word on every version and every run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from edp.backends.dynamo import Table
from edp.ledger.aws import DynamoReceipts
from edp.queue.aws import SqsDeadLetters, SqsQueue
from tests.aws_sim import client, service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.receipts import Receipt
    from edp.queue.port import DeadLetter, Lease
    from tests.aws_sim.world import World

FEW: Final = 6


def spread(n: int) -> list[int]:
    """The numbers from 1 to `n`: all of them in a soak, else a few, the first and the last too."""
    if n <= FEW or os.environ.get("EDP_SOAK"):
        return list(range(1, n + 1))
    return [1 + round(k * (n - 1) / (FEW - 1)) for k in range(FEW)]


ENDED: Final = ("committed", "superseded", "dead", "discarded")


def receipts(world: World, *keys: str) -> Sequence[Receipt]:
    """Every version of the keys, or of all there are, oldest first."""
    found = DynamoReceipts(Table(service("dynamodb"), world.names.ledger))
    return found.receipts(keys=list(keys) or None)


def states(world: World, key: str) -> list[str]:
    """The states of a key's versions, oldest first."""
    return [one.state for one in receipts(world, key)]


def letters(world: World) -> Sequence[DeadLetter]:
    """What is in the dead-letter queue, with what EDP says of it."""
    queue, dead = (
        SqsQueue(
            service("sqs"),
            client("sqs").get_queue_url(QueueName=name)["QueueUrl"],
            cloudwatch=service("cloudwatch"),
        )
        for name in (world.names.queue, world.names.dead_letters)
    )
    return SqsDeadLetters(dead, queue, exhausted=_unexpected).list()


def _unexpected(lease: Lease) -> DeadLetter:
    raise AssertionError(f"SQS itself gave up {lease}")


def open_runs(world: World) -> list[object]:
    """The runs that have not ended."""
    found = DynamoReceipts(Table(service("dynamodb"), world.names.ledger)).runs()
    return [one for one in found if one["state"] == "running"]


def assert_all_ended(world: World) -> None:
    """Every version has its outcome, each dead one its reason, and nothing is at work any more."""
    for one in receipts(world):
        assert one.state in ENDED, one
        assert one.state != "dead" or (one.error and one.error.message), one
        assert one.counts is None or one.counts.conserved, one
    assert open_runs(world) == []
    for source in world.queues.values():
        asked = client("sqs").get_queue_attributes(QueueUrl=source.url, AttributeNames=["All"])
        assert asked["Attributes"]["ApproximateNumberOfMessages"] == "0", source.url
        assert asked["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0", source.url
    assert not any(one.mailbox for one in world.functions.values())
