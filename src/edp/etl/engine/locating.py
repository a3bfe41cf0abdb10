"""Locating: the line and the raw text of every rejected record, whatever the file's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.core.errors import UnreadableFile
from edp.etl.engine import lines, objects, parquet
from edp.etl.engine.header import Columns, Objects
from edp.etl.engine.lines import Record, Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.header import Source


def locate(
    con: DuckDBPyConnection,
    source: Source,
    rejected: Mapping[int, str],
    wanted: Mapping[int, int],
    rows: int,
) -> list[Reject]:
    """The records that the parser `rejected`, and those that became the `wanted` rows.

    `wanted` maps a row's place in the file (from 0) to the row; `rows` is how many there are. A
    Parquet file has rows instead of lines.

    Raises: UnreadableFile when there are more or fewer rows than good records.
    """
    match source.header.layout:
        case Objects():
            return _objects(source, wanted, rows)
        case Columns():
            first = source.rows[0] if source.rows else 0
            return [
                Reject(wanted[place], None, Record(first + place + 1, 0, raw.encode()))
                for place, raw in parquet.raw_rows(con, source, list(wanted))
            ]
        case _:
            return lines.locate(source, rejected, wanted, rows)


def _objects(source: Source, wanted: Mapping[int, int], rows: int) -> list[Reject]:
    found = []
    place = 0
    for record in objects.records(source.snapshot):
        at = Record(record.found.line, record.found.start, record.found.raw)
        if record.cells is None:
            found.append(Reject(None, record.reason, at))
            continue
        if place in wanted:
            found.append(Reject(wanted[place], None, at))
        place += 1
    if place != rows:
        raise UnreadableFile(f"{source.key}: {rows} rows were read from {place} good records")
    return found
