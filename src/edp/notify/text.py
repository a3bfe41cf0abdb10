"""Texts made fit to be sent: whole characters only, within a limit, with nothing that acts.

Names of files and columns come from others, and may be long, or try to be more than a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CUT = "…"


def clean(text: str) -> str:
    r"""`text` with control characters shown and not sent; line breaks and tabs are kept.

    >>> clean("a\x1bb\u202ec\ud800\n")
    'a\\x1bb\\u202ec�\n'
    """
    return "".join(_clean(c) for c in text)


def one_line(text: str) -> str:
    r"""`text` in one line.

    >>> one_line("a\n\tb ")
    'a b'
    """
    return clean(" ".join(text.split()))


def fit(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """`text` with each character escaped, cut where it would pass `limit` UTF-16 units.

    Receivers count characters; some of them count those outside the basic plane twice.

    >>> fit("abcdef", 4), fit("ab&f", 4), fit("a&&", 4, lambda c: "&amp;" if c == "&" else c)
    ('abc…', 'ab&f', 'a…')
    """
    units = [(part, _units(part)) for part in map(escape, text)]
    if sum(n for _, n in units) <= limit:
        return "".join(part for part, _ in units)
    return "".join(_taken(units, limit - _units(CUT))) + CUT


def _taken(units: list[tuple[str, int]], limit: int) -> Iterator[str]:
    for part, n in units:
        limit -= n
        if limit < 0:
            return
        yield part


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _clean(c: str) -> str:
    if c.isprintable() or c in "\n\t":
        return c
    if "\ud800" <= c <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return c.encode("unicode_escape").decode()
