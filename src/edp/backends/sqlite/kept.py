"""What is kept of a transaction: the rows that a commit made true, as they stand at its end.

A version that only waits is not kept: its bytes are in the source, and a listing finds them. What
came to rest is, with all that hangs on it; so is every change of the catalog and of dead letters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import apsw

from edp.backends.sqlite.statements import load

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_SQL = load("edp.backends.sqlite", "kept.sql")

_PLAIN: Final = (
    "dead_letter",
    "catalog_table",
    "catalog_column",
    "file_schema",
    "data_file",
    "file_source",
    "profile",
    "live_source",
    "catalog_version",
    "schema_change",
)
_ON_VERSIONS: Final = ("version", "object", "heard", "run_member")
WATCHED: Final = ("version", "heard", "run", *_PLAIN)
"""Tables of which a change may be worth keeping."""
KEPT: Final = ("counter", "object", "run_member", *WATCHED)
"""Tables that the journal can give back."""
LOST: Final[Mapping[str, str]] = {
    "message": "messages that were in the queue",
    "event": "events",
    "alarm": "the states of alarms; they are evaluated again",
    "alarm_change": "the history of alarms",
    "incident": "which incidents were open; resolve them in PagerDuty by hand",
    "incident_subject": "what was still wrong in them",
    "alert": "alerts",
    "delivery": "alerts that were not delivered yet",
    "ledger_event": "the history of each version's states",
    "announced": "bytes that a replay had announced; start the replay again",
    "seen": "what was seen of the source's files; they are read again",
}
"""Tables that it cannot, and what that means."""
OWN: Final = ("journal", "legal_transition")
"""Tables that every state has by itself."""

_RESTING: Final = frozenset({"committed", "superseded", "dead", "discarded"})
_CALM: Final = {"state": "queued", "run_id": None, "lease_until": None, "cohort": None}
"""What a running version is after a loss: nobody runs it."""
_PART: Final = 5000
"""Rows of a table in one part, where there are many."""

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """Rows of one table as they stand, and the primary keys of those that are gone."""

    columns: tuple[str, ...]
    rows: Sequence[Values]
    gone: Sequence[Values] = ()


Image = dict[str, Rows]
"""Table to rows."""


@dataclass(frozen=True)
class Shape:
    """A table's columns, and which of them are its primary key."""

    columns: tuple[str, ...]
    key: tuple[str, ...]

    @classmethod
    def of(cls, connection: apsw.Connection, table: str) -> Shape:
        """The shape that `table` has in this database."""
        found: list[Values] = connection.execute(_SQL.columns, {"table": table}).fetchall()
        key = sorted((place, name) for name, place in found if place)
        return cls(tuple(name for name, _ in found), tuple(name for _, name in key))

    def key_of(self, row: Values) -> Values:
        """The primary key of a row."""
        return tuple(row[self.columns.index(name)] for name in self.key)


Shapes = dict[str, Shape]
"""Table to shape."""


def shapes(connection: apsw.Connection) -> Shapes:
    """The shapes of all tables that are kept; an older schema may not have all of them."""
    found = {table: Shape.of(connection, table) for table in KEPT}
    return {table: shape for table, shape in found.items() if shape.columns}


class Keeper:
    """Tells what is to be kept of the database that `connection` is open on."""

    def __init__(self, connection: apsw.Connection, shapes: Shapes) -> None:
        self._connection = connection
        self._shapes = shapes

    def changed(self, changeset: bytes) -> Image:
        """What is to be kept of the transaction under way; empty where nothing is.

        `changeset` is what SQLite's session extension recorded of it.
        """
        touched: dict[str, set[Values]] = {}
        left_rest: set[int] = set()
        for change in apsw.Changeset.iter(changeset):
            shape, old = self._shapes[change.name], change.old
            row = old or change.new
            assert row is not None
            if change.name == "heard":
                version = row[shape.columns.index("version_id")]
                touched.setdefault("version", set()).add((version,))
                continue
            touched.setdefault(change.name, set()).add(shape.key_of(row))
            if change.name == "version" and old and old[shape.columns.index("state")] in _RESTING:
                left_rest.add(*shape.key_of(row))
        image = self._versions([id_ for (id_,) in touched.pop("version", ())], left_rest)
        for table, keys in touched.items():
            found = self._standing(table, keys)
            if found.rows or found.gone:
                image[table] = found
        if image:
            image["counter"] = self._select("counter")
        return image

    def everything(self) -> Iterator[Image]:
        """All that is to be kept, in parts."""
        for table in self._shapes:
            cursor = self._connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (our own)
            while rows := list(islice(cursor, _PART)):
                yield {table: self._calm(table, rows)}

    def _versions(self, touched: Collection[int], left_rest: Collection[int]) -> Image:
        """Versions that came to rest, or left it, with what hangs on them.

        Of their objects' heads those that wait too, so that no head is unknown.
        """
        states = self._connection.execute(_SQL.states, {"ids": json.dumps(list(touched))})
        kept = {id_ for id_, state in states if state in _RESTING or id_ in left_rest}
        if not kept:
            return {}
        heads = self._connection.execute(_SQL.waiting_heads, {"ids": json.dumps(list(kept))})
        ids = [*kept, *(id_ for (id_,) in heads if id_ not in kept)]
        return {table: self._select(table, ids) for table in _ON_VERSIONS}

    def _select(self, table: str, ids: Sequence[int] = ()) -> Rows:
        rows = self._connection.execute(getattr(_SQL, table), {"ids": json.dumps(ids)}).fetchall()
        return self._calm(table, rows)

    def _standing(self, table: str, keys: AbstractSet[Values]) -> Rows:
        """The rows with these primary keys, and the keys that have none."""
        shape = self._shapes[table]
        match = " AND ".join(f't."{name}" = k.value ->> {n}' for n, name in enumerate(shape.key))
        found = self._connection.execute(
            f'SELECT t.* FROM json_each(:keys) k CROSS JOIN "{table}" t ON {match}',  # noqa: S608
            {"keys": json.dumps(sorted(keys))},
        ).fetchall()
        gone = keys - {shape.key_of(row) for row in found}
        rows = self._calm(table, found)
        return Rows(rows.columns, rows.rows, sorted(gone))

    def _calm(self, table: str, rows: Sequence[Values]) -> Rows:
        """The rows with what is running said to be waiting; a run that is running left out."""
        shape = self._shapes[table]
        if table in ("run", "version"):
            state = shape.columns.index("state")
            if table == "run":
                rows = [row for row in rows if row[state] != "running"]
            else:
                rows = [
                    tuple(map(_CALM.get, shape.columns, row)) if row[state] == "running" else row
                    for row in rows
                ]
        return Rows(shape.columns, rows)
