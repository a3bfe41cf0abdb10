"""Where moto's Lambda differs from the one that AWS describes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from moto.awslambda.models import LambdaFunction
from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.sns.models import Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    Event = Mapping[str, Any]

_TAKERS: Final[dict[str, Taker]] = {}
_invoke = LambdaFunction.invoke
_publish = Subscription.publish


class Taker(Protocol):
    """Runs a function that is deployed."""

    def now(self, event: Event) -> object:
        """What the handler returns; raises what it raises."""

    def later(self, event: Event) -> None:
        """Take the event over; it is delivered in its own time."""


def mend() -> None:
    """Make it so; once is enough."""
    setattr(LambdaFunction, "invoke", _invoked)  # noqa: B010 (types know it as a method)
    setattr(Subscription, "publish", _published)  # noqa: B010


def take(arn: str, taker: Taker) -> None:
    """Have `taker` run the function `arn`; moto would look for a Docker to do so."""
    _TAKERS[arn] = taker


def taker(arn: str) -> Taker | None:
    """Who runs the function."""
    return _TAKERS.get(arn)


def _invoked(
    function: LambdaFunction,
    body: str,
    request_headers: Mapping[str, str],
    response_headers: dict[str, str],
) -> str | bytes:
    """The handler that ships answers, at once or in its own time."""
    by = taker(function.function_arn)
    if by is None:
        return _invoke(function, body, request_headers, response_headers)
    event = json.loads(body or "{}")
    if request_headers.get("X-Amz-Invocation-Type") == "Event":
        by.later(event)
        return b""
    try:
        return json.dumps(by.now(event)).encode()
    except Exception as error:  # noqa: BLE001 (whatever it is, the caller is told)
        response_headers["x-amz-function-error"] = "Unhandled"
        return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()


def _published(
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    **rest: Any,  # noqa: ANN401 (as moto's own)
) -> None:
    """A function gets what was published; moto gives it examples beside the message."""
    by = taker(subscription.endpoint) if subscription.protocol == "lambda" else None
    if by is None:
        _publish(subscription, message, message_id, subject, **rest)
        return
    told: dict[str, object] = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": iso_8601_datetime_with_milliseconds(),
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertUrl": "EXAMPLE",
        "UnsubscribeUrl": "EXAMPLE",
        "MessageAttributes": {},
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{subscription.topic.arn}:{uuid4()}",
        "Sns": told,
    }
    by.later({"Records": [record]})
