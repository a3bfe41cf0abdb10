"""The event bus of a workspace, in SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edp.backends.sqlite import load
from edp.core import clock
from edp.core.bus import RULE_FAILED, Event
from edp.core.errors import EdpError
from edp.events.port import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.core.bus import Rule

_SQL = load("edp.events")


class LocalEvents:
    """Events of one workspace, in the order in which they became true.

    An event that fits one of `rules` is handed to the rule's target, with the rule's name.
    """

    def __init__(
        self,
        db: Database,
        *,
        rules: Sequence[Rule] = (),
        targets: Mapping[str, Callable[[str, Event], None]] | None = None,
    ) -> None:
        self._db = db
        self._rules = [(rule, (targets or {})[rule.target]) for rule in rules]

    def put(
        self,
        detail_type: str,
        detail: Mapping[str, object],
        *,
        source: str = "edp",
        resources: Sequence[str] = (),
    ) -> Event:
        event = Event(detail_type, detail, source, resources=tuple(resources))
        with self._db.transaction():
            self._keep(event)
            self._hand_on(event)
        return event

    def _keep(self, event: Event) -> None:
        self._db.execute(
            _SQL.put,
            event_id=event.id,
            at=event.time,
            source=event.source,
            detail_type=event.detail_type,
            resources=json.dumps(event.resources),
            detail=json.dumps(event.detail),
        )

    def _hand_on(self, event: Event) -> None:
        """Give it to the rules that fit; what one of them cannot do must not undo the event."""
        if not self._rules:
            return
        body = event.to_json()
        for rule, target in self._rules:
            if not rule.fits(body):
                continue
            try:
                target(rule.name, event)
            except EdpError:
                raise
            except Exception as error:  # noqa: BLE001 (work goes on, and the event tells)
                why = f"{type(error).__name__}: {error}"
                told = {"rule": rule.name, "target": rule.target, "event": event.id, "reason": why}
                self._keep(Event(RULE_FAILED, told | {"state": "failed"}))

    def forget(self, *, older_than_s: float) -> None:
        self._db.execute(_SQL.forget, before=clock.now() - older_than_s)

    def last_id(self) -> int:
        return int(self._db.value(_SQL.last_id))

    def told(self, after: int = 0, *, limit: int | None = None) -> Sequence[Told]:
        rows = self._db.rows(_SQL.since, after=after, limit=-1 if limit is None else limit)
        return [
            Told(
                row["id"],
                Event(
                    row["detail_type"],
                    json.loads(row["detail"]),
                    row["source"],
                    row["event_id"],
                    row["at"],
                    resources=tuple(json.loads(row["resources"])),
                ),
            )
            for row in rows
        ]

    def since(self, after: int = 0) -> Sequence[Mapping[str, object]]:
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
