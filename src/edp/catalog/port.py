"""What a catalog does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from edp.core.types import public

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.core.files import DataFile, Kind, ProfileColumn
    from edp.core.types import Admits

Method = Literal["none", "cast at read", "re-read", "rendered"]


@dataclass(frozen=True)
class Column:
    """A column of a table; `resolved` is its type with the reading of its dates, if it has one."""

    name: str
    resolved: str
    comment: str = ""

    @property
    def type(self) -> str:
        """Its type, as a contract writes it.

        >>> Column("day", "date:mdy").type
        'date'
        """
        return public(self.resolved)


@dataclass(frozen=True)
class Table:
    """A table as it is listed: rows and files of its current version."""

    name: str
    database: str
    dataset: str
    kind: Kind
    version: int
    columns: tuple[Column, ...]
    rows: int
    files: int
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchemaChange:
    """A column came, went, or changed its type, and how older files are read since."""

    column: str
    change: Literal["added", "removed", "type"]
    old_type: str | None
    new_type: str | None
    method: Method


@dataclass(frozen=True)
class Change:
    """What is to become of a dataset's table and its rejects: sources go, sources come.

    `profiles` are the sources that come; a key that is live already is replaced. `add` are
    files, staged or published, that hold rows of those keys only. `declared` maps column to type
    where the contract says one. `gone` are keys whose source cannot be read again, so that their
    values may be rendered as canonical text. `methods` remembers, by column, what a change of
    type has taken so far.
    """

    dataset: str
    remove: frozenset[str] = frozenset()
    add: tuple[DataFile, ...] = ()
    profiles: Mapping[str, tuple[ProfileColumn, ...]] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    methods: Mapping[str, Method] = field(default_factory=dict)


@dataclass(frozen=True)
class Rewriting:
    """A live file that stays without some keys, its columns cast to `types` where given.

    Of one file there may be two: what is cast, and what stays as it is.
    """

    file: DataFile
    without: frozenset[str]
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Crowd:
    """A partition of a table, and how many small files of EDP's own it holds."""

    table: str
    dataset: str
    partition: str
    files: int


@dataclass(frozen=True)
class Small:
    """A small file: where it is, its size in bytes, and how many sources it holds.

    Files of one partition that are equal in `schema` can become one.
    """

    path: str
    schema: int
    bytes: int
    sources: int


@dataclass(frozen=True)
class Plan:
    """A change worked out against the tables' versions in `base`.

    `drop` are live files of which nothing stays. `reread` are keys, live or added, whose stored
    values cannot be cast exactly to the new types: they have to be read from the source again,
    and the change planned anew. `fixed` are the types that all files store, where a catalog
    promises that; it is empty where they may differ, and are cast at read.
    """

    change: Change
    base: tuple[int, int]
    columns: tuple[Column, ...]
    drop: tuple[DataFile, ...]
    rewrite: tuple[Rewriting, ...]
    reread: frozenset[str]
    changes: tuple[SchemaChange, ...]
    methods: Mapping[str, Method]
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Adopted:
    """A Parquet file that others wrote: the dataset that has it, and what it hashes to."""

    dataset: str
    sha256: str


@dataclass(frozen=True)
class Inventory:
    """Every live file of every table, with all its sources, beside the table's dataset.

    `sources` maps dataset to the keys that are live in its table. `retired` are the paths of files
    that no table has any more, as long as they are not forgotten. `expired` maps dataset to when
    old rejects left its table last (seconds).
    """

    files: Sequence[tuple[str, DataFile]]
    sources: Mapping[str, frozenset[str]]
    retired: frozenset[str]
    expired: Mapping[str, float]


@dataclass(frozen=True)
class Shown:
    """A table as readers elsewhere are shown it: every Parquet file below `location` is its.

    `partitions` are folders below it (`day=2026-01-09/shop=a`), by the columns `partitioned_by`.
    """

    name: str
    columns: tuple[Column, ...]
    location: str
    partitioned_by: tuple[str, ...] = ()
    partitions: frozenset[str] = frozenset()


class Showcase(Protocol):
    """Where others look tables up, that know nothing of files and commits."""

    def show(self, table: Shown) -> None:
        """Have readers see the table so: with these columns and partitions, and no others."""

    def hide(self, name: str) -> None:
        """Have readers see the table no more; its files stay. One not shown is no error."""


class Catalog(Protocol):
    """The tables of one database."""

    def live_admits(self, dataset: str, *, without: Collection[str]) -> Mapping[str, Admits]:
        """What the live sources of the dataset admit, by column, those of `without` left out."""

    def fixed_types(self, dataset: str) -> Mapping[str, str]:
        """The types that files to come have to store, by column, with their readings.

        None where types follow the live files, or the table is not there yet.
        """

    def plan(self, change: Change) -> Plan:
        """Work out what `change` takes."""

    def replace(
        self,
        plan: Plan,
        *,
        rewritten: Sequence[DataFile],
        run_id: str | None,
        operation: str,
    ) -> None:
        """Make the planned change, all of it; `rewritten` take the place of `plan.rewrite`.

        Raises: StaleSnapshot when another change came first; nothing has happened then.
        """

    def reshape(
        self, dataset: str, *, drop: Collection[str], rewrite: Sequence[Rewriting] = ()
    ) -> Plan:
        """A plan by which files of a dataset's tables go, or change, and no source does.

        `drop` are paths. What comes in their place is given to `replace`.
        Raises: StaleSnapshot when one of the files is in no table any more.
        """

    def crowds(self, *, below: int, more_than: int, table: str | None = None) -> Sequence[Crowd]:
        """The partitions that hold more than so many files below so many bytes, the fullest first.

        Of all tables, or of `table`.
        """

    def small(self, crowd: Crowd, *, below: int) -> Sequence[Small]:
        """The files of a crowd, by their schema."""

    def files(self, table: str) -> Sequence[DataFile]:
        """The live files of a table with all their sources."""

    def tables(self) -> Sequence[Table]:
        """All tables, by name."""

    def snapshot(self) -> Sequence[tuple[Table, Sequence[DataFile]]]:
        """All tables with the files of their current versions, read at one moment.

        Of the files' sources, adopted files are told and object keys are not.
        """

    def inventory(self) -> Inventory:
        """Everything that the catalog says of files and their sources, read at one moment."""

    def holders(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The datasets of whose tables any of `keys` is a live source, and which of them."""

    def adopted(self) -> Mapping[str, Adopted]:
        """The adopted files that are in a table, by path."""

    def versions(self, table: str) -> Sequence[Mapping[str, object]]:
        """A table's versions, newest last."""

    def schema_changes(self) -> Sequence[Mapping[str, object]]:
        """Every change of a table's columns, oldest first."""

    def named(self) -> Collection[str]:
        """Paths of all files that are or were a table's, as long as they are not forgotten."""

    def retired(self, *, removed_for_s: float) -> Collection[str]:
        """Paths of EDP's own files that no table has had for so many seconds; then forgotten."""
