"""Rejects: the rows that are not in the table, with file, line, reason and raw text.

They go through a file of JSON lines, because their text is of every kind. Where the file has a
masked column, the raw text is written again from the fields, and withheld where those are unknown.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edp.core.sql import literal
from edp.etl.engine.masking import WITHHELD, record_sql, value_sql

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

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


def write_lines(group: Group, path: Path, failed: Collection[int]) -> None:
    """Write a line for each rejected record of the group's files that have not failed."""
    hidden = any(cell.mask for cell in group.read)
    with path.open("w", encoding="utf-8") as out:
        for source in group.sources:
            if source.snapshot.number in failed:
                continue
            for reject in group.located.get(source.snapshot.number, ()):
                line = {
                    "source_file": source.key,
                    "row": reject.row,
                    "line": reject.record.line,
                    "reason": reject.reason,
                    "raw": WITHHELD if hidden else reject.record.text,
                }
                out.write(json.dumps(line) + "\n")


def samples(con: DuckDBPyConnection, group: Group, number: int, folder: Path, n: int) -> list[str]:
    """The first `n` rejected rows of file `number`, as the rejects table would have them.

    Within `keyed` only.
    """
    first = sorted(group.located.get(number, ()), key=lambda reject: reject.record.line)[:n]
    if not first:
        return []
    only = [source for source in group.sources if source.snapshot.number == number]
    some = replace(group, sources=only, located={number: first})
    path = folder / f"samples-{number}.jsonl"
    write_lines(some, path, ())
    query = rejects_query(some, path, "")
    rows = con.execute(f"SELECT line, raw FROM ({query}) ORDER BY line").fetchall()
    path.unlink()
    return [f"line {line}: {raw}" for line, raw in rows]


def rejects_query(group: Group, path: Path, run_id: str) -> str:
    """The query for the rejects table's rows of the group; `path` is from `write_lines`."""
    value, raw, texts = value_sql("r.column_name", "r.value", group.read), "p.raw", ""
    if any(cell.mask for cell in group.read):
        width = len(group.sources[0].header.names)
        raw = f'CASE WHEN t."$row" IS NULL THEN p.raw ELSE {record_sql(width, group.read)} END'
        texts = f' LEFT JOIN {group.texts} t ON t."$row" = p.row'
    return (
        f"SELECT {literal(run_id)} AS run_id, p.source_file, p.line, r.column_name, "
        f"{value} AS value, coalesce(r.reason, p.reason) AS reason, {raw} AS raw "
        f"FROM read_json({literal(str(path))}, format = 'newline_delimited', columns = "
        "{source_file: 'VARCHAR', row: 'BIGINT', line: 'BIGINT', reason: 'VARCHAR', "
        f"raw: 'VARCHAR'}}) p LEFT JOIN {group.rejects} r ON p.row = r.row{texts}"
    )
