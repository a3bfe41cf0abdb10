"""Reading: a group's records become rows of text, and those that are no records are rejects.

All columns are text, so that nothing is guessed. DuckDB's strict mode rejects a record that is
ragged, over-long, badly quoted or not UTF-8, and goes on behind it; no row is shifted or padded.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import mmap
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.sql import literal
from edp.etl.engine.lines import blanks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.header import Header, Source

_REASONS: Final = {
    "MISSING COLUMNS": "missing columns: the record has fewer fields than the header",
    "TOO MANY COLUMNS": "too many columns: the record has more fields than the header",
    "UNQUOTED VALUE": "bad quote: text follows a closing quote; double a quote inside quotes",
    "INVALID ENCODING": "bad encoding: the record is not UTF-8",
    "LINE SIZE OVER MAXIMUM": "record too long: a record may have 2,000,000 bytes",
}
_UNKNOWN: Final = "unreadable record: the parser cannot tell its fields"
_BLANK_LINE = re.compile(rb"\n\r?\n")


def read_sql(sources: Sequence[Source], header: Header, errors: str, scans: str) -> str:
    """The query for the records of `sources`, which have this header: columns c0, c1, ..., f.

    `f` is the number of the record's file among the job's inputs. What is rejected goes to the
    tables `errors` and `scans`. An empty field is NULL, quoted or not.
    """
    dialect = header.dialect
    texts = [f"c{n}" for n in range(len(header.names))]
    files = ", ".join(literal(source.snapshot.path) for source in sources)
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts)
    numbers = ", ".join(str(source.snapshot.number) for source in sources)
    return (
        f"SELECT {', '.join(texts)}, [{numbers}][file_index::BIGINT + 1] AS f "
        f"FROM read_csv([{files}], auto_detect = false, header = true, skip = {header.blank}, "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.escape)}, columns = {{{types}}}, strict_mode = true, "
        f"store_rejects = true, rejects_table = {literal(errors)}, rejects_scan = {literal(scans)})"
    )


def parse_rejects(
    con: DuckDBPyConnection, sources: Sequence[Source], errors: str, scans: str
) -> Mapping[int, Mapping[int, str]]:
    """Why the parser rejected records: by number of the file, then by the byte it names.

    A record with several faults has the one that the parser found first.
    """
    numbers = {source.snapshot.path: source.snapshot for source in sources}
    rows = con.execute(
        f"SELECT s.file_path, e.line_byte_position - 1, e.error_type::VARCHAR "
        f"FROM {errors} e JOIN {scans} s USING (scan_id, file_id) "
        f"ORDER BY 1, 2, e.byte_position DESC, 3 DESC"
    ).fetchall()
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for path, at, kind in rows:
        found[numbers[path].number][at] = _REASONS.get(kind, _UNKNOWN)
    return found


def drop_blank_lines(
    con: DuckDBPyConnection,
    table: str,
    sources: Sequence[Source],
    rejected: Mapping[int, Mapping[int, str]],
) -> None:
    """Take out of `table`, of one column, the rows that are blank lines: those are no records."""
    for source in sources:
        if not _has_blank_lines(source):
            continue
        number = source.snapshot.number
        gone = blanks(source, rejected.get(number, {}))
        con.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {table} WHERE f <> {number} OR "
            f"rowid - (SELECT min(rowid) FROM {table} WHERE f = {number}) NOT IN "
            "(SELECT unnest(?::BIGINT[])) ORDER BY rowid",
            [gone],
        )


def _has_blank_lines(source: Source) -> bool:
    with (
        Path(source.snapshot.path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        return _BLANK_LINE.search(text) is not None
