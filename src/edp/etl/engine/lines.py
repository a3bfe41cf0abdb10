"""Where records are: the physical line, the first byte and the raw text of each.

DuckDB tells neither for a row, so that files with rejects are gone through once more, from one
rejected record to the next. The good records must be as many as DuckDB's rows: a line number is
right or the file fails.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from edp.core.errors import UnreadableFile
from edp.etl.engine.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from edp.etl.engine.header import Source

UNCLOSED: Final = "unclosed quote: a quoted field goes on to the end of the file"
RAW_LIMIT: Final = 10_000
"""Characters of a record that a reject keeps."""
BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(rb"(?:\r?\n)*+")
_NO_MORE: Final = 1 << 60, -1
"""A place that no file has, and its row."""
_WINDOW: Final = 1 << 22
"""Bytes of a file that are at hand at a time, unless one record is longer."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line (1 for the first) and byte (from 0) it starts at, and its bytes.

    `raw` is without the line end; it is empty for a blank line. `unclosed` says that the file
    ended inside a quoted field.
    """

    line: int
    start: int
    raw: bytes
    unclosed: bool = False

    @property
    def text(self) -> str:
        r"""The record as text, at most `RAW_LIMIT` characters; bytes out of UTF-8 as `\xff`."""
        return self.raw[: 4 * RAW_LIMIT].decode(errors="backslashreplace")[:RAW_LIMIT]


def records(lines: Iterable[bytes], dialect: Dialect) -> Iterator[Record]:
    """The records of a file, blank lines and header too, from its `lines` (LF kept)."""
    quote = dialect.quote.encode()
    number, at = 1, 0
    start, begun, parts, inside = 1, 0, list[bytes](), False
    for line in lines:
        if not parts:
            start, begun = number, at
        # a line without a quote neither opens nor closes a field
        if quote and quote in line:
            inside = dialect.open_after(line, inside=inside)
        parts.append(line)
        number += 1
        if b"\r" in line:  # inside quotes a CR may stand alone: a line end as well
            number += line.count(b"\r") - line.count(b"\r\n")
        at += len(line)
        if not inside:
            yield Record(start, begun, _content(parts, first=not begun))
            parts = []
    if parts:
        yield Record(start, begun, _content(parts, first=not begun), unclosed=True)


def _content(parts: list[bytes], *, first: bool) -> bytes:
    raw = parts[0] if len(parts) == 1 else b"".join(parts)
    if first:
        raw = raw.removeprefix(BOM)
    if raw.endswith(b"\r\n"):
        return raw[:-2]
    return raw.removesuffix(b"\n")


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected record: its row in the engine's table, or why the parser made no row of it."""

    row: int | None
    reason: str | None
    record: Record


def locate(
    source: Source, rejected: Mapping[int, str], wanted: Iterable[tuple[int, int]], rows: int
) -> Iterator[Reject]:
    """The records that DuckDB `rejected`, and those that became the `wanted` rows, as they come.

    `rejected` is keyed by byte, as DuckDB tells it: in a record, or in line ends before it. A
    record with two bad quotes is two to DuckDB; here it is the one that both lie in. `wanted` has
    a row's place in the file (from 0) and the row, in order; `rows` is how many there are.
    Raises: UnreadableFile in the end, when DuckDB made more or fewer rows than there are good
    records.
    """
    place, skipped = 0, source.snapshot.skipped
    bad, ahead = deque(sorted(rejected.items())), iter(wanted)
    sought, row = next(ahead, _NO_MORE)
    with _Walk.through(source) as walk:
        while True:
            place += walk.skip(sought - place, until=bad[0][0] if bad else None)
            record = walk.next()
            if record is None:
                break
            at = replace(record, line=record.line + skipped) if skipped else record
            reason = None
            while bad and bad[0][0] <= record.start + len(record.raw):
                reason = reason or bad[0][1]
                bad.popleft()
            if reason is not None:
                yield Reject(None, UNCLOSED if record.unclosed else reason, at)
                continue
            if sought == place:
                yield Reject(row, None, at)
                sought, row = next(ahead, _NO_MORE)
            place += 1
    if place != rows:
        raise UnreadableFile(
            f"{source.key}: its quotes are so damaged that {rows} rows were read from "
            f"{place} good records; double each quote that stands inside quotes"
        )


