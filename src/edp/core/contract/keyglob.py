"""Globs on object keys.

`*` is any text within one segment of the key, `?` one character, `[a-z]` and `[!a-z]` one of a
set, and `**`, alone between slashes, any number of segments. Upper and lower case differ. A match
takes time polynomial in the key's length, with a small power: every `*` and `**` but the last
settles for its first match (atomic groups), as a later one can make up for it.
"""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from edp.core.contract.invalid import invalid

_ANY_SEGMENTS = "(?:[^/]*/)*"


@lru_cache(maxsize=1024)
def compiled(glob: str) -> re.Pattern[str]:
    """The pattern whose `fullmatch` says whether a key matches `glob`.

    >>> bool(compiled("orders/**").fullmatch("orders/2025/a.csv"))
    True
    >>> bool(compiled("orders/**").fullmatch("orders"))
    False
    >>> bool(compiled("*/*.csv").fullmatch("a/b/c.csv"))
    False
    """
    _check(glob)
    runs: list[list[str]] = [[]]  # of segments, parted by `**`
    for segment in glob.split("/"):
        if segment != "**":
            runs[-1].append(_segment(segment))
        elif len(runs) == 1 or runs[-1]:
            runs.append([])
    first, *others = ("/".join(run) for run in runs)
    if not others:
        return re.compile(first)
    *middle, last = others
    head = f"{first}/" if first else ""
    body = "".join(f"(?>{_ANY_SEGMENTS}?{run}/)" for run in middle)
    tail = f"{_ANY_SEGMENTS}{last}" if last else "(?s:.+)"
    return re.compile(head + body + tail)


def _check(glob: str) -> None:
    if not glob:
        raise invalid("empty", "write a glob on keys, e.g. orders/**")
    if glob.startswith("/"):
        raise invalid("no key starts with '/'", "write it without, e.g. orders/**")
    if glob.endswith("/"):
        raise invalid(
            "a key that ends in '/' is only a folder", "add what is below it, e.g. orders/**"
        )
    for segment in glob.split("/"):
        if segment in ("", ".", ".."):
            raise invalid(
                "no key has an empty, '.' or '..' segment", "write it without, e.g. orders/**"
            )
        if "**" in segment and segment != "**":
            raise invalid("'**' must stand alone between slashes", "write e.g. orders/**/*.csv")


def _segment(glob: str) -> str:
    """The expression for one segment.

    >>> _segment("a*b*c"), _segment("[!0-9]?")
    ('a(?>[^/]*?b)[^/]*c', '(?!/)[^0-9][^/]')
    """
    parts, position = [""], 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "*":
            parts.append("")
        elif char == "?":
            parts[-1] += "[^/]"
        elif char == "[":
            one_of, position = _set(glob, position)
            parts[-1] += one_of
        else:
            parts[-1] += re.escape(char)
    first, *others = parts
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{part})" for part in middle if part) + f"[^/]*{last}"


def _set(glob: str, start: int) -> tuple[str, int]:
    """The expression for a set whose `[` is just before `start`, and where the glob goes on."""
    negated = glob[start : start + 1] in ("!", "^")
    start += negated
    end = glob.find("]", start + 1)  # a `]` that comes first is one of the set
    if end == -1:
        raise invalid("'[' without its ']'", "close it, or write [[] for the character itself")
    members, out = glob[start:end], ""
    while members:
        if len(members) > 2 and members[1] == "-":  # noqa: PLR2004 (from, dash, to)
            if members[0] > members[2]:
                raise invalid("a range in '[...]' runs backwards", "write it as [a-z]")
            out += f"{re.escape(members[0])}-{re.escape(members[2])}"
            members = members[3:]
        else:
            out += re.escape(members[0])
            members = members[1:]
    return f"(?!/)[{'^' if negated else ''}{out}]", end + 1


def _checked(glob: str) -> str:
    compiled(glob)
    return glob


Glob = Annotated[str, AfterValidator(_checked)]
"""A glob on keys."""
