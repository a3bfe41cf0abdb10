"""A crawler over the target's folders, reading Parquet footers with DuckDB.

A table is the first folder below `target/`, named as columns are; `name=value` folders below it
are columns of the files in them.
"""

# ruff: noqa: S608 (values go through `literal`)

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import duckdb

from edp.core.files import ADOPTED, DataFile, ProfileColumn
from edp.core.names import column_names, normalise
from edp.core.parquet import Stored, stored
from edp.core.sql import literal
from edp.core.types import Admits
from edp.crawler.measuring import measure
from edp.crawler.port import Found, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from edp.crawler.port import Measured

_DEFAULT: Final = "__HIVE_DEFAULT_PARTITION__"


class LocalCrawler:
    """Looks at the Parquet files that `list_files` tells of: paths below `lake`, and their age."""

    def __init__(self, lake: Path, list_files: Callable[[], Iterable[tuple[str, float]]]) -> None:
        self._lake = lake
        self._list = list_files

    def crawl(self, *, known: Mapping[str, str]) -> Sequence[Found | Unreadable]:
        """The files of others that are new, or no longer what they were; never EDP's own."""
        looked: list[Found | Unreadable] = []
        with duckdb.connect(":memory:") as con:
            con.execute("SET enable_progress_bar = false")
            for path, _ in sorted(self._list()):
                if not path.startswith("target/"):
                    continue
                if path in known and known[path] == _digest(self._lake / path)[0]:
                    continue
                try:
                    found = self._look(con, path)
                except (duckdb.Error, ValueError) as error:
                    looked.append(Unreadable(path, str(error).partition("\n")[0]))
                    continue
                if found is not None:
                    looked.append(found)
        return looked

    def measure(
        self, files: Sequence[DataFile], *, deep: bool
    ) -> Mapping[str, Measured | Unreadable]:
        """What the files of tables are, by path; with `deep` every byte of them is read."""
        with duckdb.connect(":memory:") as con:
            con.execute("SET enable_progress_bar = false")
            return measure(con, self._lake, files, deep=deep)

    def _look(self, con: duckdb.DuckDBPyConnection, path: str) -> Found | None:
        """What is in a file; None for one that EDP wrote."""
        place = literal(str(self._lake / path))
        ours = f"SELECT count(*) FROM parquet_kv_metadata({place}) WHERE decode(key) = 'edp'"
        if con.execute(ours).fetchall() != [(0,)]:
            return None
        _, folder, *below = path.split("/")
        table = normalise(folder)
        if not below or not table or table.endswith("__rejects"):
            raise ValueError(
                "a table's files lie in a folder of its name below target/, not ending in __rejects"
            )
        described = con.execute(
            f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "
            f"read_parquet({place}, hive_partitioning=false))"
        ).fetchall()
        schema: dict[str, str] = {}
        profile: list[ProfileColumn] = []
        for name, kind in described:
            own = _stored(name, kind)
            schema[name] = own.type
            profile.append(ProfileColumn(name, name, Admits(own.admits)))
        _check_names([name for name, _ in described])
        parts = [part.partition("=") for part in below[:-1] if "=" in part]
        for name, _, value in parts:
            if name not in schema:
                schema[name] = "string"
                profile.append(ProfileColumn(name, name, _partition_admits(unquote(value))))
        rows = con.execute(f"SELECT num_rows FROM parquet_file_metadata({place})").fetchall()[0][0]
        digest, size = _digest(self._lake / path)
        file = DataFile(
            path=path,
            kind="data",
            rows=rows,
            bytes=size,
            sha256=digest,
            schema=schema,
            sources={ADOPTED + path: rows},
            partition="/".join(f"{name}={value}" for name, _, value in parts),
        )
        return Found(table, file, tuple(profile))


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as src:
        return hashlib.file_digest(src, "sha256").hexdigest(), src.tell()


def _stored(name: str, kind: str) -> Stored:
    if found := stored(kind):
        return found
    raise ValueError(f"column {name!r} has the type {kind}, which this version cannot adopt")


def _check_names(names: Sequence[str]) -> None:
    for name, wanted in zip(names, column_names(names, taken=()), strict=True):
        if name != wanted:
            raise ValueError(f"column {name!r}: write it as {wanted!r}, as tables name columns")


def _partition_admits(value: str) -> Admits:
    return Admits(None if value == _DEFAULT else frozenset({"string"}))
