"""Where moto's SQS differs from the one that AWS describes."""

from __future__ import annotations

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message


def mend() -> None:
    """Make it so; once is enough."""
    setattr(Message, "visible", property(_visible))  # noqa: B010 (types know it as a method)
    setattr(Message, "had_receipt_handle", _has_receipt_handle)  # noqa: B010


def _visible(message: Message) -> bool:
    """A message shows at its time, not after it: where time stands still, `>` never comes."""
    return bool(unix_time_millis() >= message.visible_at)


def _has_receipt_handle(message: Message, receipt_handle: str) -> bool:
    """Only the newest receipt counts (API reference, DeleteMessage); moto takes all of them."""
    return bool(receipt_handle == message.receipt_handle)
