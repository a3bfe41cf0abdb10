"""The queues that the suites run against."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.backends.sqlite import Database
from edp.queue.aws import SqsDeadLetters, SqsQueue
from edp.queue.local import LocalDeadLetters, LocalQueue
from edp.queue.port import DeadLetter
from tests.aws_sim import client, service, unique
from tests.conformance.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.queue.port import DeadLetters, Lease, Queue

TIMEOUT_S: Final = 30.0
MAX_RECEIVES: Final = 3


@dataclass(frozen=True)
class Queues:
    """A queue, a second one beside it, and the first one's dead letters.

    A message is hidden for 30 s when it is received, and exhausted after 3 receives.
    """

    queue: Queue
    other: Queue
    dead_letters: DeadLetters


def exhausted(lease: Lease) -> DeadLetter:
    """The dead letter of a message that was received too often."""
    return DeadLetter(
        id=hashlib.sha256(lease.body.encode()).hexdigest()[:12],
        cause_id="exhausted",
        kind="message",
        code="received too often",
        reason=f"received {lease.receives} times",
        body=lease.body,
        attributes=lease.attributes,
    )


@contextmanager
def sqlite_queues() -> Iterator[Queues]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        dead_letters = LocalDeadLetters(db, "etl")

        def queue(name: str) -> LocalQueue:
            return LocalQueue(
                db,
                name,
                on_exhausted=lambda lease: dead_letters.add(exhausted(lease)),
                visibility_timeout_s=TIMEOUT_S,
                max_receives=MAX_RECEIVES,
            )

        yield Queues(queue("etl"), queue("other"), dead_letters)
        db.close()


def sqs_queue(name: str, *, dead: str | None = None) -> SqsQueue:
    """A new queue; messages received too often go to the one whose ARN is `dead`."""
    policy = {"deadLetterTargetArn": dead, "maxReceiveCount": MAX_RECEIVES}
    url = client("sqs").create_queue(
        QueueName=unique(name),
        Attributes={"RedrivePolicy": json.dumps(policy)} if dead else {},
    )["QueueUrl"]
    return SqsQueue(
        service("sqs"),
        url,
        cloudwatch=service("cloudwatch"),
        visibility_timeout_s=TIMEOUT_S,
        wait_s=0,  # where time stands still, waiting does not end
    )


def arn_of(queue: SqsQueue) -> str:
    """What other services call the queue."""
    wanted = {"QueueUrl": queue.url, "AttributeNames": ["QueueArn"]}
    arn: str = client("sqs").get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
    return arn


@contextmanager
def sqs_queues() -> Iterator[Queues]:
    dead = sqs_queue("dead")
    queue = sqs_queue("etl", dead=arn_of(dead))
    yield Queues(queue, sqs_queue("other"), SqsDeadLetters(dead, queue, exhausted=exhausted))


QUEUES: Final = {"sqlite": sqlite_queues, "sqs": sqs_queues}
EXAMPLES: Final = {"sqlite": 40, "sqs": 5}
"""How many sequences to try: a step over HTTP takes a hundred times as long."""
