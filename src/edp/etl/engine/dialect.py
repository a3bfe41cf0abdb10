"""How a CSV file is written: its delimiter, quote and escape, and which quotes mean anything.

The rules are DuckDB's, strict: a quoted field starts right after a delimiter or a line end, or
one space behind it; a quote anywhere else is text. After a closing quote that no delimiter
follows, the rest up to the next delimiter is text, too (and the record is rejected).
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

_RETURN: Final = 0x0D
_PART: Final = 1 << 20  # bytes
_BLANK: Final = (b"\n", b"\r\n")
_TOGETHER: Final = 128
"""Records that are passed over at a time, where nothing is wanted of them."""


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote and escape, each one character; quote and escape may be empty."""

    delimiter: str
    quote: str = '"'
    escape: str = '"'

    @cached_property
    def _marks(self) -> tuple[bytes, bytes, bytes]:
        delimiter, quote, escape = (
            re.escape(mark.encode()) for mark in (self.delimiter, self.quote, self.escape)
        )
        return delimiter, quote, escape

    @cached_property
    def _inside(self) -> bytes:
        _, quote, escape = self._marks
        if not escape:
            return rb"[^%b]*+" % quote
        if escape == quote:
            # "a" "b" is one field to DuckDB: a blank behind a closing quote, then it opens again
            return rb"[^%b]*+(?:%b *%b[^%b]*+)*+" % (quote, quote, quote, quote)
        return rb"[^%b%b]*+(?:%b(?s:.)[^%b%b]*+)*+" % (quote, escape, escape, quote, escape)

    @cached_property
    def _opening(self) -> re.Pattern[bytes]:
        delimiter, quote, _ = self._marks
        return re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|%b) ?%b" % (delimiter, quote))

    @cached_property
    def _closing(self) -> re.Pattern[bytes]:
        delimiter, quote, _ = self._marks
        return re.compile(rb"%b%b(?:(?!%b).)*+" % (self._inside, quote, delimiter))

    @cached_property
    def _fields_and_returns(self) -> re.Pattern[bytes]:
        delimiter, quote, _ = self._marks
        if not quote:
            return re.compile(rb"\r\n?")
        start = rb"(?:(?<=[\r\n])|(?<=%b)|\A(?:\xef\xbb\xbf)?)" % delimiter
        field = rb"%b ?%b%b%b(?:(?!%b)[^\r\n])*+" % (start, quote, self._inside, quote, delimiter)
        return re.compile(field + rb"|\r\n?")

    @cached_property
    def _closed(self) -> re.Pattern[bytes]:
        """Everything up to a quote that opens a field and is never closed."""
        delimiter, quote, _ = self._marks
        before = rb"(?<=[\r\n])|(?<=%b)|(?<=[\r\n] )|(?<=%b )" % (delimiter, delimiter)
        start = rb"(?:\A|(?<=\A )|(?<=\A\xef\xbb\xbf)|%b)" % before
        field = rb"%b%b%b%b(?:(?!%b)[^\r\n])*+" % (start, quote, self._inside, quote, delimiter)
        return re.compile(rb"(?:[^%b]++|%b|(?!%b)%b)*+" % (quote, field, start, quote))

    @cached_property
    def record(self) -> bytes:
        """A record with its line end, or the file's last: what is quoted in it is closed."""
        delimiter, quote, _ = self._marks
        plain = (
            rb"[^%b\n]" % delimiter
            if len(self.delimiter.encode()) == 1
            else rb"(?!%b)." % delimiter
        )
        if not quote:
            return rb"[^\n]++(?:\n|\Z)"
        rest = rb"(?:%b)*+" % plain
        quoted = rb" ?%b%b%b%b" % (quote, self._inside, quote, rest)
        field = rb"(?>%b|(?! ?%b)%b)" % (quoted, quote, rest)
        whole = rb"(?:%b%b)*+(?:\n|\Z)" % (delimiter, field)
        return field + whole

    @cached_property
    def _plain(self) -> re.Pattern[bytes] | None:
        """Texts whose quotes all stand around a whole field; the last may be open at the end.

        None where quotes cannot be told by their number.
        """
        delimiter, quote, _ = self._marks
        if self.escape != self.quote or len(self.delimiter.encode()) > 1:
            return None
        if not quote:
            return re.compile(rb"")
        field = rb"[^%b]*+(?<![^%b\n])%b%b" % (quote, delimiter, quote, self._inside_plain)
        closed = rb"(?:%b%b(?=[%b\r\n]|\Z))*+" % (field, quote, delimiter)
        return re.compile(rb"%b(?:[^%b]*+|%b)\Z" % (closed, quote, field))

    @cached_property
    def _inside_plain(self) -> bytes:
        _, quote, _ = self._marks
        return rb"[^%b]*+(?:%b%b[^%b]*+)*+" % (quote, quote, quote, quote)

    def ends(self, text: bytes) -> list[int]:
        r"""Where the records of `text` end, which starts with one; none where that is not plain.

        Quicker than `past` by far. A record that is open at the end is not in it.

        >>> Dialect(",").ends(b'1,"x\ny"\n\n2,z\n3,"')
        [8, 13]
        """
        if self._plain is None or not self._plain.match(text):
            return []
        if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
            return []  # splitlines would part a line at a return
        lines = text.splitlines(keepends=True)
        stops = accumulate(map(len, lines))
        quote = self.quote.encode()
        counted = map(bytes.count, lines, repeat(quote)) if quote and quote in text else repeat(0)
        return [
            stop
            for stop, line, quotes in zip(stops, lines, accumulate(counted), strict=False)
            if not quotes % 2 and line not in _BLANK
        ]

    def past(self, text: bytes | mmap, at: int, *, most: int) -> tuple[int, int] | None:
        r"""How many records behind `at`, up to `most`, and where they end; blank lines are none.

        None where there is no further record, or one whose quote is never closed.

        >>> Dialect(",").past(b'a,b\n\n1,"x\ny"\n2,z\n', 4, most=1)
        (1, 13)
        """
        n = min(most, _TOGETHER)
        while n:
            if found := _records(self, n).match(text, at):
                return n, found.end()
            n //= 2
        return None

    def is_open_at_end(self, text: bytes | mmap) -> bool:
        r"""Whether a quoted field of the file `text` goes on to its end.

        >>> Dialect(",").is_open_at_end(b'a,"b\n'), Dialect(",").is_open_at_end(b'a, "b"\n5" c\n')
        (True, False)
        """
        if not self.quote:
            return False
        found = self._closed.match(text)
        return found is None or found.end() < len(text)

    def open_after(self, line: bytes, *, inside: bool) -> bool:
        """Whether a quoted field is open at the end of `line`, when one was (`inside`) before it.

        >>> Dialect(",").open_after(b'1,"two', inside=False)
        True
        """
        if not self.quote:
            return False
        at = 0
        while True:
            if inside:
                closed = self._closing.match(line, at)
                if not closed:
                    return True
                at = closed.end()
            opened = self._opening.search(line, at)
            if not opened:
                return False
            at, inside = opened.end(), True

    def with_line_feeds(self, text: bytes | mmap) -> Iterator[bytes]:
        r"""`text` with every line end outside quotes as LF, in parts.

        >>> b"".join(Dialect(",").with_line_feeds(b'a,b\r\n"1\r\n",2\r3,4\n'))
        b'a,b\n"1\r\n",2\n3,4\n'
        """
        at = size = 0
        parts: list[bytes] = []
        for found in self._fields_and_returns.finditer(text):
            if text[found.start()] != _RETURN:
                continue
            parts += (text[at : found.start()], b"\n")
            size += found.start() - at
            at = found.end()
            if size > _PART:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join((*parts, text[at:]))

    def split(self, record: str) -> list[str]:
        """The fields of one record.

        >>> Dialect(";").split('a; "b;c"')
        ['a', 'b;c']
        """
        reader = csv.reader(
            io.StringIO(record, newline=""),
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=self.escape == self.quote,
            escapechar=None if self.escape in ("", self.quote) else self.escape,
            skipinitialspace=self.delimiter != " ",
        )
        return next(reader, [])


@lru_cache(maxsize=4 * _TOGETHER)
def _records(dialect: Dialect, n: int) -> re.Pattern[bytes]:
    """`n` records, each with the blank lines before it."""
    # first of all what most lines are: neither blank, nor with a quote
    plain = rb"[^\r\n%b]++\r?\n" % re.escape(dialect.quote.encode())
    other = rb"(?:\r?\n)*+(?!\r?\n)(?=(?s:.))%b" % dialect.record
    return re.compile(rb"(?>%b|%b){%d}" % (plain, other, n))
