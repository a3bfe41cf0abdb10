"""Heading: whether a file's first record is its header, where nobody has said so.

A header is the rule. A first record is data if it holds numbers, dates or booleans like those
below it, and nothing else speaks for a header: a declared name, a word above numbers, years above
other numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edp.core.names import normalise
from edp.core.sql import (
    DOUBLE_DECLARED,
    TIMESTAMP,
    TIMESTAMP_YEAR_LAST,
    TIMESTAMPTZ,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.contract import Column, Dataset

_CLASSES: Final = {
    "number": re.compile(DOUBLE_DECLARED),
    "moment": re.compile(f"{TIMESTAMP}|{TIMESTAMP_YEAR_LAST}|{TIMESTAMPTZ}"),
    "truth": re.compile("true|false", re.IGNORECASE),
}
_YEAR: Final = re.compile("19[0-9]{2}|20[0-9]{2}")
_BY_PLACE: Final = re.compile("column_[0-9]+")


def is_header(rows: Sequence[Sequence[str]], contract: Dataset) -> bool:
    """Whether the first of a file's first `rows` names its columns."""
    first, *rest = rows
    if names_declared(first, contract.columns):
        return True
    below = [
        [row[place] for row in rest if place < len(row) and _class(row[place], contract)]
        for place in range(len(first))
    ]
    typed = False
    for cell, others in zip(first, below, strict=True):
        own = _class(cell, contract)
        classes = {_class(other, contract) for other in others}
        if own is None:
            continue
        if own == "text":
            if classes and "text" not in classes:
                return True
        elif classes - {own}:
            return True  # its column is not of its kind
        else:
            typed = True
    return not typed or _years(first, below, contract)


def names_by_place(width: int, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """The names of a file without a header: the declared ones in their order, else none.

    A contract that calls its columns `column_<n>` means places.
    """
    keys = [] if all(map(_BY_PLACE.fullmatch, columns)) else list(columns)
    return tuple(keys[:width]) + ("",) * (width - len(keys))


def names_declared(first: Sequence[str], columns: Mapping[str, Column]) -> bool:
    """Whether a declared column, or an alias of one, is among the names."""
    names = {
        normalise(name) or name.strip()
        for key, column in columns.items()
        for name in (key, *column.aliases)
    }
    return any((normalise(cell) or cell.strip()) in names for cell in first)


def _class(cell: str, contract: Dataset) -> str | None:
    text = cell.strip()
    if not text or text in contract.nulls:
        return None
    return next((name for name, shape in _CLASSES.items() if shape.fullmatch(text)), "text")


def _years(first: Sequence[str], below: Sequence[Sequence[str]], contract: Dataset) -> bool:
    """Whether all that is typed in the first record are years above numbers that are none."""
    typed = [
        (cell.strip(), others)
        for cell, others in zip(first, below, strict=True)
        if _class(cell, contract) not in (None, "text")
    ]
    years = {cell for cell, _ in typed if _YEAR.fullmatch(cell)}
    others = [other.strip() for _, column in typed for other in column]
    return len(years) == len(typed) < len(first) and not all(map(_YEAR.fullmatch, others))
