"""Folders: `name=value` in a file's key is a column of it, unless the file has one of that name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from edp.core.names import column_names, normalise

if TYPE_CHECKING:
    from edp.etl.engine.header import Source

_NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"


def with_folders(source: Source) -> Source:
    """The file with the columns that its key has; an empty file has none."""
    header = source.header
    taken = set(column_names(header.names))
    found = {}
    for name, value in folders(source.key):
        if header.names and normalise(name) not in taken:
            taken.add(normalise(name))
            found[name] = value
    if not found:
        return source
    header = replace(header, names=(*header.names, *found), folders=len(found))
    return replace(source, header=header, values=tuple(found.values()))


def folders(key: str) -> list[tuple[str, str]]:
    """Name and value of each such folder; Hive's name for no value is an empty text.

    >>> folders("orders/day=2025-01-02/at%20home=a%2Fb/x=y.csv")
    [('day', '2025-01-02'), ('at home', 'a/b')]
    """
    pairs = (folder.partition("=") for folder in key.split("/")[:-1])
    return [
        (_decoded(name), "" if value == _NOTHING else _decoded(value))
        for name, is_pair, value in pairs
        if is_pair and normalise(_decoded(name))
    ]


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
