"""A catalog in SQLite, shaped like the Glue Data Catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edp.catalog import schema
from edp.catalog.port import Adopted, Change, Column, Inventory, Plan, Rewriting, Table
from edp.catalog.rows import SQL, Rows, Standing, adopted
from edp.core import clock
from edp.core.clock import iso
from edp.core.errors import ConfigError, StaleSnapshot
from edp.core.files import admits
from edp.core.types import public

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from edp.backends.sqlite import Database
    from edp.catalog.port import Crowd, Method, Small
    from edp.core.files import DataFile, Profile
    from edp.core.types import Admits


class LocalCatalog:
    """The tables of one workspace; `database` is what they are said to be in.

    A column's type follows the live files, unless types are `fixed`: then it stays, and all files
    store it.
    """

    def __init__(self, db: Database, database: str, *, fixed: bool = False) -> None:
        self._db = db
        self._database = database
        self._fixed = fixed
        self._rows = Rows(db)

    def live_admits(self, dataset: str, *, without: Collection[str]) -> Mapping[str, Admits]:
        """What the live sources of the dataset admit, by column, those of `without` left out."""
        return admits(self._rows.live_profiles(self._rows.table(dataset), without))

    def fixed_types(self, dataset: str) -> Mapping[str, str]:
        """The types that files to come have to store, by column; none where types follow files."""
        if not self._fixed:
            return {}
        with self._db.reading():
            return _types(self._rows.columns(self._rows.table(dataset)))

    def plan(self, change: Change) -> Plan:
        """Work out what `change` takes.

        Raises: ConfigError for a dataset that is named as another one's rejects.
        """
        if change.dataset.endswith("__rejects"):
            raise ConfigError(f"no table can be called {change.dataset!r}: rejects are; rename it")
        with self._db.reading():
            data, rejects = self._tables_of(change.dataset)
            out = change.remove | change.profiles.keys()
            stay = self._rows.live_profiles(data, out)
            columns = schema.columns([*stay, *change.profiles.values()], change.declared)
            before = self._rows.columns(data)
            written = [one for one in change.add if one.kind == "data" and not adopted(one)]
            if self._fixed:
                columns = schema.kept(columns, before, change.declared, written)
            types = _types(columns)
            methods = dict(change.methods)

            reread: set[str] = set()
            for file in written:
                profiles = {key: change.profiles[key] for key in file.sources}
                reread = reread.union(*self._misfit(file, types, profiles).values())
            render: dict[str, frozenset[str]] = {}
            for file, misfit in self._misfits(data, before, types, out):
                keys = set().union(*misfit.values())
                gone = keys & change.gone
                reread |= keys - gone
                methods |= {name: _method(keys - gone) for name, keys in misfit.items()}
                if gone:
                    render[file.path] = frozenset(gone)

            drop, rewrite = self._leave(data, rejects, out | reread, render, types)
        return Plan(
            change=change,
            base=(data.version, rejects.version),
            columns=columns,
            drop=tuple(drop),
            rewrite=tuple(rewrite),
            reread=frozenset(reread),
            changes=schema.changes(before, columns, methods) if data.version else (),
            methods=methods,
            fixed=types if self._fixed else {},
        )

    def _tables_of(self, dataset: str) -> tuple[Standing, Standing]:
        return self._rows.table(dataset), self._rows.table(f"{dataset}__rejects")

    def _misfits(
        self,
        table: Standing,
        before: Sequence[Column],
        types: Mapping[str, str],
        out: Collection[str],
    ) -> list[tuple[DataFile, dict[str, set[str]]]]:
        """Live files of which a change of types misfits some sources, and which, by column.

        All others were checked when they came.
        """
        if self._fixed:  # where only another reading is declared, what was read stays
            now = {column.name: column.type for column in before}
            types = {n: kind for n, kind in types.items() if public(kind) != now.get(n)}
        changed = {c.name for c in before if types.get(c.name, c.resolved) != c.resolved}
        if not changed:
            return []
        found = []
        for file in self._rows.storing(table, changed):
            keys = file.sources.keys() - out
            misfit = self._misfit(file, types, self._rows.profiles_of(table, keys))
            if misfit:
                found.append((file, misfit))
        return found

    def _misfit(
        self, file: DataFile, types: Mapping[str, str], profiles: Mapping[str, Profile]
    ) -> dict[str, set[str]]:
        """The sources of `file` that cannot stay as they are stored, by column."""
        if self._fixed:
            return schema.unlike(file, types, profiles)
        return schema.misfits(file, types, profiles)

    def _leave(
        self,
        data: Standing,
        rejects: Standing,
        leaving: AbstractSet[str],
        render: Mapping[str, frozenset[str]],
        types: Mapping[str, str],
    ) -> tuple[list[DataFile], list[Rewriting]]:
        """The files of which nothing stays without `leaving`, and those to be rewritten.

        `render` are sources, by path, that stay with their values cast to `types`.
        """
        drop: list[DataFile] = []
        rewrite: list[Rewriting] = []
        going = set(leaving).union(*render.values())
        held = self._rows.holding(data, going, "data")
        for file in [*held, *self._rows.holding(rejects, leaving, "rejects")]:
            keys, cast = file.sources.keys(), render.get(file.path, frozenset())
            stay = keys - leaving - cast
            if cast:
                rewrite.append(Rewriting(file, frozenset(keys - cast), types))
            if stay and len(stay) < len(keys):
                rewrite.append(Rewriting(file, frozenset(keys - stay)))
            if not (cast or stay):
                drop.append(file)
        return drop, rewrite

    def reshape(
        self, dataset: str, *, drop: Collection[str], rewrite: Sequence[Rewriting] = ()
    ) -> Plan:
        """A plan by which files of a dataset's tables go, or change, and no source does."""
        with self._db.reading():
            data, rejects = self._tables_of(dataset)
            going = self._rows.at(dataset, drop)
            paths = {one.file.path for one in rewrite}
            if missing := len(set(drop) | paths) - len(going) - len(self._rows.at(dataset, paths)):
                raise StaleSnapshot(f"{missing} files of {dataset} are in no table any more")
            columns = tuple(self._rows.columns(data))
        return Plan(
            change=Change(dataset),
            base=(data.version, rejects.version),
            columns=columns,
            drop=tuple(going),
            rewrite=tuple(rewrite),
            reread=frozenset(),
            changes=(),
            methods={},
        )

    def crowds(self, *, below: int, more_than: int, table: str | None = None) -> Sequence[Crowd]:
        """The partitions that hold many small files of EDP's own, the fullest first."""
        return self._rows.crowds(below=below, more_than=more_than, table=table)

    def small(self, crowd: Crowd, *, below: int) -> Sequence[Small]:
        """The files of a crowd, by their schema."""
        return self._rows.small(crowd, below=below)

    def files(self, table: str) -> Sequence[DataFile]:
        """The live files of a table with all their sources."""
        with self._db.reading():
            return self._rows.all_files(table)

    def replace(
        self,
        plan: Plan,
        *,
        rewritten: Sequence[DataFile],
        run_id: str | None,
        operation: str,
    ) -> None:
        """Make the planned change, all of it; `rewritten` take the place of `plan.rewrite`."""
        change = plan.change
        with self._db.transaction():
            data, rejects = self._tables_of(change.dataset)
            if plan.base != (data.version, rejects.version) or plan.reread:
                raise StaleSnapshot(f"table {change.dataset} changed after the commit was planned")
            rewriting = {one.file.path: one.file for one in plan.rewrite}
            gone = [*plan.drop, *rewriting.values()]
            come = [*change.add, *rewritten]
            # a commit that is made again, as its run did not hear of it, has the files it had
            had = {file.path: file.sha256 for file in gone}
            stay = {file.path for file in come if had.get(file.path) == file.sha256}
            gone = [file for file in gone if file.path not in stay]
            come = [file for file in come if file.path not in stay]
            for table, kind in ((data, "data"), (rejects, "rejects")):
                adds = [file for file in come if file.kind == kind and file.rows]
                removes = [file for file in gone if file.kind == kind]
                said = kind == "data" and (change.remove or change.profiles or table.id is None)
                if not (said or adds or removes):
                    continue
                name = change.dataset if kind == "data" else f"{change.dataset}__rejects"
                table_id, version = self._rows.advance(
                    table, name, dataset=change.dataset, kind=kind
                )
                for file in removes:
                    self._rows.remove_file(version, file)
                for file in adds:
                    self._rows.add_file(table_id, version, file)
                if kind == "data":
                    self._set_sources(table_id, change)
                    self._rows.set_columns(table_id, plan.columns)
                    self._rows.note_changes(table_id, version, plan.changes, run_id)
                elif table.id is None:
                    self._rows.set_columns(table_id, _reject_columns(adds[0]))
                self._rows.add_version(
                    table_id,
                    version,
                    run_id=run_id,
                    operation=operation,
                    added=len(adds),
                    removed=len(removes),
                )

    def _set_sources(self, table_id: int, change: Change) -> None:
        for key in change.remove - change.profiles.keys():
            self._rows.drop_source(table_id, key)
        for key, profile in change.profiles.items():
            self._rows.set_source(table_id, key, profile)

    def tables(self) -> Sequence[Table]:
        """All tables, by name."""
        with self._db.reading():
            return [
                Table(
                    name=row["name"],
                    database=self._database,
                    dataset=row["dataset"],
                    kind=row["kind"],
                    version=row["version"],
                    columns=tuple(self._rows.columns(Standing(row["id"]))),
                    rows=row["rows"],
                    files=row["files"],
                    partitions=tuple(json.loads(row["partitions"] or "[]")),
                )
                for row in self._db.rows(SQL.tables)
            ]

    def snapshot(self) -> Sequence[tuple[Table, Sequence[DataFile]]]:
        """All tables with the files of their current versions, read at one moment."""
        with self._db.reading():
            return [
                (table, self._rows.live_files(table.name, table.kind)) for table in self.tables()
            ]

    def inventory(self) -> Inventory:
        """Everything that the catalog says of files and their sources, read at one moment."""
        with self._db.reading():
            live = {(one["dataset"], one["key"]) for one in self._db.rows(SQL.live_sources)}
            sources: dict[str, set[str]] = {}
            for dataset, key in live:
                sources.setdefault(dataset, set()).add(key)
            return Inventory(
                files=self._rows.inventory(),
                sources={dataset: frozenset(keys) for dataset, keys in sources.items()},
                retired=frozenset(row["path"] for row in self._db.rows(SQL.removed)),
                expired={row["dataset"]: row["at"] for row in self._db.rows(SQL.expired)},
            )

    def holders(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The datasets of whose tables any of `keys` is a live source, and which of them."""
        found: dict[str, frozenset[str]] = {}
        for row in self._db.rows(SQL.holders, keys=json.dumps(sorted(keys))):
            found[row["dataset"]] = found.get(row["dataset"], frozenset()) | {row["key"]}
        return found

    def adopted(self) -> Mapping[str, Adopted]:
        """The adopted files that are in a table, by path."""
        rows = self._db.rows(SQL.adopted)
        return {row["path"]: Adopted(row["dataset"], row["sha256"]) for row in rows}

    def versions(self, table: str) -> Sequence[Mapping[str, object]]:
        """A table's versions, newest last."""
        rows = self._db.rows(SQL.versions, name=table)
        return [row | {"at": iso(row["at"])} for row in rows]

    def schema_changes(self) -> Sequence[Mapping[str, object]]:
        """Every change of a table's columns, oldest first."""
        return [row | {"at": iso(row["at"])} for row in self._db.rows(SQL.schema_changes)]

    def named(self) -> Collection[str]:
        """Paths of all files that are or were a table's, as long as they are not forgotten."""
        return {row["path"] for row in self._db.rows(SQL.named)}

    def retired(self, *, removed_for_s: float) -> Collection[str]:
        """Paths of EDP's own files that no table has had for so many seconds; then forgotten."""
        with self._db.transaction():
            rows = self._db.rows(SQL.retired, until=clock.now() - removed_for_s)
            for row in rows:
                self._db.execute(SQL.forget_sources, id=row["id"])
                self._db.execute(SQL.forget_file, id=row["id"])
        return [row["path"] for row in rows]


def _types(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: column.resolved for column in columns}


def _method(reread: Collection[str]) -> Method:
    return "re-read" if reread else "rendered"


def _reject_columns(file: DataFile) -> list[Column]:
    return [Column(name, public(stored)) for name, stored in file.schema.items()]
