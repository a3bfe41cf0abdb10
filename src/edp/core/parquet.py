"""Parquet's column types, as DuckDB names them: what each is here, and what it casts to exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edp.core.nested import from_duck, spelled, with_leaves

_DATES: Final = frozenset({"date:mdy", "date:dmy", "timestamp:mdy", "timestamp:dmy", "string"})
_TIMESTAMPS: Final = _DATES - {"date:mdy", "date:dmy"}
_WHOLE: Final = frozenset({"bigint", "double", "string"})
_STORED: Final = {
    "BOOLEAN": ("boolean", frozenset({"boolean", "string"})),
    "TINYINT": ("int", _WHOLE),
    "SMALLINT": ("int", _WHOLE),
    "INTEGER": ("int", _WHOLE),
    "UTINYINT": ("int", _WHOLE),
    "USMALLINT": ("int", _WHOLE),
    "UINTEGER": ("bigint", _WHOLE),
    "BIGINT": ("bigint", frozenset({"bigint", "string"})),
    "FLOAT": ("double", frozenset({"double", "string"})),
    "DOUBLE": ("double", frozenset({"double", "string"})),
    "VARCHAR": ("string", frozenset({"string"})),
    "DATE": ("date", _DATES),
    "TIMESTAMP": ("timestamp", _TIMESTAMPS),
    "TIMESTAMP_S": ("timestamp", _TIMESTAMPS),
    "TIMESTAMP_MS": ("timestamp", _TIMESTAMPS),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz", frozenset({"timestamptz", "string"})),
}
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Stored:
    """A column's type, and every type that all its values can be cast to without loss."""

    type: str
    admits: frozenset[str]


def stored(kind: str) -> Stored | None:
    """What a column of DuckDB's type `kind` is; None for a type with no counterpart here.

    >>> stored("DECIMAL(10,2)").type, stored("INTEGER[]").type, stored("BLOB")
    ('decimal(10,2)', 'array<int>', None)
    """
    if match := _DECIMAL.fullmatch(kind):
        own = f"decimal({match[1]},{match[2]})"
        return Stored(own, frozenset({own, "string"}))
    if kind in _STORED:
        return Stored(*_STORED[kind])
    parts = with_leaves(from_duck(kind), _part) if is_nested(kind) else None
    if parts is None:
        return None
    own = spelled(parts)
    return Stored(own, frozenset({own, "json", "string"}))


def _part(kind: str) -> str | None:
    found = None if is_nested(kind) else stored(kind)  # a leaf with parts is a union or a variant
    return None if found is None else found.type


def is_nested(kind: str) -> bool:
    """Whether values of DuckDB's type `kind` have parts.

    >>> is_nested("STRUCT(a INTEGER)"), is_nested("INTEGER[]"), is_nested("DECIMAL(4,1)")
    (True, True, False)
    """
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(", "UNION(")) or kind == "VARIANT"
