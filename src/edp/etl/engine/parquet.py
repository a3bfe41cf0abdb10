"""Parquet: a file's columns become texts that mean its values exactly.

A footer says how large its columns are; what claims too much is refused before it is read.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core import parquet
from edp.core.errors import UnreadableFile
from edp.core.nested import from_duck
from edp.core.sql import identifier, json_sql, literal, object_sql, parse_sql, value_sql
from edp.etl.engine.header import Columns, Header, Source, check_width
from edp.etl.engine.kind import PARQUET
from edp.etl.engine.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.snapshot import Signs, Snapshot

MOST_EXPANDED: Final = 4 << 30
"""Bytes of a file's columns in memory; larger tables come in several files."""
MOST_RATIO: Final = 200
RATIO_COUNTS_FROM: Final = 64 << 20
"""Bytes below which any ratio is harmless."""
MOST_ROWS: Final = 1_000_000_000
_MEMORY: Final = 256_000_000  # bytes, for a footer
_BARE: Final = frozenset(
    """
    BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT
    """.split()  # noqa: SIM905 (names read best as words)
)
_SIZE_SQL: Final = """
WITH groups AS (
    SELECT row_group_id, any_value(row_group_num_rows) AS rows, sum(total_uncompressed_size) AS size
    FROM parquet_metadata($1) GROUP BY row_group_id
), placed AS (
    SELECT size, rows, sum(rows) OVER (ORDER BY row_group_id) - rows AS first FROM groups
)
SELECT coalesce(sum(size), 0) FROM placed WHERE first < $3 AND first + rows > $2
"""


def read_columns(snapshot: Snapshot, signs: Signs, part: tuple[int, int] | None = None) -> Source:
    """A Parquet file with its columns; only its rows from `part[0]` up to `part[1]`, if given.

    Raises: UnreadableFile when it is none, or claims to be too large.
    """
    if not signs.size:
        return Source(snapshot, Header(Columns(())), body=False)
    if not signs.head.startswith(PARQUET):
        raise UnreadableFile(f"{snapshot.key} is not Parquet; call it what it is, or set `format`")
    place = literal(snapshot.path)
    folder = str(Path(snapshot.path).parent)
    try:
        with session(folder, memory=_MEMORY, threads=1) as con:
            ((rows,),) = con.execute(
                "SELECT sum(num_rows) FROM parquet_file_metadata($path)", {"path": snapshot.path}
            ).fetchall()
            first, end = part or (0, rows)
            ((size,),) = con.execute(_SIZE_SQL, [snapshot.path, first, end]).fetchall()
            _check_size(snapshot, signs.size, end - first, size)
            described = con.execute(
                f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {_file(place)})"
            ).fetchall()
    except duckdb.Error as error:
        raise unreadable(snapshot, error) from error
    check_width(snapshot, len(described))
    names, types = zip(*described, strict=True) if described else ((), ())
    return Source(snapshot, Header(Columns(types), names), body=end > first, rows=part)


def _check_size(snapshot: Snapshot, size: int, rows: int, expanded: int) -> None:
    if expanded > MOST_EXPANDED:
        what = f"more than {MOST_EXPANDED >> 30} GiB"
    elif expanded > max(RATIO_COUNTS_FROM, MOST_RATIO * size):
        what = f"more than {MOST_RATIO} times its size, as hardly any data does"
    elif rows > MOST_ROWS:
        what = f"more than {MOST_ROWS} rows"
    else:
        return
    raise UnreadableFile(f"{snapshot.key} expands to {what}; split the file")


def unreadable(snapshot: Snapshot, error: duckdb.Error) -> Exception:
    """What an error with the file means: the file's fault, unless memory or disk ran out."""
    text = str(error).partition("\n")[0].replace(snapshot.path, snapshot.key)
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.FatalException) or "No space" in text:
        return error
    return UnreadableFile(f"{snapshot.key}: its Parquet is damaged or of an unknown kind: {text}")


def texts_sql(source: Source) -> str:
    """The query for the texts of a file's columns: c0, c1, ..., in the file's order.

    A text is the value's canonical one; nested values are JSON; bytes beyond ASCII are escaped.
    """
    layout = source.header.layout
    assert isinstance(layout, Columns)
    texts = ", ".join(
        f"{_text_sql(identifier(name), kind)} AS c{n}"
        for n, (name, kind) in enumerate(zip(source.header.names, layout.types, strict=False))
    )
    return f"SELECT {texts} FROM {_file(literal(source.snapshot.path))}{_part_sql(source)}"


def raw_rows(
    con: DuckDBPyConnection, source: Source, places: Sequence[int]
) -> Sequence[tuple[int, str]]:
    """The rows at `places` (0 for the first that is meant) of a file, as JSON objects."""
    first = source.rows[0] if source.rows else 0
    layout = source.header.layout
    assert isinstance(layout, Columns)
    row = object_sql(
        (name, json_sql(identifier(name), from_duck(kind), _leaf_sql))
        for name, kind in zip(source.header.names, layout.types, strict=False)
    )
    return con.execute(
        f"SELECT file_row_number - {first}, {row} "
        f"FROM {_file(literal(source.snapshot.path))} "
        "WHERE file_row_number IN (SELECT unnest(?::BIGINT[])) ORDER BY 1",
        [[first + place for place in places]],
    ).fetchall()


def _file(place: str) -> str:
    return f"read_parquet({place}, hive_partitioning = false)"


def _part_sql(source: Source) -> str:
    if source.rows is None:
        return ""
    first, end = source.rows
    return f" WHERE file_row_number >= {first} AND file_row_number < {end}"


def _text_sql(column: str, kind: str) -> str:
    if parquet.is_nested(kind):
        return json_sql(column, from_duck(kind), _leaf_sql)
    if kind == "FLOAT":
        return f"{column}::DOUBLE::VARCHAR"
    if kind == "TIMESTAMP_NS":
        micros = value_sql("timestamp", "string", f"{column}::TIMESTAMP")
        whole = f"epoch_ns({column}) % 1000 = 0"
        return f"CASE WHEN {whole} THEN {micros} ELSE {column}::VARCHAR END"
    if kind.startswith("TIMESTAMP") and "ZONE" not in kind:
        return value_sql("timestamp", "string", f"{column}::TIMESTAMP")
    if kind.startswith("TIMESTAMP"):
        return value_sql("timestamptz", "string", f"{column}::TIMESTAMPTZ")
    return f"{column}::VARCHAR"


def _leaf_sql(value: str, kind: str) -> str:
    """The JSON text of a value without parts: a number or boolean is bare if JSON has it."""
    if parquet.is_nested(kind):  # a union or a variant
        return f"to_json({value})::VARCHAR"
    text = _text_sql(value, kind)
    quoted = f"to_json({text})::VARCHAR"
    if kind in _BARE or kind.startswith("DECIMAL("):
        return text
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({value}) THEN {text} ELSE {quoted} END"
    if kind == "JSON":
        return f"coalesce({parse_sql(text, 'json')}, {quoted})"
    return quoted
