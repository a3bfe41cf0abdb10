"""Stored values: how a column that is stored as one type is read as another, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.nested import Array, Struct, parsed, spelled
from edp.core.sql.grammar import decimal, parse_sql, physical
from edp.core.sql.quoting import literal
from edp.core.sql.rendering import json_sql
from edp.core.types import is_nested, public

if TYPE_CHECKING:
    from edp.core.nested import Type

_NUMBERS: Final = ("int", "bigint", "double")
_BARE: Final = ("boolean", "int", "bigint", "json")
"""Types whose text is JSON as it is."""


def _text_sql(stored: str, column: str) -> str:
    kind = public(stored)
    if is_nested(kind):
        return json_sql(column, parsed(kind), _part_sql)
    if kind == "timestamptz":
        moment = f"timezone('UTC', {column})"
        return f"{_text_sql('timestamp', moment)} || 'Z'"
    if kind == "timestamp":
        seconds = f"strftime({column}, '%Y-%m-%d %H:%M:%S')"
        return (
            f"CASE WHEN microsecond({column}) % 1000000 = 0 THEN {seconds} "
            f"ELSE strftime({column}, '%Y-%m-%d %H:%M:%S.%f') END"
        )
    return f"CAST({column} AS VARCHAR)"


def _part_sql(value: str, kind: str) -> str:
    """The JSON text of a part: its text, in quotes unless JSON has such values."""
    text = _text_sql(kind, value)
    if kind in _BARE or decimal(kind):
        return text
    quoted = f"to_json({text})::VARCHAR"
    return (
        f"CASE WHEN isfinite({value}) THEN {text} ELSE {quoted} END" if kind == "double" else quoted
    )


def value_sql(stored: str, wanted: str, column_sql: str) -> str:
    """The expression that reads a column stored as `stored` as `wanted`, exactly.

    Text is read by its grammar; any value becomes text canonically (booleans `true`/`false`,
    timestamps `YYYY-MM-DD HH:MM:SS[.ffffff]`, with an offset in UTC and `Z`, arrays and structs
    JSON of such texts). A value that the wanted type cannot hold exactly reads as NULL, and so
    does a field that the stored struct lacks.

    Raises: ValueError where no value of `stored` means anything as `wanted`.

    >>> value_sql("date:mdy", "date", '"d"'), value_sql("bigint", "string", '"n"')
    ('"d"', 'CAST("n" AS VARCHAR)')
    """
    kind, want = public(stored), public(wanted)
    if kind == want:
        return column_sql
    if kind == "string":
        return parse_sql(column_sql, wanted)
    if (kind, want) == ("json", "string"):
        return column_sql
    if want == "string" or (want == "json" and is_nested(kind)):
        return _text_sql(stored, column_sql)
    if is_nested(kind) and is_nested(want):
        return _nested_sql(parsed(kind), parsed(want), column_sql)
    numbers = all(name in _NUMBERS or decimal(name) for name in (kind, want))
    if not numbers and {kind, want} != {"date", "timestamp"}:
        raise ValueError(f"a {kind} column cannot be read as {want}")
    cast = f"TRY_CAST({column_sql} AS {physical(want)})"
    return f"CASE WHEN CAST({cast} AS {physical(kind)}) = {column_sql} THEN {cast} END"


def _nested_sql(stored: Type, wanted: Type, value: str, *, depth: int = 0) -> str:
    match stored, wanted:
        case Array(have), Array(want):
            one = f"x{depth}"
            inner = _nested_sql(have, want, one, depth=depth + 1)
            return f"list_transform({value}, lambda {one}: {inner})"
        case Struct(have), Struct(want):
            there = dict(have)
            parts = ", ".join(
                f"{literal(name)}: {_field_sql(there.get(name), kind, value, name, depth)}"
                for name, kind in want
            )
            return f"CASE WHEN {value} IS NOT NULL THEN {{{parts}}} END"
        case str(), "json":
            return _part_sql(value, stored)
        case str(), str():
            return value_sql(stored, wanted, value)
        case _, "json":
            return json_sql(value, stored, _part_sql)
        case _:
            raise ValueError(f"{stored} cannot be read as {wanted}")


def _field_sql(stored: Type | None, wanted: Type, value: str, name: str, depth: int) -> str:
    if stored is None:
        return f"CAST(NULL AS {physical(spelled(wanted))})"
    return _nested_sql(stored, wanted, f"struct_extract({value}, {literal(name)})", depth=depth)
