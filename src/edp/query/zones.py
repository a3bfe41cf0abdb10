"""Zones: times with an offset leave DuckDB as plain UTC times, and become Python's in UTC.

DuckDB needs a library for zones to fetch them by itself. Plain times beside them stay plain.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from edp.core.nested import Array, Map, Struct, from_duck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.nested import Type

_ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_NAME_OR_ZONED: Final = re.compile(rf'"(?:[^"]|"")*"|{_ZONED}')


def zoned(types: Sequence[str]) -> bool:
    """Whether a value of one of the types, or a part of it, has an offset."""
    return any(_ZONED in kind for kind in types)


def plain_sql(types: Sequence[str], table: str) -> str:
    """The query for `table`, of columns with these types, with its times in UTC and no offset."""
    names = [f"c{n}" for n in range(len(types))]
    picked = [
        f"CAST({name} AS {_NAME_OR_ZONED.sub(_plain_type, kind)})" if _ZONED in kind else name
        for name, kind in zip(names, types, strict=True)
    ]
    return f"SELECT {', '.join(picked)} FROM {table} AS a({', '.join(names)})"  # noqa: S608 (ours)


def _plain_type(found: re.Match[str]) -> str:
    return "TIMESTAMP" if found[0] == _ZONED else found[0]


def in_utc(row: Sequence[Any], types: Sequence[str]) -> tuple[object, ...]:
    """A row of `plain_sql` with the times that had an offset in UTC."""
    return tuple(
        _in_utc(value, from_duck(kind)) if _ZONED in kind else value
        for value, kind in zip(row, types, strict=True)
    )


def _in_utc(value: Any, kind: Type) -> object:  # noqa: ANN401 (any value of SQL's)
    match value, kind:
        case _ if not _is_zoned(kind):
            return value
        case list(), Array(element):
            return [_in_utc(one, element) for one in value]
        case dict(), Struct(fields):
            return {name: _in_utc(value[name], part) for name, part in fields}
        case dict(), Map():
            return {_in_utc(key, kind.key): _in_utc(one, kind.value) for key, one in value.items()}
        case _:
            return _everywhere(value)


@cache
def _is_zoned(kind: Type) -> bool:
    match kind:
        case Array():
            return _is_zoned(kind.element)
        case Struct():
            return any(_is_zoned(part) for _, part in kind.fields)
        case Map():
            return _is_zoned(kind.key) or _is_zoned(kind.value)
        case _:
            return _ZONED in kind


def _everywhere(value: Any) -> object:  # noqa: ANN401 (any value of SQL's)
    """A value whose parts are not told apart, such as a union's, with all of its times in UTC."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC)
        case list() | tuple():
            return [_everywhere(one) for one in value]
        case dict():
            return {name: _everywhere(one) for name, one in value.items()}
        case _:
            return value
