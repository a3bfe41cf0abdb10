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
from functools import cached_property


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

    def with_line_feeds(self, text: bytes) -> bytes:
        r"""`text` with every line end outside quotes as LF.

        >>> Dialect(",").with_line_feeds(b'a,b\r\n"1\r\n",2\r3,4\n')
        b'a,b\n"1\r\n",2\n3,4\n'
        """
        return self._fields_and_returns.sub(
            lambda found: b"\n" if found[0][:1] == b"\r" else found[0], text
        )

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
