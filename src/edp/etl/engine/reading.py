"""Reading: a group's records become rows of text, and those that are no records are rejects.

All columns are text, so that nothing is guessed. DuckDB's strict mode rejects a CSV record that is
ragged, over-long, badly quoted or not UTF-8, and goes on behind it; no row is shifted or padded.
JSON has been taken apart before, Parquet needs to be: a file that breaks then is left out.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import mmap
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.errors import Failure
from edp.core.sql import literal
from edp.etl.engine.dialect import Dialect
from edp.etl.engine.header import Columns, Objects
from edp.etl.engine.objects import NOTHING
from edp.etl.engine.parquet import texts_sql, unreadable
from edp.etl.engine.standardise import standardise_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.header import Header, Source

_REASONS: Final = {
    "MISSING COLUMNS": "missing columns: the record has fewer fields than the header",
    "TOO MANY COLUMNS": "too many columns: the record has more fields than the header",
    "UNQUOTED VALUE": "bad quote: text follows a closing quote; double a quote inside quotes",
    "INVALID ENCODING": (
        "bad encoding: the record is not UTF-8; if all of the file is Windows text, set "
        "`csv: {encoding: cp1252}`"
    ),
    "LINE SIZE OVER MAXIMUM": "record too long: a record may have 2,000,000 bytes",
}
_UNKNOWN: Final = "unreadable record: the parser cannot tell its fields"
_UNWRITTEN: Final = ("\x01", "\x02", "\x03", "\x04")
_LINE_FEEDS: Final = "new_line = '\\n', "
_LEAST_LINE: Final = 2_000_000  # bytes; DuckDB's own limit
_TABLE: Final = Dialect(",")
"""That of tables of JSON records."""


@dataclass(frozen=True)
class Parsed:
    """What became no row, by number of the file: records, by byte, and whole files."""

    rejected: Mapping[int, Mapping[int, str]]
    failures: Mapping[int, Failure] = field(default_factory=dict)


def read(
    con: DuckDBPyConnection,
    number: int,
    table: str,
    sources: Sequence[Source],
    *,
    nulls: Sequence[str],
    untrimmed: Collection[int],
    json: Collection[int],
    judge: Callable[[str], str] | None = None,
) -> Parsed:
    """Fill `table` with the standardised texts of group `number`: c0, c1, ..., f.

    If there is a `judge`, with what it makes of the query for these.

    `f` is the number of the record's file among the job's inputs. Texts that are `untrimmed` keep
    their outer white space; those of `json` are JSON.
    """
    header = sources[0].header
    width = len(header.names)

    def standard(records: str) -> str:
        texts = standardise_sql(records, width, nulls, untrimmed, json)
        return judge(texts) if judge else texts

    match header.layout:
        case Objects():
            con.execute(f"CREATE TABLE {table} AS {standard(_objects_sql(sources, header))}")
            bad = {s.snapshot.number for s in sources if s.objects and s.objects.bad}
            return Parsed({n: {0: "not JSON"} for n in bad})
        case Columns():
            con.execute(f"CREATE TABLE {table} AS {standard(_columns_sql(sources[0]))} LIMIT 0")
            failures = {}
            for source in sources:
                try:
                    con.execute(f"INSERT INTO {table} {standard(_columns_sql(source))}")
                except duckdb.Error as error:
                    why = unreadable(source.snapshot, error)
                    if why is error:
                        raise
                    failures[source.snapshot.number] = Failure.of(why)
            return Parsed({}, failures)
        case Dialect():
            errors, scans = f"errors_{number}", f"scans_{number}"
            start = f"CREATE TABLE {table} AS"
            for some in _batches(con, sources, header.layout):
                con.execute(f"{start} {standard(_records_sql(some, header, errors, scans))}")
                start = f"INSERT INTO {table}"
            return Parsed(parse_rejects(con, sources, errors, scans))


def _batches(
    con: DuckDBPyConnection, sources: Sequence[Source], dialect: Dialect
) -> Iterator[Sequence[Source]]:
    """The files that can be read by one statement each.

    Where they are more than two for each thread, DuckDB loses a record whose quote is open at the
    end of its file without a word: such files are read apart.
    """
    ((threads,),) = con.execute("SELECT current_setting('threads')").fetchall()
    apart = (
        [s for s in sources if _is_open_at_end(s, dialect)] if len(sources) > 2 * threads else []
    )
    together = [source for source in sources if source not in apart]
    if together:
        yield together
    for n in range(0, len(apart), 2 * threads):
        yield apart[n : n + 2 * threads]


def _is_open_at_end(source: Source, dialect: Dialect) -> bool:
    with _mapped(source) as text:
        return dialect.is_open_at_end(text)


def _records_sql(sources: Sequence[Source], header: Header, errors: str, scans: str) -> str:
    """The records of CSV files; what is rejected goes to the tables `errors` and `scans`.

    An empty field is an empty text, quoted or not: where it could be NULL, DuckDB takes a field too
    many that is empty, and blank lines for records of one column.
    """
    dialect = header.layout
    assert isinstance(dialect, Dialect)
    texts = [f"c{n}" for n in range(header.width)]
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts)
    return (
        f"SELECT {', '.join([*texts, *_folders(sources, header), _number(sources)])} "
        f"FROM read_csv([{_paths(s.snapshot.path for s in sources)}], auto_detect = false, "
        f"header = {literal(header.present)}, skip = {header.blank}, "
        f"delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, "
        f"escape = {literal(dialect.escape)}, columns = {{{types}}}, strict_mode = true, "
        f"nullstr = {literal(_no_text(dialect))}, {_LINE_FEEDS if header.line_feeds else ''}"
        "store_rejects = true, "
        f"rejects_table = {literal(errors)}, rejects_scan = {literal(scans)})"
    )


def _no_text(dialect: Dialect) -> str:
    """A text that nobody writes, for `nullstr`: it may hold no character of the dialect's own."""
    own = (dialect.delimiter, dialect.quote, dialect.escape)
    return 20 * next(one for one in _UNWRITTEN if one not in own)


