"""The event bus of a workspace, in SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edp.backends.sqlite import load
from edp.core import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.backends.sqlite import Database

_SQL = load("edp.events")


class LocalEvents:
    """Events of one workspace, in the order in which they became true."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, detail_type: str, detail: Mapping[str, object]) -> None:
        """Say that something happened; within a transaction, only if that commits."""
        self._db.execute(
            _SQL.put, now=clock.now(), detail_type=detail_type, detail=json.dumps(detail)
        )

    def forget(self, *, older_than_s: float) -> None:
        """Drop the events that happened more than so many seconds ago, but for the newest."""
        self._db.execute(_SQL.forget, before=clock.now() - older_than_s)

    def last_id(self) -> int:
        """The newest event's id, 0 before the first."""
        return int(self._db.value(_SQL.last_id))

    def since(self, after: int = 0) -> Sequence[Mapping[str, object]]:
        """The events after id `after`, oldest first."""
        return [
            row | {"at": clock.iso(row["at"]), "detail": json.loads(row["detail"])}
            for row in self._db.rows(_SQL.since, after=after)
        ]
