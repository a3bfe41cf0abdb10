"""An SQS queue, and its dead-letter queue with the reason of each letter in message attributes.

SQS cannot be searched: dead letters are found by receiving all of them, and shown again at once.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core import clock
from edp.queue.port import REDRIVEN, DeadLetter, Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Literal

    from edp.backends.boto import Service

_AT_ONCE: Final = 10
"""Messages that SQS handles in one call."""
_ATTRIBUTES: Final = 10
"""Message attributes that SQS lets a message have."""
_OWN: Final = "edp_"
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_LATE: Final = frozenset({"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"})
"""What SQS answers to a receipt that counts no longer."""
_AGE_PERIOD_S: Final = 60
_AGE_WINDOW_S: Final = 600  # CloudWatch has a metric of SQS some minutes late


class SqsQueue:
    """Messages of the queue at `url`.

    A received message stays hidden for `visibility_timeout_s`. One received too often goes to the
    dead-letter queue by the queue's redrive policy. `wait_s` is how long to wait for a message;
    from 1 s on SQS asks all of its servers.
    """

    def __init__(
        self,
        sqs: Service,
        url: str,
        *,
        cloudwatch: Service,
        visibility_timeout_s: float = 30.0,
        wait_s: int = 1,
    ) -> None:
        self._sqs = sqs
        self.url = url
        self._cloudwatch = cloudwatch
        self._timeout_s = math.ceil(visibility_timeout_s)
        self._wait_s = wait_s

    def send(
        self,
        body: str,
        *,
        attributes: Mapping[str, str] | None = None,
        delay_s: float = 0.0,
    ) -> None:
        """Add a message, visible after `delay_s` seconds (SQS: whole ones, at most 900)."""
        self._sqs.send_message(
            QueueUrl=self.url,
            MessageBody=body,
            MessageAttributes=_written(attributes or {}),
            DelaySeconds=math.ceil(delay_s),
        )

    def receive(self, *, limit: int = 10) -> Sequence[Lease]:
        """Take up to `limit` visible messages; SQS moves those received too often to the DLQ."""
        leases: list[Lease] = []
        while len(leases) < limit:
            some = self._receive(min(_AT_ONCE, limit - len(leases)), self._timeout_s)
            if not some:
                break
            leases += some
        return leases

    def _receive(self, limit: int, timeout_s: int) -> list[Lease]:
        visible_at = clock.now() + timeout_s
        answer = self._sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=timeout_s,
            WaitTimeSeconds=self._wait_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return [_lease(message, visible_at) for message in answer.get("Messages", ())]

    def extend(self, lease: Lease, *, by_s: float) -> None:
        """Keep the message hidden for another `by_s` seconds from now."""
        self._show_in(lease, by_s)

    def release(self, lease: Lease, *, delay_s: float = 0.0) -> None:
        """Give the message back, visible again after `delay_s` seconds."""
        self._show_in(lease, delay_s)

    def _show_in(self, lease: Lease, seconds: float) -> None:
        with _late_is_no_error():
            self._sqs.change_message_visibility(
                QueueUrl=self.url,
                ReceiptHandle=lease.receipt,
                VisibilityTimeout=math.ceil(seconds),
            )

    def ack(self, lease: Lease) -> None:
        """Forget the message for good. Acking twice is not an error."""
        with _late_is_no_error():
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=lease.receipt)

    def depth(self) -> int:
        """How many messages there are, hidden ones included, as far as SQS knows."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[*_COUNTS])
        return sum(int(answer["Attributes"][name]) for name in _COUNTS)

    def oldest_at(self) -> float | None:
        """When the oldest message was sent (seconds), by CloudWatch, which is minutes late."""
        now = clock.now()
        answer = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": self.url.rpartition("/")[2]}],
            StartTime=now - _AGE_WINDOW_S,
            EndTime=now + _AGE_PERIOD_S,
            Period=_AGE_PERIOD_S,
            Statistics=["Maximum"],
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        if not points or not points[-1]["Maximum"]:
            return None
        return float(points[-1]["Timestamp"].timestamp() - points[-1]["Maximum"])

    def look_through(self, *, hide_s: int) -> list[Lease]:
        """All visible messages, shown again at once; none is hidden for longer than `hide_s`."""
        found: list[Lease] = []
        try:
            while some := self._receive(_AT_ONCE, hide_s):
                found += some
        finally:
            for entries in _batches(found):
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=[entry | {"VisibilityTimeout": 0} for entry in entries],
                )
        return found

    def forget(self, leases: Sequence[Lease]) -> bool:
        """Ack many at once; whether SQS took all of their receipts."""
        answers = [
            self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            for entries in _batches(leases)
        ]
        return not any(answer.get("Failed") for answer in answers)


