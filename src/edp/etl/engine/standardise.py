"""Standardising: outer white space comes off every text, and null tokens become NULL.

White space is blank, tab, line feed, carriage return, vertical tab and form feed; spaces beyond
ASCII belong to the text.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.sql import literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

WHITE_SPACE: Final = " \t\n\r\v\f"


def standardise_sql(
    records: str,
    width: int,
    nulls: Sequence[str],
    untrimmed: Collection[int] = (),
    json: Collection[int] = (),
) -> str:
    """The query for the `records` (a query with columns c0, c1, ..., f) with texts standardised.

    Columns whose places are in `untrimmed` keep their outer white space; in those of `json` its
    null is NULL, too.
    """
    texts = [f"c{n}" for n in range(width)]
    trimmed = ", ".join(
        f"{text if n in untrimmed else _trimmed(text)} AS {text}" for n, text in enumerate(texts)
    )
    kept = ", ".join(
        f"{_kept(text, (*nulls, 'null') if n in json else nulls)} AS {text}"
        for n, text in enumerate(texts)
    )
    return f"SELECT {kept}, f FROM (SELECT {trimmed}, f FROM ({records}))"


def _trimmed(text: str) -> str:
    # trim() of every text doubles the cost of reading, so that the edges are looked at first
    return (
        f"CASE WHEN {text} < '!' OR {text}[-1] < '!' "
        f"THEN trim({text}, {literal(WHITE_SPACE)}) ELSE {text} END"
    )


def _kept(text: str, nulls: Sequence[str]) -> str:
    if not nulls:
        return text
    longest = max(len(token.encode()) for token in nulls)
    tokens = ", ".join(literal(token) for token in nulls)
    return (
        f"CASE WHEN strlen({text}) <= {longest} AND {text} IN ({tokens}) THEN NULL ELSE {text} END"
    )
