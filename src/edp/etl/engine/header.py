"""The first record of a file: which delimiter it is written with, and the names of its columns.

Read in Python, because DuckDB takes the names it is given and looks at no file's header.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.errors import UnreadableFile
from edp.etl.engine.dialect import Dialect
from edp.etl.engine.lines import Record, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.contract.dialect import Csv
    from edp.etl.engine.snapshot import Snapshot

DELIMITERS: Final = (",", ";", "\t", "|")
MOST_COLUMNS: Final = 4_096
"""Planning a query takes milliseconds for each column, whatever the rows."""
_SAMPLE: Final = 65_536  # bytes
_SAMPLE_RECORDS: Final = 100


@dataclass(frozen=True)
class Header:
    """A file's dialect and its header as written; files with equal ones are read together.

    `blank` lines come before the header. `names` are as written, one for each column; there are
    none in an empty file.
    """

    dialect: Dialect
    names: tuple[str, ...] = ()
    blank: int = 0


@dataclass(frozen=True)
class Source:
    """A file that can be read: its bytes, its header, and whether anything follows that."""

    snapshot: Snapshot
    header: Header
    body: bool

    @property
    def key(self) -> str:
        """The object's key."""
        return self.snapshot.key


def read_header(snapshot: Snapshot, stated: Csv) -> Source:
    """The file with its header.

    Raises: UnreadableFile when the header's quotes do not close, it is not UTF-8, or too wide.
    """
    dialect = dialect_of(snapshot, stated)
    blank, first, body = _first(snapshot, dialect)
    if first is None:
        return Source(snapshot, Header(dialect), body=False)
    if first.unclosed:
        raise UnreadableFile(f"{snapshot.key}: a quote in its first line is never closed; close it")
    try:
        names = tuple(dialect.split(first.raw.decode()))
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"{snapshot.key}: its header is not UTF-8; save the file as UTF-8"
        ) from error
    except csv.Error as error:
        raise UnreadableFile(f"{snapshot.key}: its header cannot be read: {error}") from error
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(
            f"{snapshot.key}: {len(names)} columns, and {MOST_COLUMNS} is the most that can be "
            "read; split the file, or turn columns into rows"
        )
    return Source(snapshot, Header(dialect, names, blank), body)


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
    """The delimiter that is stated or, of those that part the header, the one that fits best.

    That one gives most of the next records as many fields as the header; then more of them.
    """
    if stated.delimiter != "auto":
        return stated.delimiter
    with Path(snapshot.path).open("rb") as file:
        sample = file.read(_SAMPLE)
    scores = {}
    for delimiter in DELIMITERS:
        dialect = Dialect(delimiter, stated.quote, stated.escape)
        rows = islice(_rows(sample, dialect), _SAMPLE_RECORDS)
        width = next(rows, 0)
        if width > 1:
            scores[delimiter] = (rows, width)
    if len(scores) < 2:  # noqa: PLR2004 (nothing to choose)
        return next(iter(scores), ",")
    return max(scores, key=lambda delimiter: _fit(*scores[delimiter]))


def _fit(rows: Iterator[int], width: int) -> tuple[float, int]:
    widths = list(rows)
    return sum(n == width for n in widths) / len(widths) if widths else 1.0, width


def _rows(sample: bytes, dialect: Dialect) -> Iterator[int]:
    """How many fields each record of the sample has, but for one that it cuts off."""
    for n, record in enumerate(records(io.BytesIO(sample), dialect)):
        cut = len(sample) == _SAMPLE and record.start + len(record.raw) >= _SAMPLE - 2
        if record.raw and (n == 0 or not cut):
            yield len(dialect.split(record.raw.decode(errors="replace")))
