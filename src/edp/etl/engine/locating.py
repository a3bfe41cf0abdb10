"""Locating: the line and the raw text of every rejected record, whatever the file's format.

They go through a file of JSON lines, because their text is of every kind, into a table of DuckDB's:
a large file may have more of them than fit into memory.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from edp.core.errors import Failure, UnreadableFile
from edp.core.sql import literal
from edp.etl.engine import lines, objects, parquet
from edp.etl.engine.header import Columns, Objects
from edp.etl.engine.lines import Record, Reject
from edp.etl.engine.masking import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.header import Source

_COLUMNS: Final = {
    "f": "INTEGER",
    "row": "BIGINT",
    "line": "BIGINT",
    "reason": "VARCHAR",
    "raw": "VARCHAR",
}
_BATCH: Final = 10_000
"""Rows that are fetched at a time."""


def locate_all(
    con: DuckDBPyConnection,
    table: str,
    sources: Sequence[Source],
    parser: Mapping[int, Mapping[int, str]],
    *,
    wanted: str,
    rows: Mapping[int, int],
    hidden: bool,
    path: Path,
) -> dict[int, Failure]:
    """Fill `table` with every rejected record; why files have failed over it.

    Columns: f (number of the file), row (in the engine's tables, NULL where the parser made none),
    line, reason (the parser's), raw, which is withheld where columns are `hidden`. `parser` is what
    it rejected, by number of the file, then by byte. `wanted` is a query for the rejected rows: f,
    place in the file, row. `path` is a file to be used meanwhile.
    """
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    con.execute(f"CREATE TABLE {table} ({columns})")
    places = _places(con, wanted)
    failures: dict[int, Failure] = {}
    with path.open("w", encoding="utf-8") as out:
        for source in sources:
            n = source.snapshot.number
            if n not in parser and n not in places:
                continue
            where, which = places.get(n, (array("q"), array("q")))
            try:
                found = locate(
                    con, source, parser.get(n, {}), zip(where, which, strict=True), rows[n]
                )
                _write(out, n, found, hidden=hidden)
            except UnreadableFile as error:
                failures[n] = Failure.of(error)
    if path.stat().st_size:
        types = ", ".join(f"{name}: {literal(kind)}" for name, kind in _COLUMNS.items())
        gone = ", ".join(map(str, failures)) or "-1"
        con.execute(
            f"INSERT INTO {table} SELECT * FROM read_json({literal(str(path))}, "
            f"format = 'newline_delimited', columns = {{{types}}}) WHERE f NOT IN ({gone})"
        )
    path.unlink()
    return failures


def _places(con: DuckDBPyConnection, wanted: str) -> dict[int, tuple[array[int], array[int]]]:
    """Places and rows, by number of the file; arrays, because there may be millions."""
    found: dict[int, tuple[array[int], array[int]]] = defaultdict(lambda: (array("q"), array("q")))
    result = con.execute(f"{wanted} ORDER BY ALL")
    while batch := result.fetchmany(_BATCH):
        for number, place, row in batch:
            where, which = found[number]
            where.append(place)
            which.append(row)
    return dict(found)


def _write(out: TextIO, number: int, found: Iterable[Reject], *, hidden: bool) -> None:
    for reject in found:
        line = {
            "f": number,
            "row": reject.row,
            "line": reject.record.line,
            "reason": reject.reason,
            "raw": WITHHELD if hidden else reject.record.text,
        }
        out.write(json.dumps(line) + "\n")


def locate(
    con: DuckDBPyConnection,
    source: Source,
    rejected: Mapping[int, str],
    wanted: Iterable[tuple[int, int]],
    rows: int,
) -> Iterator[Reject]:
    """The records that the parser `rejected`, and those that became the `wanted` rows.

    `wanted` has a row's place in the file (from 0) and the row, in order; `rows` is how many there
    are. A Parquet file has rows instead of lines.

    Raises: UnreadableFile in the end, when there are more or fewer rows than good records.
    """
    match source.header.layout:
        case Objects():
            return _objects(source, wanted, rows)
        case Columns():
            return _rows(con, source, dict(wanted))
        case _:
            return lines.locate(source, rejected, wanted, rows)


def _rows(con: DuckDBPyConnection, source: Source, wanted: Mapping[int, int]) -> Iterator[Reject]:
    first = source.rows[0] if source.rows else 0
    for place, raw in parquet.raw_rows(con, source, list(wanted)):
        yield Reject(wanted[place], None, Record(first + place + 1, 0, raw.encode()))


def _objects(source: Source, wanted: Iterable[tuple[int, int]], rows: int) -> Iterator[Reject]:
    place, ahead = 0, iter(wanted)
    sought, row = next(ahead, (-1, -1))
    for record in objects.records(source.snapshot):
        at = Record(record.found.line, record.found.start, record.found.raw)
        if record.cells is None:
            yield Reject(None, record.reason, at)
            continue
        if place == sought:
            yield Reject(row, None, at)
            sought, row = next(ahead, (-1, -1))
        place += 1
    if place != rows:
        raise UnreadableFile(f"{source.key}: {rows} rows were read from {place} good records")