@dataclass
class _Walk:
    """A walk through the records behind a file's header; `at` is the next byte, on `line`.

    Of the file `text` is at hand, from byte `base` on: a window of whole lines, as address space
    may be scarcer than the file is long. `tail` is what was read behind them; at the end of the
    file it is part of the text, and `whole`. `ends` says where in the text records end, if that
    is easily told.
    """

    file: BinaryIO
    dialect: Dialect
    at: int
    line: int
    base: int
    text: bytes = b""
    tail: bytes = b""
    whole: bool = False
    ends: Sequence[int] = ()

    @classmethod
    @contextmanager
    def through(cls, source: Source) -> Iterator[_Walk]:
        """A walk that has passed the header and what is before it."""
        header = source.header
        assert isinstance(header.layout, Dialect)
        with Path(source.snapshot.path).open("rb") as file:
            first = islice(records(file, header.layout), header.blank + header.present, None)
            start = next(first, None)
            if start is None:
                at, line = file.seek(0, os.SEEK_END), 0
            else:
                at, line = start.start, start.line
            file.seek(0)
            if not at and file.read(len(BOM)) == BOM:
                at = len(BOM)
            file.seek(at)
            yield cls(file, header.layout, at, line, base=at)

    def skip(self, records: int, *, until: int | None) -> int:
        """Pass over so many records, but none that reaches the byte `until`; how many were."""
        passed, most = 0, records
        while passed < records and most:
            found = self._past(min(most, records - passed))
            if found is None:
                break
            count, end = found
            if until is not None and end > until:
                most = count // 2  # fewer may still lie before it
                continue
            self._go(end)
            passed += count
        return passed

    def next(self) -> Record | None:
        """The next record that is no blank line."""
        found = self._past(1)
        blank = _BLANK.match(self.text, self.at - self.base)
        assert blank is not None
        if blank.end() == len(self.text):
            return None
        self._go(self.base + blank.end())
        start, line = self.at, self.line
        self._go(found[1] if found else self.base + len(self.text))
        raw = _content([self.text[start - self.base : self.at - self.base]], first=False)
        return Record(line, start, raw, unclosed=found is None)

    def _past(self, most: int) -> tuple[int, int] | None:
        """How many records come next, up to `most`, and where they end."""
        first = bisect_right(self.ends, self.at - self.base)
        if count := min(most, len(self.ends) - first):
            return count, self.base + self.ends[first + count - 1]
        while True:
            if found := self.dialect.past(self.text, self.at - self.base, most=most):
                return found[0], self.base + found[1]
            if self.whole:
                return None
            self._read_on()

    def _read_on(self) -> None:
        """Move the window to where the walk is, and make it longer than what is left in it."""
        left = self.text[self.at - self.base :] + self.tail
        wanted = max(_WINDOW, len(left))
        more = self.file.read(wanted)
        self.whole = len(more) < wanted
        self.text, self.base = left + more, self.at
        end = len(self.text) if self.whole else self.text.rfind(b"\n") + 1
        self.text, self.tail = self.text[:end], self.text[end:]
        self.ends = self.dialect.ends(self.text)

    def _go(self, end: int) -> None:
        """Move to byte `end`; a CR inside quotes may stand alone: a line end as well."""
        passed = self.text[self.at - self.base : end - self.base]
        self.line += passed.count(b"\n")
        if b"\r" in passed:
            self.line += passed.count(b"\r") - passed.count(b"\r\n")
        self.at = end
