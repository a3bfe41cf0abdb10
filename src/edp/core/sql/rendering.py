"""Rendering: a nested value as JSON text, whose leaves have the one text that such values have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edp.core.nested import Array, Map, Struct
from edp.core.sql.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edp.core.nested import Type


def json_sql(value: str, kind: Type, leaf: Callable[[str, str], str], *, depth: int = 0) -> str:
    """The JSON text of `value` (SQL), of a nested type of DuckDB's; NULL for NULL.

    `leaf` makes the JSON text of a value of a leaf's type, from SQL and the type's name.
    """
    one = f"x{depth}"
    match kind:
        case Array():
            inner = _or_null(json_sql(one, kind.element, leaf, depth=depth + 1))
            parts = f"list_transform({value}, lambda {one}: {inner})"
            return f"'[' || array_to_string({parts}, ',') || ']'"
        case Map():
            key = json_sql(f"{one}.key", kind.key, leaf, depth=depth + 1)
            name = f"CASE WHEN {key} LIKE '\"%' THEN {key} ELSE to_json({key})::VARCHAR END"
            inner = _or_null(json_sql(f"{one}.value", kind.value, leaf, depth=depth + 1))
            entry = f"lambda {one}: {name} || ':' || {inner}"
            entries = f"list_transform(map_entries({value}), {entry})"
            return f"'{{' || array_to_string({entries}, ',') || '}}'"
        case Struct():
            places = {name: f"struct_extract({value}, {literal(name)})" for name, _ in kind.fields}
            members = (
                (name, json_sql(places[name], part, leaf, depth=depth))
                for name, part in kind.fields
            )
            return f"CASE WHEN {value} IS NOT NULL THEN {object_sql(members)} END"
        case _:
            return leaf(value, kind)


def object_sql(members: Iterable[tuple[str, str]]) -> str:
    """A JSON object of `members`: a name, and its value's JSON text (SQL), which may be NULL."""
    parts = [
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || {_or_null(text)}"
        for name, text in members
    ]
    inside = " || ',' || ".join(parts)
    return f"('{{' || {inside} || '}}')"


def _or_null(text: str) -> str:
    return f"coalesce({text}, 'null')"