def _objects_sql(sources: Sequence[Source], header: Header) -> str:
    """The good records of JSON files, from their tables; null is NULL."""
    tables = [source.objects for source in sources if source.objects]
    names = [f"c{n}" for n in range(header.width)]
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in ["kinds", *names])
    texts = [
        f"CASE WHEN kinds[{n + 1}] <> {literal(NOTHING)} THEN {name} END AS {name}"
        for n, name in enumerate(names)
    ]
    # quotes may be doubled, and a character may have four bytes
    longest = max(_LEAST_LINE, 8 * max(table.longest for table in tables) + 8 * len(names))
    return (
        f"SELECT {', '.join([*texts, *_folders(sources, header), _number(sources)])} "
        f"FROM read_csv([{_paths(table.path for table in tables)}], auto_detect = false, "
        f"header = false, {_LINE_FEEDS}delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = {literal(_no_text(_TABLE))}, "
        f"columns = {{{types}}}, strict_mode = true, max_line_size = {longest})"
    )


def _columns_sql(source: Source) -> str:
    number = source.snapshot.number
    return (
        f"SELECT {', '.join(['t.*', *_folders([source], source.header, place='0')])}, "
        f"{number} AS f FROM ({texts_sql(source)}) t"
    )


def _paths(paths: Iterable[str]) -> str:
    return ", ".join(map(literal, paths))


def _number(sources: Sequence[Source]) -> str:
    numbers = ", ".join(str(source.snapshot.number) for source in sources)
    return f"[{numbers}][file_index::BIGINT + 1] AS f"


def _folders(sources: Sequence[Source], header: Header, place: str = "file_index") -> list[str]:
    """The columns that are in the keys: an expression for each."""
    return [
        f"[{_paths(source.values[n] for source in sources)}][{place}::BIGINT + 1] "
        f"AS c{header.width + n}"
        for n in range(header.folders)
    ]


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


@contextmanager
def _mapped(source: Source) -> Iterator[mmap.mmap]:
    with (
        Path(source.snapshot.path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        yield text
