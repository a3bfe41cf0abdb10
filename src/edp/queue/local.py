"""A queue in SQLite with SQS's semantics, and its dead-letter queue."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.core import clock
from edp.queue.port import REDRIVEN, DeadLetter, Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.backends.sqlite import Database

_SQL = load("edp.queue")


class LocalQueue:
    """Messages of one queue.

    A received message stays hidden for `visibility_timeout_s`. One received `max_receives` times
    without an ack is handed to `on_exhausted` instead of a further delivery.
    """

    def __init__(
        self,
        db: Database,
        name: str,
        *,
        on_exhausted: Callable[[Lease], None],
        visibility_timeout_s: float = 30.0,
        max_receives: int = 5,
    ) -> None:
        self._db = db
        self._name = name
        self._on_exhausted = on_exhausted
        self._timeout_s = visibility_timeout_s
        self._max_receives = max_receives

    def send(
        self,
        body: str,
        *,
        attributes: Mapping[str, str] | None = None,
        delay_s: float = 0.0,
    ) -> None:
        """Add a message, visible after `delay_s` seconds."""
        self._db.execute(
            _SQL.send,
            queue=self._name,
            body=body,
            attributes=json.dumps(dict(attributes)) if attributes else "{}",
            now=clock.now(),
            delay=delay_s,
        )

    def receive(self, *, limit: int = 10) -> Sequence[Lease]:
        """Take up to `limit` visible messages; those received too often go to the DLQ instead."""
        with self._db.transaction():
            rows = self._db.rows(
                _SQL.receive,
                queue=self._name,
                now=clock.now(),
                timeout=self._timeout_s,
                token=secrets.token_hex(8),
                limit=limit,
            )
            leases = {row["id"]: _lease(row) for row in sorted(rows, key=lambda row: row["id"])}
            for message, lease in list(leases.items()):
                if lease.receives > self._max_receives:
                    self._on_exhausted(leases.pop(message))
                    self._db.execute(_SQL.forget, id=message)
        return list(leases.values())

    def extend(self, lease: Lease, *, by_s: float) -> None:
        """Keep the message hidden for another `by_s` seconds from now."""
        self._show_at(lease, clock.now() + by_s)

    def release(self, lease: Lease, *, delay_s: float = 0.0) -> None:
        """Give the message back, visible again after `delay_s` seconds."""
        self._show_at(lease, clock.now() + delay_s)

    def _show_at(self, lease: Lease, at: float) -> None:
        self._db.execute(_SQL.show_at, id=_message(lease), receipt=lease.receipt, at=at)

    def ack(self, lease: Lease) -> None:
        """Forget the message for good. Acking twice is not an error."""
        self._db.execute(_SQL.ack, id=_message(lease), receipt=lease.receipt)

    def depth(self) -> int:
        """How many messages there are, hidden ones included."""
        return int(self._db.value(_SQL.depth, queue=self._name))

    def oldest_at(self) -> float | None:
        """When the oldest message there is was sent (seconds), hidden ones included."""
        at: float | None = self._db.value(_SQL.oldest_at, queue=self._name)
        return at

    def show_all(self) -> None:
        """Show every hidden message; for a start, when nobody else can hold one."""
        self._db.execute(_SQL.show_all, queue=self._name, now=clock.now())


def _lease(row: Mapping[str, Any]) -> Lease:
    return Lease(
        receipt=row["receipt"],
        body=row["body"],
        attributes=json.loads(row["attributes"]),
        receives=row["receives"],
        sent_at=row["sent_at"],
        visible_at=row["visible_at"],
    )


def _message(lease: Lease) -> int:
    """The message's id, which a receipt starts with."""
    return int(lease.receipt.partition(":")[0])


def _dead_letter(row: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(**{**row, "attributes": json.loads(row["attributes"])})


class LocalDeadLetters:
    """Dead letters in SQLite; redrive sends them to the queue named `queue`."""

    def __init__(self, db: Database, queue: str) -> None:
        self._db = db
        self._queue = queue

    def add(self, item: DeadLetter) -> None:
        """Keep `item`; one with the same id is counted, its reason renewed."""
        self._db.execute(
            _SQL.add_dead_letter,
            id=item.id,
            cause_id=item.cause_id,
            kind=item.kind,
            code=item.code,
            reason=item.reason,
            dataset=item.dataset,
            key=item.key,
            version=item.version,
            body=item.body,
            attributes=json.dumps(dict(item.attributes)),
            attempts=item.attempts,
            run_id=item.run_id,
            now=clock.now(),
        )

    def list(self) -> Sequence[DeadLetter]:
        """All items, the oldest first."""
        return [_dead_letter(row) for row in self._db.rows(_SQL.dead_letters)]

    def get(self, item_id: str) -> DeadLetter | None:
        """The item with this id, if there is one."""
        row = self._db.row(_SQL.dead_letter, id=item_id)
        return _dead_letter(row) if row else None

    def causes(self) -> Mapping[str, int]:
        """How many items there are of each cause."""
        return {row["cause_id"]: row["n"] for row in self._db.rows(_SQL.causes)}

    def redrive(self, item: DeadLetter) -> None:
        """Send the body to the queue again, marked as redriven, and forget the item."""
        with self._db.transaction():
            self._db.execute(
                _SQL.send,
                queue=self._queue,
                body=item.body,
                attributes=json.dumps({**item.attributes, REDRIVEN: item.id}),
                now=clock.now(),
                delay=0.0,
            )
            self.remove(item.id)

    def remove(self, item_id: str) -> None:
        """Forget the item; one that is not there is no error."""
        self._db.execute(_SQL.remove_dead_letter, id=item_id)
