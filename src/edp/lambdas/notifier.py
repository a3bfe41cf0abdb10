"""The function that tells people: alarms and ends of jobs and crawls by a topic, EDP's own events.

What it hears is owed before it is told, so that nothing that goes wrong with PagerDuty or Slack
loses an alert: what could not be delivered now is tried by the next call, and on the schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from edp.core.errors import Failure
from edp.lambdas.running import Context, about, entry, left_s
from edp.lambdas.site import here
from edp.pipeline.hearing import event_of, messages
from edp.wiring.log import logger, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.pipeline.hearing import Message
    from edp.pipeline.notifier import Notifier

_EXCHANGE_S: Final = 25.0
"""What one message to a sink, begun at the last moment, may take."""


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Owe what the messages say, and deliver what is due.

    Raises: what was wrong with the first message that could not be heard, once all others are:
    after two more tries Lambda puts what it was called with into the dead-letter queue.
    """
    notifier = here().notifier
    heard: int = 0
    first: Exception | None = None
    for message in messages(event):
        try:
            _hear(notifier, message)
            heard += 1
        except Exception as error:  # noqa: BLE001 (the other messages do not depend on it)
            reason = Failure.of(error).message
            logger().error("a message was not heard", message_id=message.id, reason=reason)
            first = first or error
    notifier.deliver(within_s=left_s(context, spare_s=_EXCHANGE_S))
    if first is not None:
        raise first
    return {"heard": heard}


def _hear(notifier: Notifier, message: Message) -> None:
    event = event_of(message)
    with about(message_id=message.id):
        tell(logger(), event)
        notifier.hear(event)