class SqsDeadLetters:
    """Letters in the queue `dead`; redrive sends them to `queue`.

    `exhausted` gives the letter of a message that SQS itself moved there.
    """

    def __init__(
        self, dead: SqsQueue, queue: SqsQueue, *, exhausted: Callable[[Lease], DeadLetter]
    ) -> None:
        self._dead = dead
        self._queue = queue
        self._exhausted = exhausted
        self._receipts: dict[str, list[Lease]] = {}

    def add(self, item: DeadLetter) -> None:
        """Send `item` to the dead-letter queue; those with one id are counted when read."""
        self._dead.send(item.body, attributes=_described(item))

    def list(self) -> Sequence[DeadLetter]:
        """All items, the oldest first."""
        leases = sorted(self._dead.look_through(hide_s=_LOOK_S), key=lambda lease: lease.sent_at)
        found: dict[str, DeadLetter] = {}
        self._receipts = {}
        for lease in leases:
            item = self._item(lease)
            before = found.get(item.id)
            found[item.id] = _together(before, item) if before else item
            self._receipts.setdefault(item.id, []).append(lease)
        return list(found.values())

    def _item(self, lease: Lease) -> DeadLetter:
        if _DETAIL not in lease.attributes:
            item = self._exhausted(lease)
        else:
            said = lease.attributes
            item = DeadLetter(
                id=said[_ID],
                cause_id=said[_CAUSE],
                kind=cast("Literal['message', 'object']", said[_KIND]),
                code=said[_CODE],
                body=lease.body,
                **json.loads(said[_DETAIL]),
            )
        return replace(item, count=1, first_at=lease.sent_at, last_at=lease.sent_at)

    def get(self, item_id: str) -> DeadLetter | None:
        """The item with this id, if there is one."""
        return next((item for item in self.list() if item.id == item_id), None)

    def causes(self) -> Mapping[str, int]:
        """How many items there are of each cause."""
        counts: dict[str, int] = {}
        for item in self.list():
            counts[item.cause_id] = counts.get(item.cause_id, 0) + 1
        return counts

    def redrive(self, item: DeadLetter) -> None:
        """Send the body to the queue again, marked as redriven, then forget the item.

        A kill in between leaves the item there: redriven again, it is a late duplicate.
        """
        self._queue.send(item.body, attributes=_fitting({**item.attributes, REDRIVEN: item.id}))
        self.remove(item.id)

    def remove(self, item_id: str) -> None:
        """Forget the item; one that is not there is no error.

        It goes by the receipt of the last look, so that many can be removed after one look. Where
        somebody else looked since, SQS says so, or keeps the letter for the next try.
        """
        if item_id in self._receipts and self._dead.forget(self._receipts.pop(item_id)):
            return
        self.list()
        self._dead.forget(self._receipts.pop(item_id, []))


_LOOK_S: Final = 30
_ID: Final = "edp_id"
_CAUSE: Final = "edp_cause_id"
_KIND: Final = "edp_kind"
_CODE: Final = "edp_code"
_REASON: Final = "edp_reason"
_DETAIL: Final = "edp_detail"
_UNSENDABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _described(item: DeadLetter) -> Mapping[str, str]:
    """What is known of an item, the reason for people to read, the rest for `_item`."""
    detail = {
        "reason": item.reason,
        "attempts": item.attempts,
        "dataset": item.dataset,
        "key": item.key,
        "version": item.version,
        "run_id": item.run_id,
        "attributes": dict(item.attributes),
    }
    return {
        _ID: item.id,
        _CAUSE: item.cause_id,
        _KIND: item.kind,
        _CODE: item.code,
        _REASON: _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", item.reason) or item.code,
        _DETAIL: json.dumps(detail),
    }


def _together(before: DeadLetter, item: DeadLetter) -> DeadLetter:
    """The earlier letter, counted once more, its reason renewed."""
    return replace(
        item,
        attempts=max(before.attempts, item.attempts),
        run_id=item.run_id or before.run_id,
        count=before.count + item.count,
        first_at=before.first_at,
    )


def _fitting(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """As many attributes as a message may have, EDP's own before those of others."""
    ordered = sorted(attributes, key=lambda name: not name.startswith(_OWN))
    return {name: attributes[name] for name in ordered[:_ATTRIBUTES]}


def _written(attributes: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    return {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }


def _lease(message: Mapping[str, Any], visible_at: float) -> Lease:
    given = message.get("MessageAttributes", {})
    return Lease(
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        attributes={k: one["StringValue"] for k, one in given.items() if "StringValue" in one},
        receives=int(message["Attributes"]["ApproximateReceiveCount"]),
        sent_at=int(message["Attributes"]["SentTimestamp"]) / 1000,
        visible_at=visible_at,
    )


def _batches(leases: Sequence[Lease]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(leases), _AT_ONCE):
        some = leases[start : start + _AT_ONCE]
        yield [{"Id": str(n), "ReceiptHandle": lease.receipt} for n, lease in enumerate(some)]


@contextmanager
def _late_is_no_error() -> Iterator[None]:
    """Pass over SQS's answer to a receipt that counts no longer: another has the message."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _LATE:
            raise
