"""EventBridge, with the events of a pipeline kept in its DynamoDB table.

EventBridge forgets what it hands on: an event is written down first, with its number, then sent.
What a kill or a refusal left unsent is sent by `send_rest`; so a rule may hear of one event twice.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.bus import Event
from edp.core.errors import RetryableError
from edp.events.port import Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.backends.dynamo import Table

_EVENT: Final = "event"
_LAST: Final = ("last event", "n")
_UNSENT: Final = "unsent"
_AWS: Final = "aws."


class EventBridgeEvents:
    """Events of one pipeline on the bus `bus`; `account` and `region` are where they happen."""

    def __init__(
        self, events: Service, table: Table, *, account: str, region: str, bus: str = "default"
    ) -> None:
        self._events = events
        self._table = table
        self._account = account
        self._region = region
        self._bus = bus

    def put(
        self,
        detail_type: str,
        detail: Mapping[str, object],
        *,
        source: str = "edp",
        resources: Sequence[str] = (),
    ) -> Event:
        """Say that something happened; whoever a rule names for it is told by EventBridge.

        What AWS says itself, such as Glue's words of a run, EventBridge takes from nobody else:
        it is only written down.
        """
        event = Event(
            detail_type,
            detail,
            source,
            account=self._account,
            region=self._region,
            resources=tuple(resources),
        )
        row = self._keep(event)
        if not row.index:
            return event
        try:
            return self._send(row)
        except (ClientError, RetryableError):
            return event  # it is written down, and sent with the rest

    def _keep(self, event: Event) -> Row:
        """The event's row, with a number that is greater than every one before."""
        for _ in tries():
            last = self._table.get(*_LAST) or Row(*_LAST, {"n": 0})
            n = last.doc["n"] + 1
            index = {} if event.source.startswith(_AWS) else {"work": (_UNSENT, float(n))}
            row = Row(_EVENT, _key(n), event.to_json() | {"time": event.time}, index)
            if self._table.put_all([changed(last, n=n), row]):
                return replace(row, rev=1)
        raise AssertionError("tries() raises")

    def _send(self, row: Row) -> Event:
        """Hand the event to EventBridge, which gives it its id."""
        event = _event(row.doc)
        entry = {
            "EventBusName": self._bus,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
            "Resources": list(event.resources),
            "Time": datetime.fromtimestamp(event.time, UTC),
        }
        (answer,) = self._events.put_events(Entries=[entry])["Entries"]
        if "EventId" not in answer:
            why = f"{answer.get('ErrorCode')}: {answer.get('ErrorMessage')}"
            raise RetryableError(f"EventBridge did not take {event.detail_type!r}: {why}")
        self._table.put(replace(changed(row, id=answer["EventId"]), index={}))
        return replace(event, id=answer["EventId"])

    def send_rest(self) -> int:
        """Send what is still unsent; how many events.

        Raises: RetryableError when EventBridge takes one not.
        """
        rows = [self._table.get(*found.key) for found in self._table.find("work", _UNSENT)]
        unsent = [row for row in rows if row is not None and row.index]
        for row in unsent:
            self._send(row)
        return len(unsent)

    def forget(self, *, older_than_s: float) -> None:
        """Drop the events that happened more than so many seconds ago, but for the newest."""
        before, newest = clock.now() - older_than_s, _key(self.last_id())
        for row in self._rows(0):
            if row.doc["time"] >= before:
                return  # they are numbered as they come
            if row.sk != newest and not row.index:
                self._table.remove(*row.key)

    def last_id(self) -> int:
        """The newest event's number, 0 before the first."""
        last = self._table.get(*_LAST)
        return int(last.doc["n"]) if last else 0

    def told(self, after: int = 0, *, limit: int | None = None) -> Sequence[Told]:
        """The events after number `after`, oldest first; at most `limit` of them."""
        found: list[Told] = []
        for row in self._rows(after):
            if limit is not None and len(found) >= limit:
                break
            found.append(Told(int(row.sk), _event(row.doc)))
        return found

    def _rows(self, after: int) -> Iterator[Row]:
        return self._table.query(_EVENT, first=_key(after + 1))

    def since(self, after: int = 0) -> Sequence[Mapping[str, object]]:
        """The same as rows of `edp.events`."""
        return [
            {
                "id": one.n,
                "event_id": one.event.id,
                "at": clock.iso(one.event.time),
                "source": one.event.source,
                "detail_type": one.event.detail_type,
                "resources": one.event.resources,
                "detail": one.event.detail,
            }
            for one in self.told(after)
        ]


def _key(n: int) -> str:
    return f"{n:020}"


def _event(doc: Mapping[str, Any]) -> Event:
    return Event(
        doc["detail-type"],
        doc["detail"],
        doc["source"],
        doc["id"],
        doc["time"],
        doc["account"],
        doc["region"],
        tuple(doc["resources"]),
    )
