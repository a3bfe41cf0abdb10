"""The queues that the suites run against."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.backends.sqlite import Database
from edp.queue.local import LocalDeadLetters, LocalQueue
from edp.queue.port import DeadLetter
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


QUEUES: Final = {"sqlite": sqlite_queues}
