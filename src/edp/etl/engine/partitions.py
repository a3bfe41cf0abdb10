"""Partitions: rows part into folders by the values of some columns, named as Hive names them.

A value is percent-encoded; NULL and the empty text are in `__HIVE_DEFAULT_PARTITION__`. The
columns stand in the files, too, so that a folder's name is never needed to read one.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from edp.core.names import SOURCE_FILE
from edp.core.sql import identifier, value_sql
from edp.etl.engine.verdict import table_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.etl.engine.group import Group

ROW: Final = "$row"
NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"
_LONGEST: Final = 255
"""Bytes that a file system takes as a name; a longer one begins alike and ends in a hash."""
_BEGINS: Final = 60
_CUT: Final = re.compile(r"%[0-9A-F]?$")


@dataclass(frozen=True)
class Part:
    """One partition's rows: its folder, the query for them, and how many each source has."""

    folder: str
    query: str
    sources: Mapping[str, int]


def folder(names: Sequence[str], values: Sequence[str | None]) -> str:
    """The folder of rows that have these values.

    >>> folder(["day", "shop"], ["2025-01-01", "a/b"]), folder(["day"], [None])
    ('day=2025-01-01/shop=a%2Fb', 'day=__HIVE_DEFAULT_PARTITION__')
    """
    return "/".join(_named(n, v) for n, v in zip(names, values, strict=True))


def _named(name: str, value: str | None) -> str:
    if not value:
        return f"{name}={NOTHING}"
    encoded = quote(value, safe="")
    if encoded == NOTHING:
        encoded = f"%5F{encoded[1:]}"
    if len(name) + len(encoded) < _LONGEST:
        return f"{name}={encoded}"
    begins = _CUT.sub("", encoded[:_BEGINS])
    return f"{name}={begins}~{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def _mark(name: str, stored: Mapping[str, str]) -> str:
    """What parts rows by a column: its value, which sorts quicker than its text."""
    kind = stored.get(name)
    if kind is None:
        return "CAST(NULL AS VARCHAR)"
    return f"nullif({identifier(name)}, '')" if kind == "string" else identifier(name)


def sorting(there: Collection[str], contract: Dataset) -> list[str]:
    """What a file's rows are sorted by, of the columns that are `there`."""
    wanted = [table_name(name, contract) for name in contract.sort_by]
    return [f"{identifier(name)} NULLS LAST" for name in wanted if name in there]


def parts(
    con: DuckDBPyConnection, query: str, group: Group, contract: Dataset, table: str
) -> list[Part]:
    """The rows of `query` by partition, out of `table`, which is made; in order of their values.

    The query's column ROW has the place of each row among the group's.
    """
    names = [table_name(name, contract) for name in contract.partition_by]
    stored = {cell.name: cell.type or "string" for cell in group.cells}
    marks = [identifier(f"$part{n}") for n in range(len(names))]
    marked = ", ".join(f"{_mark(n, stored)} AS {m}" for n, m in zip(names, marks, strict=True))
    order, row = ", ".join(marks), identifier(ROW)
    con.execute(
        f"CREATE TABLE {table} AS SELECT * EXCLUDE ({row}) FROM (SELECT *, {marked} "
        f"FROM ({query})) ORDER BY {', '.join([order, *sorting(stored, contract), row])}"
    )
    texts = ", ".join(
        value_sql(stored.get(name, "string"), "string", mark)
        for name, mark in zip(names, marks, strict=True)
    )
    found = con.execute(
        f"SELECT {texts}, {identifier(SOURCE_FILE)} AS source, count(*), min(rowid) AS first, "
        f"max(rowid) FROM {table} GROUP BY {order}, source ORDER BY first"
    ).fetchall()
    rows: dict[str, dict[str, int]] = defaultdict(dict)
    spans: dict[str, tuple[int, int]] = {}
    for *values, key, count, first, last in found:
        place = folder(names, values)
        rows[place][key] = count
        low, high = spans.get(place, (first, last))
        spans[place] = min(low, first), max(high, last)
    kept = f"SELECT * EXCLUDE ({order}) FROM {table}"
    return [
        Part(place, f"{kept} WHERE rowid BETWEEN {low} AND {high}", rows[place])
        for place, (low, high) in spans.items()
    ]


def values(
    con: DuckDBPyConnection, group: Group, contract: Dataset, failed: Sequence[int]
) -> set[tuple[object, ...]]:
    """The different values that part the rows of the group's files that have not failed."""
    names = [table_name(name, contract) for name in contract.partition_by]
    by_name = {cell.name: cell.text for cell in group.cells}
    columns = ", ".join(f"CAST({by_name[n]} AS VARCHAR)" if n in by_name else "NULL" for n in names)
    gone = ", ".join(map(str, failed)) or "-1"
    query = f"SELECT DISTINCT {columns} FROM ({group.kept}) WHERE f NOT IN ({gone})"
    return set(con.execute(query).fetchall())
