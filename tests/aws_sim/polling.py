"""Event sources: what Lambda does to hand a queue's messages to a function.

A message that was handled is deleted. One that was not, or whose function failed, stays hidden for
the rest of the queue's visibility timeout, as on AWS; a test moves the time on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.aws_sim import REGION, client
from tests.hosts.instances import Died, FunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.aws_sim.functions import Function

    Message = Mapping[str, Any]

_AT_ONCE: Final = 10
"""Messages that SQS hands out, and deletes, in one call."""


@dataclass
class EventSource:
    """Reads `url` for the function, at most `size` messages for a call.

    `order` may change what comes when; with `again` above 0 so many calls bring what was handled
    once more.
    """

    url: str
    arn: str
    function: Function
    size: int
    partial: bool
    order: Callable[[list[Message]], list[Message]] = list
    again: int = 0

    def poll(self) -> bool:
        """Hand over what is there; whether there was anything."""
        found = self._receive()
        for start in range(0, len(found), self.size):
            self._hand_over(found[start : start + self.size])
        return bool(found)

    def _receive(self) -> list[Message]:
        found: list[Message] = []
        while True:
            answer = client("sqs").receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=0,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            found += (some := answer.get("Messages", []))
            if not some:
                return self.order(found)

    def _hand_over(self, messages: Sequence[Message]) -> None:
        try:
            answer = self.function.now({"Records": [self._record(one) for one in messages]})
        except (FunctionError, Died):
            return
        failed = self._failed(answer)
        assert failed <= {one["MessageId"] for one in messages}, answer
        done = [one for one in messages if one["MessageId"] not in failed]
        if self.again > 0:
            self.again -= 1
            for one in done:
                client("sqs").send_message(QueueUrl=self.url, MessageBody=one["Body"])
        for start in range(0, len(done), _AT_ONCE):
            entries = [
                {"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]}
                for n, one in enumerate(done[start : start + _AT_ONCE])
            ]
            client("sqs").delete_message_batch(QueueUrl=self.url, Entries=entries)

    def _failed(self, answer: Any) -> set[str]:  # noqa: ANN401 (whatever the handler returned)
        """The messages that the handler names; without partial responses none is."""
        if not self.partial or not answer:
            return set()
        return {one["itemIdentifier"] for one in answer["batchItemFailures"] or ()}

    def _record(self, message: Message) -> dict[str, Any]:
        """A message as a handler gets it."""
        given = {
            name: {
                "dataType": one["DataType"],
                "stringValue": one.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, one in message.get("MessageAttributes", {}).items()
        }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": given,
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": REGION,
        }
