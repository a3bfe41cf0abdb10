"""The first record of a file: which delimiter it is written with, and the names of its columns.

Read in Python, because DuckDB takes the names it is given and looks at no file's header.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.errors import UnreadableFile
from edp.etl.engine.dialect import Dialect
from edp.etl.engine.heading import is_header, names_by_place
from edp.etl.engine.lines import Record, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.contract import Dataset
    from edp.core.contract.dialect import Csv
    from edp.etl.engine.objects import Converted
    from edp.etl.engine.snapshot import Snapshot

DELIMITERS: Final = (",", ";", "\t", "|")
MOST_COLUMNS: Final = 4_096
"""Planning a query takes milliseconds for each column, whatever the rows."""
_SAMPLE: Final = 65_536  # bytes
_SAMPLE_RECORDS: Final = 100


@dataclass(frozen=True)
class Columns:
    """A file of columns, as Parquet is: DuckDB's type of each."""

    types: tuple[str, ...]


@dataclass(frozen=True)
class Objects:
    """A file of JSON objects, whose members are columns."""


@dataclass(frozen=True)
class Header:
    """How a file is laid out, and its columns as written; files with equal ones are read together.

    `blank` lines come before the first record, which is the header itself if `present`. `names`
    are one for each column, empty where the file has none; the last `folders` of them are in its
    key. There are no names in an empty file. `line_feeds` says that lines end with LF though there
    are other line ends in values, by which DuckDB would go.
    """

    layout: Dialect | Objects | Columns
    names: tuple[str, ...] = ()
    blank: int = 0
    present: bool = True
    folders: int = 0
    line_feeds: bool = False

    @property
    def width(self) -> int:
        """Columns that the file itself has."""
        return len(self.names) - self.folders


@dataclass(frozen=True)
class Source:
    """A file that can be read: its bytes, its header, and whether anything follows that.

    `values` are those of the columns in its key. `rows` is the part of a Parquet file that is
    meant.
    """

    snapshot: Snapshot
    header: Header
    body: bool
    values: tuple[str, ...] = ()
    objects: Converted | None = None
    rows: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        """The object's key."""
        return self.snapshot.key


def read_header(snapshot: Snapshot, contract: Dataset, *, line_feeds: bool = False) -> Source:
    """A CSV file with its header; `line_feeds` says that its line ends were made LF.

    Raises: UnreadableFile when the first record's quotes do not close, or it is too wide, or a
    header that is not UTF-8.
    """
    dialect = dialect_of(snapshot, contract.csv)
    blank, first, more = _first(snapshot, dialect)
    if first is None:
        return Source(snapshot, Header(dialect), body=False)
    if first.unclosed:
        raise UnreadableFile(f"{snapshot.key}: a quote in its first line is never closed; close it")
    try:
        names = tuple(dialect.split(first.raw.decode(errors="replace")))
        present = _is_present(names, snapshot, dialect, contract)
        if present:
            first.raw.decode()
        else:
            widths = Counter(map(len, _rows(_sample(snapshot), dialect)))
            names = names_by_place(widths.most_common(1)[0][0], contract.columns)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"{snapshot.key}: its header is not UTF-8; save the file as UTF-8, or name its "
            "encoding (`csv: {encoding: cp1252}` for Windows text)"
        ) from error
    except csv.Error as error:
        raise UnreadableFile(f"{snapshot.key}: its header cannot be read: {error}") from error
    check_width(snapshot, len(names))
    header = Header(dialect, names, blank, present, line_feeds=line_feeds)
    return Source(snapshot, header, body=more or not present)


def check_width(snapshot: Snapshot, width: int) -> None:
    """Raises: UnreadableFile for more columns than can be read."""
    if width > MOST_COLUMNS:
        raise UnreadableFile(
            f"{snapshot.key}: {width} columns, and {MOST_COLUMNS} is the most that can be "
            "read; split the file, or turn columns into rows"
        )


def _is_present(
    first: Sequence[str], snapshot: Snapshot, dialect: Dialect, contract: Dataset
) -> bool:
    stated = contract.csv.header
    if stated != "auto":
        return stated
    return is_header([first], contract) or is_header(_rows(_sample(snapshot), dialect), contract)


def _first(snapshot: Snapshot, dialect: Dialect) -> tuple[int, Record | None, bool]:
    """Blank lines before the first record, the record, and whether anything follows it."""
    with Path(snapshot.path).open("rb") as file:
        rest = records(file, dialect)
        for blank, record in enumerate(rest):
            if record.raw:
                return blank, record, any(later.raw for later in rest)
    return 0, None, False


def dialect_of(snapshot: Snapshot, stated: Csv) -> Dialect:
    """The dialect that is stated, with the file's own delimiter where that is `auto`."""
    return Dialect(_delimiter(snapshot, stated), stated.quote, stated.escape)


def _delimiter(snapshot: Snapshot, stated: Csv) -> str:
    """The delimiter that is stated or, of those that part the first record, the one that fits best.

    That one gives most of the next records as many fields as the first; then more of them.
    """
    if stated.delimiter != "auto":
        return stated.delimiter
    sample = _sample(snapshot)
    dialects = [
        Dialect(delimiter, stated.quote, stated.escape)
        for delimiter in DELIMITERS
        if delimiter not in (stated.quote, stated.escape)
    ]
    parting = [one for one in dialects if any(len(row) > 1 for row in _rows(sample, one, most=1))]
    if len(parting) > 1:
        parting.sort(key=lambda dialect: _fit(*map(len, _rows(sample, dialect))), reverse=True)
    return parting[0].delimiter if parting else ","


def _fit(width: int, *widths: int) -> tuple[float, int]:
    return sum(n == width for n in widths) / len(widths) if widths else 1.0, width


def _sample(snapshot: Snapshot) -> bytes:
    with Path(snapshot.path).open("rb") as file:
        return file.read(_SAMPLE)


def _rows(sample: bytes, dialect: Dialect, *, most: int = _SAMPLE_RECORDS + 1) -> list[list[str]]:
    """The first records of the sample, but for one that it cuts off."""
    found = []
    for n, record in enumerate(records(io.BytesIO(sample), dialect)):
        cut = len(sample) == _SAMPLE and record.start + len(record.raw) >= _SAMPLE - 2
        if record.raw and (n == 0 or not cut):
            found.append(dialect.split(record.raw.decode(errors="replace")))
        if len(found) == most:
            break
    return found
