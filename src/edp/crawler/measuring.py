"""Measuring: what the Parquet files of tables are, read from the files themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.files import ADOPTED
from edp.core.names import SOURCE_FILE
from edp.core.sql import identifier, literal
from edp.crawler.port import Measured, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edp.core.files import DataFile

_TOGETHER: Final = 200
"""Footers read by one statement; one that cannot be read makes all of them be read one by one."""
_SOURCE: Final = {"data": SOURCE_FILE, "rejects": "source_file"}


def measure(
    con: duckdb.DuckDBPyConnection, lake: Path, files: Sequence[DataFile], *, deep: bool
) -> Mapping[str, Measured | Unreadable]:
    """What the files are, by path; with `deep` every byte of them is read."""
    found: dict[str, Measured | Unreadable] = {}
    for start in range(0, len(files), _TOGETHER):
        some = files[start : start + _TOGETHER]
        rows = _rows(con, lake, some)
        for file in some:
            found[file.path] = _measured(con, lake, file, rows.get(file.path), deep=deep)
    return found


def _rows(
    con: duckdb.DuckDBPyConnection, lake: Path, files: Sequence[DataFile]
) -> Mapping[str, int]:
    """Rows by path, where all the footers can be read."""
    places = {str(lake / file.path): file.path for file in files}
    try:
        return {places[place]: rows for place, rows in _footers(con, list(places))}
    except duckdb.Error:
        return {}


def _footers(con: duckdb.DuckDBPyConnection, places: Sequence[str]) -> list[tuple[str, int]]:
    listed = ", ".join(map(literal, places))
    return con.execute(
        f"SELECT file_name, num_rows FROM parquet_file_metadata([{listed}])"  # noqa: S608 (quoted)
    ).fetchall()


def _measured(
    con: duckdb.DuckDBPyConnection, lake: Path, file: DataFile, rows: int | None, *, deep: bool
) -> Measured | Unreadable:
    place = lake / file.path
    try:
        size = place.stat().st_size
        if rows is None:
            ((_, rows),) = _footers(con, [str(place)])
        if not deep:
            return Measured(size, rows)
        with place.open("rb") as src:
            digest = hashlib.file_digest(src, "sha256").hexdigest()
        return Measured(size, rows, digest, _sources(con, place, file))
    except FileNotFoundError:
        return Unreadable(file.path, "it is not there")
    except (OSError, duckdb.Error) as error:
        return Unreadable(file.path, f"it cannot be read: {str(error).partition(chr(10))[0]}")


def _sources(
    con: duckdb.DuckDBPyConnection, place: Path, file: DataFile
) -> Mapping[str, int] | None:
    """Rows by source, as the file has them; None for a file that others wrote."""
    if any(key.startswith(ADOPTED) for key in file.sources):
        return None
    column = identifier(_SOURCE[file.kind])
    return dict(
        con.execute(
            f"SELECT {column}, count(*) FROM "  # noqa: S608 (quoted)
            f"read_parquet({literal(str(place))}, hive_partitioning = false) GROUP BY ALL"
        ).fetchall()
    )
