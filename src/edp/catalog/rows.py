"""The catalog's rows in SQLite: reading what stands, and writing one part of a change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.catalog.port import Column, Crowd, Small
from edp.core import clock
from edp.core.files import ADOPTED, DataFile, Profile, ProfileColumn
from edp.core.types import Admits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.catalog.port import SchemaChange
    from edp.core.files import Kind

SQL = load("edp.catalog")


@dataclass(frozen=True)
class Standing:
    """A table as it stands; id None before its first version."""

    id: int | None
    version: int = 0


class Rows:
    """The rows of the tables of one workspace."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def table(self, name: str) -> Standing:
        """The table named `name`."""
        row = self._db.row(SQL.table, name=name)
        return Standing(row["id"], row["version"]) if row else Standing(None)

    def columns(self, table: Standing) -> list[Column]:
        """The columns of a table, in order."""
        rows = self._db.rows(SQL.columns, table_id=table.id)
        return [Column(row["name"], row["type"], row["comment"]) for row in rows]

    def live_profiles(self, table: Standing, without: Iterable[str]) -> list[Profile]:
        """The different profiles of a table's live sources, those of `without` left out."""
        given = json.dumps(sorted(without))
        rows = self._db.rows(SQL.live_profiles, table_id=table.id, without=given)
        return [_profile(row["columns"]) for row in rows]

    def profiles_of(self, table: Standing, keys: Iterable[str]) -> dict[str, Profile]:
        """The profiles of some of a table's live sources, by key."""
        given = json.dumps(sorted(keys))
        rows = self._db.rows(SQL.profiles_of, table_id=table.id, keys=given)
        return {row["key"]: _profile(row["columns"]) for row in rows}

    def holding(self, table: Standing, keys: Iterable[str], kind: Kind) -> list[DataFile]:
        """The live files that hold rows of any of `keys`, with all their sources."""
        given = json.dumps(sorted(keys))
        rows = self._db.rows(SQL.files_holding, table_id=table.id, keys=given)
        return [self._with_sources(row, kind) for row in rows]

    def at(self, dataset: str, paths: Iterable[str]) -> list[DataFile]:
        """The live files of a dataset's tables that are at any of `paths`, with all sources."""
        rows = self._db.rows(SQL.files_at, dataset=dataset, paths=json.dumps(sorted(paths)))
        return [self._with_sources(row, row["kind"]) for row in rows]

    def all_files(self, name: str) -> list[DataFile]:
        """The live files of a table, with all their sources."""
        rows = self._db.rows(SQL.all_files, name=name)
        return [self._with_sources(row, row["kind"]) for row in rows]

    def crowds(self, *, below: int, more_than: int, table: str | None) -> list[Crowd]:
        """Partitions that hold many small files of EDP's own."""
        rows = self._db.rows(SQL.crowds, below=below, more_than=more_than, table=table)
        return [Crowd(**row) for row in rows]

    def small(self, crowd: Crowd, *, below: int) -> list[Small]:
        """The small files of EDP's own in a partition."""
        where = {"table": crowd.table, "partition": crowd.partition}
        return [Small(**row) for row in self._db.rows(SQL.small_files, below=below, **where)]

    def storing(self, table: Standing, columns: Iterable[str]) -> list[DataFile]:
        """The live files of EDP's own that store any of `columns`, with all their sources."""
        wanted = set(columns)
        return [
            self._with_sources(row, "data")
            for row in self._db.rows(SQL.live_files, table_id=table.id)
            if row["origin"] == "edp" and wanted & json.loads(row["schema"]).keys()
        ]

    def live_files(self, name: str, kind: Kind) -> list[DataFile]:
        """The live files of a table; of their sources only adopted files are told."""
        return [
            _file(
                row,
                kind,
                {ADOPTED + row["path"]: row["rows"]} if row["origin"] == "adopted" else {},
            )
            for row in self._db.rows(SQL.live_files, table_id=self.table(name).id)
        ]

    def inventory(self) -> list[tuple[str, DataFile]]:
        """The live files of all tables with all their sources, each beside its dataset."""
        return [
            (row["dataset"], _file(row, row["kind"], json.loads(row["sources"])))
            for row in self._db.rows(SQL.inventory)
        ]

    def _with_sources(self, row: Mapping[str, Any], kind: Kind) -> DataFile:
        sources = self._db.rows(SQL.sources_of, file_id=row["id"])
        return _file(row, kind, {source["key"]: source["rows"] for source in sources})

    def advance(self, table: Standing, name: str, *, dataset: str, kind: str) -> tuple[int, int]:
        """Give a table its next version, and make it if it is new: its id, and the version."""
        now = clock.now()
        table_id = table.id
        if table_id is None:
            table_id = self._db.insert(
                SQL.add_table,
                name=name,
                kind=kind,
                dataset=dataset,
                now=now,
            )
        version = table.version + 1
        self._db.execute(SQL.advance, table_id=table_id, version=version, now=now)
        return table_id, version

    def add_file(self, table_id: int, version: int, file: DataFile) -> None:
        """A file is the table's from `version` on."""
        columns = json.dumps(dict(file.schema))
        self._db.execute(SQL.add_schema, columns=columns)
        file_id = self._db.insert(
            SQL.add_file,
            table_id=table_id,
            path=file.path,
            partition=file.partition,
            rows=file.rows,
            bytes=file.bytes,
            sha256=file.sha256,
            schema_id=self._db.value(SQL.schema_id, columns=columns),
            origin="adopted" if adopted(file) else "edp",
            version=version,
        )
        self._db.execute_many(
            SQL.add_source,
            [{"file_id": file_id, "key": key, "rows": n} for key, n in file.sources.items()],
        )

    def remove_file(self, version: int, file: DataFile) -> None:
        """A file is the table's no longer, from `version` on."""
        self._db.execute(SQL.remove_file, path=file.path, version=version, now=clock.now())

    def set_source(self, table_id: int, key: str, profile: Profile) -> None:
        """A source is live, with this profile."""
        columns = _profile_json(profile)
        self._db.execute(SQL.add_profile, columns=columns)
        self._db.execute(SQL.set_source, table_id=table_id, key=key, columns=columns)

    def drop_source(self, table_id: int, key: str) -> None:
        """A source is live no longer."""
        self._db.execute(SQL.drop_source, table_id=table_id, key=key)

    def set_columns(self, table_id: int, columns: Sequence[Column]) -> None:
        """These are the table's columns."""
        self._db.execute(SQL.drop_columns, table_id=table_id)
        for ordinal, column in enumerate(columns):
            self._db.execute(
                SQL.add_column,
                table_id=table_id,
                ordinal=ordinal,
                name=column.name,
                type=column.resolved,
                comment=column.comment,
            )

    def note_changes(
        self,
        table_id: int,
        version: int,
        changes: Sequence[SchemaChange],
        run_id: str | None,
    ) -> None:
        """Tell of changed columns."""
        for change in changes:
            self._db.execute(
                SQL.add_change,
                now=clock.now(),
                table_id=table_id,
                version=version,
                run_id=run_id,
                **vars(change),
            )

    def add_version(
        self,
        table_id: int,
        version: int,
        *,
        run_id: str | None,
        operation: str,
        added: int,
        removed: int,
    ) -> None:
        """Tell of a version, once its files are what they are to be."""
        self._db.execute(
            SQL.add_version,
            table_id=table_id,
            version=version,
            now=clock.now(),
            run_id=run_id,
            operation=operation,
            added=added,
            removed=removed,
        )


def adopted(file: DataFile) -> bool:
    """Whether others wrote the file."""
    return any(key.startswith(ADOPTED) for key in file.sources)


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


@lru_cache(maxsize=10_000)
def _profile(text: str) -> Profile:
    return tuple(
        ProfileColumn(
            name,
            original,
            Admits(None if types is None else frozenset(types), year_last),
            declared,
        )
        for name, original, types, year_last, declared in json.loads(text)
    )


def _profile_json(profile: Profile) -> str:
    return json.dumps(
        [
            [
                column.name,
                column.original,
                None if column.admits.types is None else sorted(column.admits.types),
                column.admits.year_last,
                column.declared,
            ]
            for column in profile
        ],
        ensure_ascii=False,
    )
