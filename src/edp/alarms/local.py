"""The states of a workspace's alarms, in SQLite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edp.alarms.port import Change, Standing
from edp.backends.sqlite import load
from edp.core import clock

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.core.alarms import Verdict

_SQL = load("edp.alarms")


class LocalAlarms:
    """Alarms of one workspace."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def standing(self) -> Mapping[str, Standing]:
        return {row["name"]: Standing(**row) for row in self._db.rows(_SQL.standing)}

    def make(self, names: Collection[str]) -> None:
        self._db.execute(_SQL.make, names=json.dumps(list(names)), now=clock.now())

    def change(self, name: str, verdict: Verdict) -> None:
        told = {"name": name, "state": verdict.state, "reason": verdict.reason, "now": clock.now()}
        with self._db.transaction():
            self._db.execute(_SQL.note, **told)
            self._db.execute(_SQL.change, **told)

    def remove(self, names: Collection[str]) -> None:
        self._db.execute(_SQL.remove, names=json.dumps(list(names)))

    def history(self, name: str | None = None) -> Sequence[Change]:
        return [Change(**row) for row in self._db.rows(_SQL.history, name=name)]

    def forget(self, *, older_than_s: float) -> None:
        self._db.execute(_SQL.forget, before=clock.now() - older_than_s)
