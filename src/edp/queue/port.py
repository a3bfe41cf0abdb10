"""What a queue and its dead-letter queue do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Lease:
    """A received message: hidden from others until `visible_at` (seconds), unless acked.

    `receipt` names this delivery; after another delivery it no longer counts.
    """

    receipt: str
    body: str
    attributes: Mapping[str, str]
    receives: int
    sent_at: float
    visible_at: float


class Queue(Protocol):
    """At least once, unordered."""

    def send(
        self,
        body: str,
        *,
        attributes: Mapping[str, str] | None = None,
        delay_s: float = 0.0,
    ) -> None:
        """Add a message, visible after `delay_s` seconds."""

    def receive(self, *, limit: int = 10) -> Sequence[Lease]:
        """Take up to `limit` visible messages.

        One received too often goes to the dead-letter queue instead.
        """

    def extend(self, lease: Lease, *, by_s: float) -> None:
        """Keep the message hidden for another `by_s` seconds from now."""

    def ack(self, lease: Lease) -> None:
        """Forget the message for good. Acking twice is not an error."""

    def release(self, lease: Lease, *, delay_s: float = 0.0) -> None:
        """Give the message back, visible again after `delay_s` seconds."""

    def depth(self) -> int:
        """How many messages there are, hidden ones included."""

    def oldest_at(self) -> float | None:
        """When the oldest message there is was sent (seconds), hidden ones included."""


@dataclass(frozen=True)
class DeadLetter:
    """Work that nobody can do until a person changes something.

    `kind` is `message` (an unreadable body or record) or `object` (a dead version); `id` is
    stable for what it stands for, so that a duplicate raises `count`. `body` is what redrive
    sends again. Times in seconds.
    """

    id: str
    cause_id: str
    kind: Literal["message", "object"]
    code: str
    reason: str
    body: str
    attempts: int = 0
    dataset: str | None = None
    key: str | None = None
    version: str | None = None
    run_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    first_at: float = 0.0
    last_at: float = 0.0


class DeadLetters(Protocol):
    """The dead-letter queue, one item per record or object version."""

    def add(self, item: DeadLetter) -> None:
        """Keep `item`; one with the same id is counted, its reason renewed."""

    def list(self) -> Sequence[DeadLetter]:
        """All items, the oldest first."""

    def get(self, item_id: str) -> DeadLetter | None:
        """The item with this id, if there is one."""

    def causes(self) -> Mapping[str, int]:
        """How many items there are of each cause."""

    def redrive(self, item: DeadLetter) -> None:
        """Send the body to the queue again and forget the item.

        The message carries `REDRIVEN`, so that intake can tell it from a late duplicate.
        """

    def remove(self, item_id: str) -> None:
        """Forget the item; one that is not there is no error."""


REDRIVEN = "edp_redriven"
"""Message attribute: the dead letter's id that this message was."""
