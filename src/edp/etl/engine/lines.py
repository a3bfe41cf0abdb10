"""Where records are: the physical line, the first byte and the raw text of each.

DuckDB tells neither for a row, so that files with rejects are gone through once more, by
lines and open quotes. The good records must be as many as DuckDB's rows: a line number is right
or the file fails.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.errors import UnreadableFile
from edp.etl.engine.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edp.etl.engine.header import Source

UNCLOSED: Final = "unclosed quote: a quoted field goes on to the end of the file"
RAW_LIMIT: Final = 10_000
"""Characters of a record that a reject keeps."""
BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
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


def body(source: Source) -> Iterator[Record]:
    """The records of a CSV file after its header, blank lines too."""
    header, skipped = source.header, source.snapshot.skipped
    assert isinstance(header.layout, Dialect)
    with Path(source.snapshot.path).open("rb") as file:
        for n, record in enumerate(records(file, header.layout)):
            if n >= header.blank + header.present:
                yield replace(record, line=record.line + skipped) if skipped else record


def judged(source: Source, rejected: Mapping[int, str]) -> Iterator[tuple[Record, str | None]]:
    """The records of a file after its header, blank lines too, each with why it was rejected.

    `rejected` is keyed by byte, as DuckDB tells it: in a record, or in line ends before it. A
    record with two bad quotes is two to DuckDB; here it is the one that both lie in.
    """
    ends = deque(sorted(rejected.items()))
    for record in body(source):
        reason = None
        while record.raw and ends and ends[0][0] <= record.start + len(record.raw):
            _, why = ends.popleft()
            reason = reason or why
        yield record, reason


@dataclass(frozen=True)
class Reject:
    """A rejected record: its row in the engine's table, or why the parser made no row of it."""

    row: int | None
    reason: str | None
    record: Record


def locate(
    source: Source, rejected: Mapping[int, str], wanted: Mapping[int, int], rows: int
) -> list[Reject]:
    """The records that DuckDB `rejected`, and those that became the `wanted` rows.

    `wanted` maps a row's place in the file (from 0) to the row; `rows` is how many there are.
    Raises: UnreadableFile when DuckDB made more or fewer rows than there are good records.
    """
    found = []
    place = 0
    for record, reason in judged(source, rejected):
        if not record.raw:
            continue
        if reason is not None:
            found.append(Reject(None, UNCLOSED if record.unclosed else reason, record))
            continue
        if place in wanted:
            found.append(Reject(wanted[place], None, record))
        place += 1
    if place != rows:
        raise UnreadableFile(
            f"{source.key}: its quotes are so damaged that {rows} rows were read from "
            f"{place} good records; double each quote that stands inside quotes"
        )
    return found
