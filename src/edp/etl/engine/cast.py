"""Casting: a text is a value of its column's type exactly, or it is a reject with a reason.

A date whose year comes last has two readings; a declared column takes none of them, because to
choose by row would be to guess. Digits that a decimal would have to drop are a reject, too.
"""

from __future__ import annotations

from typing import Final

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

_SHAPES: Final = {
    "boolean": "write true or false, t or f, yes or no, y or n, 1 or 0",
    "int": "write digits only, no sign +, no zeros in front",
    "bigint": "write digits only, no sign +, no zeros in front",
    "double": "write e.g. 1.5 or 1e3",
    "date": "write a real day as YYYY-MM-DD",
    "timestamp": "write a real time as YYYY-MM-DD HH:MM:SS, with no offset",
    "timestamptz": "write a real time with its offset, as YYYY-MM-DD HH:MM:SS+HH:MM or with Z",
}
_RANGES: Final = {
    "int": "an int lies between -2147483648 and 2147483647",
    "bigint": "a bigint lies between -9223372036854775808 and 9223372036854775807",
    "double": "a double holds whole numbers up to 9007199254740992 and others up to 1.8e308",
}
_YEAR_LAST: Final = {"date": DATE_YEAR_LAST, "timestamp": TIMESTAMP_YEAR_LAST}


def misfit_sql(text: str, wanted: str) -> str:
    """Whether `text` (SQL) has no value of the type `wanted`; false for NULL."""
    if wanted == "string":
        return "false"
    return f"({text} IS NOT NULL AND {parse_sql(text, wanted)} IS NULL)"


def reason_sql(text: str, wanted: str) -> str:
    """Why `text` (SQL), a misfit, has no value of the type `wanted`: `<code>: <sentence>`."""
    if size := decimal(wanted):
        precision, scale = size
        shape = f"not a {wanted}: write e.g. 12.5, with no exponent"
        digits = f"{precision - scale} digits before and {scale} after the point"
        number = matches(text, r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
        return _either(number, f"out of range: a {wanted} holds {digits}", shape)
    shape = f"not a {wanted}: {_SHAPES[wanted]}"
    if wanted in _YEAR_LAST:
        two = (
            f"ambiguous {wanted}: day and month can be read in either order; "
            "write the year first, as only the column's `formats` could tell"
        )
        return _either(matches(text, _YEAR_LAST[wanted]), two, shape)
    if wanted in _RANGES:
        pattern = DOUBLE_DECLARED if wanted == "double" else BIGINT
        return _either(matches(text, pattern), f"out of range: {_RANGES[wanted]}", shape)
    return literal(shape)


def _either(test: str, first: str, second: str) -> str:
    return f"CASE WHEN {test} THEN {literal(first)} ELSE {literal(second)} END"
