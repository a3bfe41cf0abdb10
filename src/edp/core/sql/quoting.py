"""Quoting: names and values as SQL text."""

from __future__ import annotations


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier.

    >>> print(identifier('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | bool | None) -> str:  # noqa: FBT001 (a value, not a switch)
    """`value` as a SQL literal.

    >>> literal("it's"), literal(5), literal(None), literal(True)
    ("'it''s'", '5', 'NULL', 'true')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
