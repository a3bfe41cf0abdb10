"""Casting: a text is a value of its column's type exactly, or it is a reject with a reason.

A date whose year comes last has two readings; a declared column takes none of them but by its
`formats`, because to choose by row would be to guess. Digits that a decimal would have to drop
are a reject, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core import formats
from edp.core.sql import (
    BIGINT,
    DATE_YEAR_LAST,
    DOUBLE_DECLARED,
    TIMESTAMP_YEAR_LAST,
    decimal,
    literal,
    matches,
    parse_sql,
)
from edp.core.types import is_nested, parted

if TYPE_CHECKING:
    from edp.core.contract import Column

_SHAPES: Final = {
    "boolean": "write true or false, t or f, yes or no, y or n, 1 or 0",
    "int": "write digits only, no sign +, no zeros in front",
    "bigint": "write digits only, no sign +, no zeros in front",
    "double": "write e.g. 1.5 or 1e3",
    "date": "write a real day as YYYY-MM-DD",
    "timestamp": "write a real time as YYYY-MM-DD HH:MM:SS, with no offset",
    "json": "write strict JSON, with text in double quotes, and null for NaN",
    "timestamptz": "write a real time with its offset, as YYYY-MM-DD HH:MM:SS+HH:MM or with Z",
}
_RANGES: Final = {
    "int": "an int lies between -2147483648 and 2147483647",
    "bigint": "a bigint lies between -9223372036854775808 and 9223372036854775807",
    "double": "a double holds whole numbers up to 9007199254740992 and others up to 1.8e308",
}
_READINGS: Final = {"mdy": "month first as MM/DD/YYYY", "dmy": "day first as DD/MM/YYYY"}
_FIXED: Final = " (the table's type, as its first files made it)"
_YEAR_LAST: Final = {"date": DATE_YEAR_LAST, "timestamp": TIMESTAMP_YEAR_LAST}


def value_name(text: str) -> str:
    """The column of a table of texts that has the nested values of its column `text`."""
    return f"n_{text}"


def reason_name(text: str) -> str:
    """The column that says why a text of its column `text` has no nested value."""
    return f"w_{text}"


def cast_sql(text: str, wanted: str | None, rules: Column) -> str:
    """The value of `text` (SQL) in a column of the type `wanted` with these rules; NULL if none.

    A column without a type keeps its text. Nested values stand in a column of their own. What is
    written year first needs no format, and is tried before the formats unless one of them reads
    such a text otherwise.
    """
    if rules.case is not None:
        text = f"{rules.case}({text})"
    if wanted is None or wanted == "string":
        return text
    if is_nested(wanted):
        return value_name(text)
    plain = parse_sql(text, wanted)
    if not rules.formats:
        return plain
    told = [formats.value_sql(text, fmt, wanted) for fmt in rules.formats]
    if all(formats.apart_from_iso(fmt) for fmt in rules.formats):
        return f"coalesce({plain}, {', '.join(told)})"
    return f"coalesce({', '.join(told)}, {plain})"


def misfit_reason_sql(text: str, wanted: str, rules: Column) -> str:
    """Why `text` (SQL) has no value by `cast_sql`: `<code>: <sentence>`."""
    if is_nested(wanted):
        return reason_name(text)
    if not rules.formats:
        return reason_sql(text, wanted)
    ways = " or ".join(rules.formats)
    return literal(f"not a {wanted}: write it as {ways}, or year first")


def fixed_reason_sql(text: str, fixed: str) -> str:
    """Why `text` (SQL) is no value of the type that the table has: `<code>: <sentence>`."""
    return f"{reason_sql(text, fixed)} || {literal(_FIXED)}"


def reason_sql(text: str, wanted: str, *, part: bool = False) -> str:
    """Why `text` (SQL), a misfit, has no value of the type `wanted`: `<code>: <sentence>`.

    A `part` of a nested value cannot have formats of its own.
    """
    wanted, reading = parted(wanted)
    if size := decimal(wanted):
        precision, scale = size
        shape = f"not a {wanted}: write e.g. 12.5, with no exponent"
        digits = f"{precision - scale} digits before and {scale} after the point"
        number = matches(text, r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
        return _either(number, f"out of range: a {wanted} holds {digits}", shape)
    shape = f"not a {wanted}: {_SHAPES[wanted]}"
    if reading:
        return literal(f"{shape}, or with the {_READINGS[reading]}")
    if wanted in _YEAR_LAST:
        told = "" if part else ", as only the column's `formats` could tell"
        two = (
            f"ambiguous {wanted}: day and month can be read in either order; "
            f"write the year first{told}"
        )
        return _either(matches(text, _YEAR_LAST[wanted]), two, shape)
    if wanted in _RANGES:
        pattern = DOUBLE_DECLARED if wanted == "double" else BIGINT
        return _either(matches(text, pattern), f"out of range: {_RANGES[wanted]}", shape)
    return literal(shape)


def _either(test: str, first: str, second: str) -> str:
    return f"CASE WHEN {test} THEN {literal(first)} ELSE {literal(second)} END"
