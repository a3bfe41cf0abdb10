"""What a query engine is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


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
    """A query's result; `rows` hold Python values, times with an offset in UTC."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


class Query(Protocol):
    """Answers one SELECT over a snapshot."""

    def ask(self, sql: str, snapshot: Snapshot) -> Answer:
        """The answer to `sql`.

        Raises: ConfigError when the SQL is wrong or wants to do more than read.
        """

    def export(self, sql: str, snapshot: Snapshot, out: Path) -> int:
        """Write the answer to `out` as Parquet; how many rows."""
