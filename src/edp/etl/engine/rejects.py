"""Rejects: the rows that are not in the table, with file, line, reason and raw text.

Where the file has a masked column, the raw text is written again from the fields, and withheld
where those are unknown.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.sql import literal
from edp.etl.engine.masking import record_sql, value_sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.group import Group

SCHEMA: Final = {
    "run_id": "string",
    "source_file": "string",
    "line": "bigint",
    "column_name": "string",
    "value": "string",
    "reason": "string",
    "raw": "string",
}


def rejects_query(group: Group, failed: Collection[int], run_id: str) -> str:
    """The query for the rejects table's rows of the group's files that have not `failed`."""
    gone = ", ".join(map(str, sorted(failed))) or "-1"
    return _rows_sql(group, f"p.f NOT IN ({gone})", run_id)


def samples(con: DuckDBPyConnection, group: Group, number: int, n: int) -> list[str]:
    """The first `n` rejected rows of file `number`, as the rejects table would have them.

    Within `keyed` only.
    """
    query = f"SELECT line, raw FROM ({_rows_sql(group, f'p.f = {number}', '')}) ORDER BY line"
    rows = con.execute(f"{query} LIMIT {n}").fetchall()
    return [f"line {line}: {raw}" for line, raw in rows]


def _rows_sql(group: Group, wanted: str, run_id: str) -> str:
    value, raw, texts = value_sql("r.column_name", "r.value", group.read), "p.raw", ""
    if any(cell.mask for cell in group.read):
        width = len(group.sources[0].header.names)
        raw = f'CASE WHEN t."$row" IS NULL THEN p.raw ELSE {record_sql(width, group.read)} END'
        texts = f' LEFT JOIN {group.texts} t ON t."$row" = p.row'
    names = ", ".join(
        f"({source.snapshot.number}, {literal(source.key)})" for source in group.sources
    )
    return (
        f"SELECT {literal(run_id)} AS run_id, n.key AS source_file, p.line, r.column_name, "
        f"{value} AS value, coalesce(r.reason, p.reason) AS reason, {raw} AS raw "
        f"FROM {group.located} p JOIN (VALUES {names}) n (number, key) ON p.f = n.number "
        f"LEFT JOIN {group.rejects} r ON p.row = r.row{texts} WHERE {wanted}"
    )
