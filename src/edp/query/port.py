"""What a query engine is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from edp.core.names import column_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


R = TypeVar("R")


@dataclass(frozen=True)
class Files:
    """Files of a table that are stored alike: column to stored type, and where they are.

    `own` files were written by EDP and have its two columns; the values of `partitioned` ones'
    missing columns are in their paths (`name=value`).
    """

    schema: Mapping[str, str]
    paths: Sequence[str]
    own: bool = True
    partitioned: bool = False


@dataclass(frozen=True)
class View:
    """A table as a query sees it: columns with their types, and files."""

    name: str
    columns: Mapping[str, str]
    files: Sequence[Files]


@dataclass(frozen=True)
class Snapshot:
    """What a query may see: tables, and the records below `edp.`, fetched only if named.

    `records` maps a name to its columns (name to SQL type) and the rows.
    """

    views: Mapping[str, View]
    records: Mapping[str, tuple[Mapping[str, str], Callable[[], Sequence[Mapping[str, object]]]]]


@dataclass(frozen=True)
class Answer:
    """A query's result; `rows` hold Python values, times with an offset in UTC.

    `scanned` are the bytes that an engine counts which charges for them.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    scanned: int | None = None

    def records(self) -> list[dict[str, object]]:
        """The rows by column; of columns with one name the later ones get `_2`, `_3`, ...

        >>> Answer(("n", "N"), ("INTEGER", "INTEGER"), [(1, 2)]).records()
        [{'n': 1, 'N': 2}]
        >>> Answer(("n", "n"), ("INTEGER", "INTEGER"), [(1, 2)]).records()
        [{'n': 1, 'n_2': 2}]
        """
        names: Sequence[str] = self.columns
        if len(set(names)) < len(names):
            names = column_names(names, taken=())
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class ArrowStream(Protocol):
    """What Arrow libraries read: the C stream interface, as a PyCapsule."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The stream, to be read once."""


class Query(Protocol):
    """Answers one SELECT over a snapshot."""

    def ask(self, sql: str, snapshot: Snapshot) -> Answer:
        """The answer to `sql`.

        Raises: ConfigError when the SQL is wrong or wants to do more than read.
        """

    def arrow(self, sql: str, snapshot: Snapshot, take: Callable[[ArrowStream], R]) -> R:
        """What `take` makes of the answer to `sql`, which it has to read before it returns."""

    def export(self, sql: str, snapshot: Snapshot, out: Path) -> int:
        """Write the answer to `out` as Parquet; how many rows."""
