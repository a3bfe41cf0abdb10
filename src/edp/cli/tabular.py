"""Tables as text: whole into a pipe, fitted to the width of a terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_GAPS: Final = (3, 2)
_LEAST: Final = 12
"""Characters that a column keeps, however narrow the terminal is."""


def lines(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    spare: Sequence[str] = (),
    width: int | None = None,
) -> Iterator[str]:
    r"""The lines of a table, at most `width` characters each where that can be had.

    `right` are the columns of numbers. For want of room the columns in `spare` are left out, one
    after the other, and then long texts take several lines.

    >>> print("\n".join(lines(("key", "rows"), [("a.csv", "7")], right=["rows"])))
     key     rows
     ────────────
     a.csv      7
    """
    kept = list(range(len(columns)))
    widths = [max(map(_places, texts)) for texts in zip(columns, *rows, strict=True)]
    gap = _gap(widths, kept, width)
    for name in spare:
        if _fits(widths, kept, gap, width):
            break
        kept = [n for n in kept if columns[n] != name]
        gap = _gap(widths, kept, width)
    shrinkable = [n for n in kept if columns[n] not in right]
    while shrinkable and not _fits(widths, kept, gap, width):
        widest = max(shrinkable, key=lambda n: widths[n])
        if widths[widest] <= max(_LEAST, len(columns[widest])):
            break
        widths[widest] -= 1

    def physical(texts: Sequence[str]) -> Iterator[str]:
        folded = [_folded(texts[n], widths[n]) for n in kept]
        for parts in zip_longest(*folded, fillvalue=""):
            cells = []
            for n, part in zip(kept, parts, strict=True):
                room = " " * (widths[n] - _places(part))
                cells.append(room + part if columns[n] in right else part + room)
            yield f" {(' ' * gap).join(cells)}".rstrip()

    yield from physical(columns)
    yield " " + "\u2500" * (_total(widths, kept, gap) - 1)
    for row in rows:
        yield from physical(row)


def _places(text: str) -> int:
    """How many places of a terminal's line a text takes: some letters take two, or none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _folded(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` places, broken between words where there are any."""
    if _places(text) <= width:
        return [text]
    letters = width if _places(text) == len(text) else max(1, width // 2)
    return textwrap.wrap(text, letters, break_on_hyphens=False)


def _gap(widths: Sequence[int], kept: Sequence[int], width: int | None) -> int:
    return next((gap for gap in _GAPS if _fits(widths, kept, gap, width)), _GAPS[-1])


def _fits(widths: Sequence[int], kept: Sequence[int], gap: int, width: int | None) -> bool:
    return width is None or _total(widths, kept, gap) <= width


def _total(widths: Sequence[int], kept: Sequence[int], gap: int) -> int:
    return 1 + sum(widths[n] for n in kept) + gap * (len(kept) - 1)
