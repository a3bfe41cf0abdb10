"""A catalog in SQLite, shaped like the Glue Data Catalog."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.catalog import schema
from edp.catalog.port import Column, Plan, Rewriting, Table
from edp.core import clock
from edp.core.clock import iso
from edp.core.errors import StaleSnapshot
from edp.core.files import ADOPTED, DataFile, Profile, ProfileColumn, admits
from edp.core.types import Admits, public

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.catalog.port import Change, Method, SchemaChange
    from edp.core.files import Kind

_SQL = load("edp.catalog")


@dataclass(frozen=True)
class _Table:
    """A table of a dataset as it stands; id None before its first version."""

    id: int | None
    version: int = 0


class LocalCatalog:
    """The tables of `database`."""

    def __init__(self, db: Database, database: str) -> None:
        self._db = db
        self._database = database

    # what stands -----------------------------------------------------------------------------

    def _table(self, name: str) -> _Table:
        row = self._db.row(_SQL.table, database=self._database, name=name)
        return _Table(row["id"], row["version"]) if row else _Table(None)

    def _columns(self, table: _Table) -> list[Column]:
        rows = self._db.rows(_SQL.columns, table_id=table.id)
        return [Column(row["name"], row["type"], row["comment"]) for row in rows]

    def _live_profiles(self, table: _Table, without: Iterable[str]) -> list[Profile]:
        given = json.dumps(sorted(without))
        rows = self._db.rows(_SQL.live_profiles, table_id=table.id, without=given)
        return [_profile(row["columns"]) for row in rows]

    def _profiles_of(self, table: _Table, keys: Iterable[str]) -> dict[str, Profile]:
        given = json.dumps(sorted(keys))
        rows = self._db.rows(_SQL.profiles_of, table_id=table.id, keys=given)
        return {row["key"]: _profile(row["columns"]) for row in rows}

    def _holding(self, table: _Table, keys: Iterable[str], kind: Kind) -> list[DataFile]:
        given = json.dumps(sorted(keys))
        rows = self._db.rows(_SQL.files_holding, table_id=table.id, keys=given)
        return [self._with_sources(row, kind) for row in rows]

    def _with_sources(self, row: Mapping[str, Any], kind: Kind) -> DataFile:
        sources = self._db.rows(_SQL.sources_of, file_id=row["id"])
        return _file(row, kind, {source["key"]: source["rows"] for source in sources})

    def live_admits(self, dataset: str, *, without: Collection[str]) -> Mapping[str, Admits]:
        """What the live sources of the dataset admit, by column, those of `without` left out."""
        return admits(self._live_profiles(self._table(dataset), without))

    # what is to come -------------------------------------------------------------------------

    def plan(self, change: Change) -> Plan:
        """Work out what `change` takes."""
        with self._db.reading():
            data, rejects = self._tables_of(change.dataset)
            out = change.remove | change.profiles.keys()
            stay = self._live_profiles(data, out)
            columns = schema.columns([*stay, *change.profiles.values()], change.declared)
            types = {column.name: column.resolved for column in columns}
            before = self._columns(data)
            methods = dict(change.methods)

            reread: set[str] = set()
            render: list[Rewriting] = []
            for file in change.add:
                if file.kind == "data" and not _adopted(file):
                    profiles = [change.profiles[key] for key in file.sources]
                    misfit = schema.misfits(file, types, profiles)
                    reread |= file.sources.keys() if misfit else frozenset()
            for file in self._to_check(data, before, types, out):
                keys = file.sources.keys() - out
                misfit = schema.misfits(file, types, list(self._profiles_of(data, keys).values()))
                if not misfit:
                    continue
                gone = keys & change.gone
                reread |= keys - gone
                methods |= dict.fromkeys(misfit, _method(keys - gone))
                if gone:
                    leave = file.sources.keys() - gone
                    render.append(Rewriting(file, frozenset(leave), types))

            leaving = out | reread
            drop: list[DataFile] = []
            rewrite: list[Rewriting] = []
            held = self._holding(data, leaving, "data") + self._holding(rejects, leaving, "rejects")
            for file in held:
                if file.sources.keys() <= leaving:
                    drop.append(file)
                elif all(file.path != r.file.path for r in render):
                    rewrite.append(Rewriting(file, frozenset(file.sources.keys() & leaving)))
        return Plan(
            change=change,
            base=(data.version, rejects.version),
            columns=columns,
            drop=tuple(drop),
            rewrite=(*rewrite, *render),
            reread=frozenset(reread),
            changes=schema.changes(before, columns, methods) if data.version else (),
            methods=methods,
        )

    def _tables_of(self, dataset: str) -> tuple[_Table, _Table]:
        return self._table(dataset), self._table(f"{dataset}__rejects")

    def _to_check(
        self,
        table: _Table,
        before: Sequence[Column],
        types: Mapping[str, str],
        out: Collection[str],
    ) -> list[DataFile]:
        """Live files that a change of types may misfit; all others were checked when they came."""
        changed = {c.name for c in before if types.get(c.name, c.resolved) != c.resolved}
        if not changed:
            return []
        found = []
        for row in self._db.rows(_SQL.live_files, table_id=table.id):
            if row["origin"] == "edp" and changed & json.loads(row["schema"]).keys():
                file = self._with_sources(row, "data")
                if not file.sources.keys() <= set(out):
                    found.append(file)
        return found

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
            gone = [*plan.drop, *(rewriting.file for rewriting in plan.rewrite)]
            come = [*change.add, *rewritten]
            for table, kind in ((data, "data"), (rejects, "rejects")):
                adds = [file for file in come if file.kind == kind and file.rows]
                removes = [file for file in gone if file.kind == kind]
                if kind == "rejects" and not adds and not removes:
                    continue
                table_id, version = self._advance(table, change.dataset, kind)
                for file in removes:
                    self._db.execute(
                        _SQL.remove_file, path=file.path, version=version, now=clock.now()
                    )
                for file in adds:
                    self._add_file(table_id, version, file)
                if kind == "data":
                    self._set_sources(table_id, change)
                    self._set_columns(table_id, plan.columns)
                    self._note_changes(table_id, version, plan.changes, run_id)
                elif table.id is None:
                    self._set_columns(table_id, _reject_columns(adds[0]))
                self._db.execute(
                    _SQL.add_version,
                    table_id=table_id,
                    version=version,
                    now=clock.now(),
                    run_id=run_id,
                    operation=operation,
                    added=len(adds),
                    removed=len(removes),
                )

    def _advance(self, table: _Table, dataset: str, kind: str) -> tuple[int, int]:
        now = clock.now()
        table_id = table.id
        if table_id is None:
            name = dataset if kind == "data" else f"{dataset}__rejects"
            table_id = self._db.insert(
                _SQL.add_table,
                database=self._database,
                name=name,
                kind=kind,
                dataset=dataset,
                now=now,
            )
        version = table.version + 1
        self._db.execute(_SQL.advance, table_id=table_id, version=version, now=now)
        return table_id, version

    def _add_file(self, table_id: int, version: int, file: DataFile) -> None:
        columns = json.dumps(dict(file.schema))
        self._db.execute(_SQL.add_schema, columns=columns)
        file_id = self._db.insert(
            _SQL.add_file,
            table_id=table_id,
            path=file.path,
            partition=file.partition,
            rows=file.rows,
            bytes=file.bytes,
            sha256=file.sha256,
            schema_id=self._db.value(_SQL.schema_id, columns=columns),
            origin="adopted" if _adopted(file) else "edp",
            version=version,
        )
        self._db.execute_many(
            _SQL.add_source,
            [{"file_id": file_id, "key": key, "rows": n} for key, n in file.sources.items()],
        )

    def _set_sources(self, table_id: int, change: Change) -> None:
        for key in change.remove - change.profiles.keys():
            self._db.execute(_SQL.drop_source, table_id=table_id, key=key)
        for key, profile in change.profiles.items():
            columns = _profile_json(profile)
            self._db.execute(_SQL.add_profile, columns=columns)
            self._db.execute(_SQL.set_source, table_id=table_id, key=key, columns=columns)

    def _set_columns(self, table_id: int, columns: Sequence[Column]) -> None:
        self._db.execute(_SQL.drop_columns, table_id=table_id)
        for ordinal, column in enumerate(columns):
            self._db.execute(
                _SQL.add_column,
                table_id=table_id,
                ordinal=ordinal,
                name=column.name,
                type=column.resolved,
                comment=column.comment,
            )

    def _note_changes(
        self,
        table_id: int,
        version: int,
        changes: Sequence[SchemaChange],
        run_id: str | None,
    ) -> None:
        for change in changes:
            self._db.execute(
                _SQL.add_change,
                now=clock.now(),
                table_id=table_id,
                version=version,
                run_id=run_id,
                **vars(change),
            )

    # what a reader sees ----------------------------------------------------------------------

    def tables(self) -> Sequence[Table]:
        """All tables, by name."""
        with self._db.reading():
            return [
                Table(
                    name=row["name"],
                    database=row["database"],
                    dataset=row["dataset"],
                    kind=row["kind"],
                    version=row["version"],
                    columns=tuple(self._columns(_Table(row["id"]))),
                    rows=row["rows"],
                    files=row["files"],
                    partitions=tuple(json.loads(row["partitions"] or "[]")),
                )
                for row in self._db.rows(_SQL.tables, database=self._database)
            ]

    def snapshot(self) -> Sequence[tuple[Table, Sequence[DataFile]]]:
        """All tables with the files of their current versions, read at one moment."""
        with self._db.reading():
            return [(table, self._files(table)) for table in self.tables()]

    def _files(self, table: Table) -> list[DataFile]:
        rows = self._db.rows(_SQL.live_files, table_id=self._table(table.name).id)
        return [
            _file(
                row,
                table.kind,
                {ADOPTED + row["path"]: row["rows"]} if row["origin"] == "adopted" else {},
            )
            for row in rows
        ]

    def adopted(self) -> Mapping[str, str]:
        """The paths of adopted files, and the dataset of each."""
        return {row["path"]: row["dataset"] for row in self._db.rows(_SQL.adopted)}

    def versions(self, table: str) -> Sequence[Mapping[str, object]]:
        """A table's versions, newest last."""
        rows = self._db.rows(_SQL.versions, database=self._database, name=table)
        return [row | {"at": iso(row["at"])} for row in rows]

    def schema_changes(self) -> Sequence[Mapping[str, object]]:
        """Every change of a table's columns, oldest first."""
        return [row | {"at": iso(row["at"])} for row in self._db.rows(_SQL.schema_changes)]

    def named(self, *, removed_within_s: float) -> Collection[str]:
        """Paths of all live files, and of those removed less than so many seconds ago."""
        rows = self._db.rows(_SQL.named, since=clock.now() - removed_within_s)
        return {row["path"] for row in rows}


def _adopted(file: DataFile) -> bool:
    return any(key.startswith(ADOPTED) for key in file.sources)


def _method(reread: Collection[str]) -> Method:
    return "re-read" if reread else "rendered"


def _file(row: Mapping[str, Any], kind: Kind, sources: Mapping[str, int]) -> DataFile:
    return DataFile(
        path=row["path"],
        kind=kind,
        rows=row["rows"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        schema=json.loads(row["schema"]),
        sources=sources,
        partition=row["partition"],
    )


def _reject_columns(file: DataFile) -> list[Column]:
    return [Column(name, public(stored)) for name, stored in file.schema.items()]


@lru_cache(maxsize=10_000)
def _profile(text: str) -> Profile:
    return tuple(
        ProfileColumn(
            name,
            original,
            Admits(None if types is None else frozenset(types), year_last),
        )
        for name, original, types, year_last in json.loads(text)
    )


def _profile_json(profile: Profile) -> str:
    return json.dumps(
        [
            [
                column.name,
                column.original,
                None if column.admits.types is None else sorted(column.admits.types),
                column.admits.year_last,
            ]
            for column in profile
        ],
        ensure_ascii=False,
    )
