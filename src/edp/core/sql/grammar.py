"""The grammar of values: which texts mean what as which type, and the SQL that reads them.

The grammar of design.md's "Types without a contract" stands here once.
"""

from __future__ import annotations

import re
from typing import Final

from edp.core.nested import parsed, to_duck
from edp.core.sql.quoting import literal
from edp.core.types import is_nested, parted, public

_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
# 24:00 is no hour of a day
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_DATE = rf"{_YEAR}[-/][0-9]{{1,2}}[-/][0-9]{{1,2}}"
_SLASHED = "([0-9]{1,2})/([0-9]{1,2})/"
_YEAR_LAST = rf"{_SLASHED}(?:{_YEAR}|[0-9]{{2}})"

BIGINT: Final = "0|-?[1-9][0-9]*"
DOUBLE: Final = r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DOUBLE_DECLARED: Final = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DATE: Final = _DATE
DATE_YEAR_LAST: Final = _YEAR_LAST
TIMESTAMP: Final = f"{_DATE}(?:[ T]{_CLOCK})?"
TIMESTAMP_YEAR_LAST: Final = f"{_YEAR_LAST}(?:[ T]{_CLOCK})?"
TIMESTAMPTZ: Final = f"{_DATE}[ T]{_CLOCK}(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
TRUE: Final = ("true", "t", "yes", "y", "1")
FALSE: Final = ("false", "f", "no", "n", "0")

EXACT: Final = 2**53
_JSON_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_NO_JSON: Final = r"[NIi]|na|,\s*[\]}]"
_FIRST_MOMENT: Final = -62_135_596_800_000_000  # microseconds: the start of year 1 in UTC
_LAST_MOMENT: Final = 253_402_300_799_999_999  # the end of year 9999
_PHYSICAL: Final = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "json": "VARCHAR",  # text, unchanged
}
_DECIMAL = re.compile(r"decimal\(([0-9]+),\s*([0-9]+)\)")


def decimal(name: str) -> tuple[int, int] | None:
    """Precision and scale of a decimal type, None for any other.

    >>> decimal("decimal(10,2)"), decimal("double")
    ((10, 2), None)
    """
    match = _DECIMAL.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def physical(name: str) -> str:
    """The DuckDB type that stores `name`.

    Raises: ValueError for a type that no column can have.

    >>> physical("date:mdy"), physical("decimal(10,2)"), physical("array<date>")
    ('DATE', 'DECIMAL(10,2)', 'DATE[]')
    """
    if is_nested(name):
        return to_duck(parsed(name), physical)
    if size := decimal(name):
        return f"DECIMAL({size[0]},{size[1]})"
    try:
        return _PHYSICAL[public(name)]
    except KeyError:
        raise ValueError(f"no column can have the type {name!r}") from None


def matches(text: str, pattern: str) -> str:
    """Whether the whole of `text` (SQL) matches the RE2 `pattern`; digits are ASCII only."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def one_of(text: str, words: tuple[str, ...]) -> str:
    """Whether `text` (SQL) is one of the `words`, in any case."""
    return f"lower({text}) IN ({', '.join(map(literal, words))})"


def year_first(text: str, reading: str) -> str:
    """`text` (SQL), a date with its year last, with its year first; a time stays behind it."""
    day = r"\1-\2" if reading == "mdy" else r"\2-\1"
    # a pattern for each century: 69-99 are 19yy
    forms = (("([0-9]{4})", ""), ("(69|[7-9][0-9])", "19"), ("([0-9]{2})", "20"))
    out = text
    for year, century in forms:
        pattern, whole = f"^{_SLASHED}{year}($|[ T])", rf"{century}\3-{day}\4"
        out = f"regexp_replace({out}, {literal(pattern)}, {literal(whole)})"
    return out


def parse_sql(text: str, wanted: str) -> str:
    """The value of `text` (SQL) as `wanted`, by the grammar of declared types; NULL if it has none.

    A date whose year comes last has a value only where `wanted` names the reading
    (`date:dmy`). A decimal takes no exponent, and further digits only if they are zeros. Arrays
    and structs are read by the engine alone; to anyone else no text means one.
    """
    kind, reading = parted(wanted)
    if is_nested(kind):
        return f"CAST(NULL AS {physical(kind)})"
    cast = f"TRY_CAST({text} AS {physical(kind)})"
    if kind == "string":
        return text
    if kind == "json":
        return f"CASE WHEN {_is_json(text)} THEN {text} END"
    if kind == "boolean":
        true, false = one_of(text, TRUE), one_of(text, FALSE)
        return f"CASE WHEN {true} THEN true WHEN {false} THEN false END"
    if kind in ("int", "bigint"):
        return f"CASE WHEN {matches(text, BIGINT)} THEN {cast} END"
    if kind == "double":
        fits = f"isfinite({cast}) AND {_no_inexact_integer(text)}"
        return f"CASE WHEN {matches(text, DOUBLE_DECLARED)} AND {fits} THEN {cast} END"
    if size := decimal(kind):
        return f"CASE WHEN {matches(text, decimal_grammar(size[1]))} THEN {cast} END"
    if kind == "timestamptz":
        cast = f"TRY_CAST({dashed(text)} AS TIMESTAMPTZ)"
        in_years = f"epoch_us({cast}) BETWEEN {_FIRST_MOMENT} AND {_LAST_MOMENT}"
        return f"CASE WHEN {matches(text, TIMESTAMPTZ)} AND {in_years} THEN {cast} END"
    first, last = (DATE, DATE_YEAR_LAST) if kind == "date" else (TIMESTAMP, TIMESTAMP_YEAR_LAST)
    whens = [f"WHEN {matches(text, first)} THEN TRY_CAST({dashed(text)} AS {physical(kind)})"]
    if reading:
        turned = f"TRY_CAST({year_first(text, reading)} AS {physical(kind)})"
        whens.append(f"WHEN {matches(text, last)} THEN {turned}")
    return f"CASE {' '.join(whens)} END"


def fitting_sql(text: str, wanted: str) -> str:
    """The value of `text` (SQL) that is known to fit `wanted`: `parse_sql` without its tests.

    A text that does not fit makes most of these casts an error, never another value unseen.
    """
    kind, reading = parted(wanted)
    if kind in ("string", "json"):
        return text
    if kind == "boolean":
        return parse_sql(text, kind)
    if kind in ("date", "timestamp", "timestamptz"):
        text = dashed(year_first(text, reading) if reading else text)
    return f"CAST({text} AS {physical(kind)})"


def dashed(text: str) -> str:
    """`text` (SQL), a date, with dashes for slashes."""
    return f"replace({text}, '/', '-')"


def _is_json(text: str) -> str:
    # json_valid takes [1,] and NaN, too
    bare = f"regexp_replace({text}, {literal(_JSON_STRING)}, '0', 'g')"
    return f"(json_valid({text}) AND NOT regexp_matches({bare}, {literal(_NO_JSON)}))"


def _no_inexact_integer(text: str) -> str:
    exact = f"TRY_CAST({text} AS HUGEINT) BETWEEN -{EXACT} AND {EXACT}"
    return f"(NOT {matches(text, '-?[0-9]+')} OR coalesce({exact}, false))"


def decimal_grammar(scale: int) -> str:
    """The pattern of a decimal whose digits after the `scale`-th are zeros."""
    fraction = f"[0-9]{{0,{scale}}}0*" if scale else "0*"
    some = f"\\.(?:[0-9]{{1,{scale}}}0*)" if scale else "\\.0+"
    return rf"-?(?:[0-9]+(?:\.{fraction})?|{some})"
