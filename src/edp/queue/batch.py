"""The messages that Lambda brings in one call, as a queue: SQS keeps what is not acked.

Lambda deletes what the answer does not name as failed. So an ack is only noted, and whatever kills
the function, or makes it raise an error, gives all messages back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from edp.queue.port import Lease

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.queue.port import Queue

_HANDED_OUT: Final = 2
"""Times that a message can be received here: with the others, and by itself."""


class SqsBatch:
    """The records of an SQS event; what is sent goes to `queue`, which they come from."""

    def __init__(self, event: Mapping[str, Any], queue: Queue) -> None:
        self._leases = {record["messageId"]: _lease(record) for record in event.get("Records", ())}
        self._received = dict.fromkeys(self._leases, 0)
        self._queue = queue

    def send(
        self, body: str, *, attributes: Mapping[str, str] | None = None, delay_s: float = 0.0
    ) -> None:
        """Add a message to the queue itself."""
        self._queue.send(body, attributes=attributes, delay_s=delay_s)

    def receive(self, *, limit: int = 10) -> Sequence[Lease]:
        """Up to `limit` messages that are not acked; each twice at most."""
        names = [one for one in self._leases if self._received[one] < _HANDED_OUT][:limit]
        for name in names:
            self._received[name] += 1
        return [self._leases[name] for name in names]

    def extend(self, lease: Lease, *, by_s: float) -> None:
        """Keep the message hidden for another `by_s` seconds from now."""
        self._queue.extend(lease, by_s=by_s)

    def ack(self, lease: Lease) -> None:
        """Have Lambda delete the message, if the call ends well."""
        for name, one in list(self._leases.items()):
            if one.receipt == lease.receipt:
                del self._leases[name]

    def release(self, lease: Lease, *, delay_s: float = 0.0) -> None:
        """Give the message back, visible again after `delay_s` seconds."""
        self._queue.release(lease, delay_s=delay_s)

    def depth(self) -> int:
        """How many messages of this call are not acked."""
        return len(self._leases)

    def oldest_at(self) -> float | None:
        """When the oldest of them was sent (seconds)."""
        return min((one.sent_at for one in self._leases.values()), default=None)

    @property
    def answer(self) -> dict[str, Any]:
        """What the function answers: the messages that are to come again.

        Source: AWS, "Handling errors for an SQS event source in Lambda", partial batch responses.
        """
        return {"batchItemFailures": [{"itemIdentifier": name} for name in self._leases]}


def _lease(record: Mapping[str, Any]) -> Lease:
    given = record.get("messageAttributes", {})
    return Lease(
        receipt=record["receiptHandle"],
        body=record["body"],
        attributes={k: one["stringValue"] for k, one in given.items() if "stringValue" in one},
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        sent_at=int(record["attributes"]["SentTimestamp"]) / 1000,
        visible_at=0.0,
    )
