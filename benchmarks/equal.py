"""Equal results: what a peer wrote, as numbers that are equal where its rows are.

Rows are compared as a multiset: each row is hashed over all its columns, as values of the work's
types, and the hashes are added up.
"""

# ruff: noqa: S608 (the SQL is made of constants, and of paths that are quoted)

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from benchmarks.work import COLUMNS, NULLS, TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NAMES: Final = ", ".join(COLUMNS)


class NotEqual(Exception):
    """Two peers wrote different rows."""


@dataclass(frozen=True)
class Result:
    """Rows, files, and sums over all rows of what a peer wrote; and its rejects."""

    rows: int
    days: int
    digest: int
    rejects: int
    rejects_digest: int


def result(data: Path, rejects: Path) -> Result:
    """What lies below the folders `data` and `rejects`."""
    values = ", ".join(f"CAST({name} AS {kind})" for name, kind in TYPES.items())
    rows = (
        f"SELECT count(*), count(DISTINCT CAST(order_date AS DATE)), {_digest(values)} "
        f"FROM {_read(data, 'hive_partitioning = true')}"
    )
    bad = f"SELECT count(*), {_digest('column_name, value')} FROM {_read(rejects)}"
    with closing(duckdb.connect(":memory:")) as con:
        con.execute("SET enable_progress_bar = false")
        (found,) = con.execute(f"SELECT * FROM ({rows}), ({bad})").fetchall()
    return Result(*map(int, found))


def inferred(data: Path) -> tuple[dict[str, str], int, int]:
    """A table whose types were inferred: these, its rows, and their digest."""
    with closing(duckdb.connect(":memory:")) as con:
        described = con.execute(f"DESCRIBE SELECT {_NAMES} FROM {_read(data)}").fetchall()
        query = f"SELECT count(*), {_digest(_NAMES)} FROM {_read(data)}"
        ((rows, digest),) = con.execute(query).fetchall()
    return {name: str(kind) for name, kind, *_ in described}, int(rows), int(digest)


def distinct(paths: Sequence[Path], types: Mapping[str, str]) -> tuple[int, int]:
    """What `inferred` has to find: the different records of each file, as values of `types`."""
    listed = ", ".join(_quoted(path) for path in paths)
    read = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    tokens = ", ".join(f"'{token}'" for token in NULLS)
    texts = ", ".join(
        f"CASE WHEN trim({name}) NOT IN ({tokens}) THEN trim({name}) END AS {name}"
        for name in COLUMNS
    )
    values = ", ".join(f"CAST({name} AS {types[name]})" for name in COLUMNS)
    with closing(duckdb.connect(":memory:")) as con:
        con.execute("SET enable_progress_bar = false")
        query = (
            f"SELECT count(*), {_digest(values)} FROM (SELECT DISTINCT file, {texts} "
            f"FROM (SELECT *, file_index AS file FROM read_csv([{listed}], auto_detect = false, "
            f"header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{read}}})))"
        )
        ((rows, digest),) = con.execute(query).fetchall()
    return int(rows), int(digest)


def _digest(values: str) -> str:
    return f"coalesce(sum(CAST(hash({values}) AS HUGEINT)), 0)"


def _read(folder: Path, options: str = "hive_partitioning = false") -> str:
    return f"read_parquet({_quoted(folder / '**' / '*.parquet')}, {options})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
