"""What the notifier hears: alarms and Glue's events by way of a topic, EDP's own from its bus.

Each becomes an event, as `edp up` has them. It is heard at least once, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edp.core import bus, clock
from edp.core.bus import Event
from edp.core.errors import BadMessage

_SHOWN: Final = 200


@dataclass(frozen=True)
class Message:
    """What came, by the id that its sender gave it."""

    id: str
    text: str


def messages(invocation: Mapping[str, Any]) -> list[Message]:
    """The messages that a function is called with: a topic's, or one event of a bus.

    Raises: BadMessage when it is called with something else.
    """
    if "detail-type" in invocation:
        return [Message(str(invocation.get("id", "")), json.dumps(invocation))]
    try:
        told = [record["Sns"] for record in invocation["Records"]]
        return [Message(str(one["MessageId"]), str(one["Message"])) for one in told]
    except (KeyError, TypeError) as error:
        raise BadMessage(
            f"called with what is neither of a topic nor of a bus: {_start(json.dumps(invocation))}"
        ) from error


def event_of(message: Message) -> Event:
    """The event that a message tells of; CloudWatch's words of an alarm are the detail of one.

    Raises: BadMessage when it tells of nothing that is known.
    """
    try:
        said = json.loads(message.text)
    except ValueError as error:
        raise BadMessage(f"no JSON: {_start(message.text)}") from error
    try:
        if isinstance(said, Mapping) and "AlarmName" in said:
            at = clock.from_iso(said["StateChangeTime"])
            return Event(bus.ALARM_CHANGED, {**said}, id=message.id, time=at)
        return Event.from_json(message.text)
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(
            f"neither an alarm nor an event, {type(error).__name__}: {error}: "
            f"{_start(message.text)}"
        ) from error


def identity(event: Event) -> str:
    """What two tellings of one event have in common; its id may be another one each time."""
    said = json.dumps([event.source, event.detail_type, event.time, event.detail], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _start(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
