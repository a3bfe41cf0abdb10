"""Nested types as trees: what arrays, structs and maps are made of, and their two spellings.

EDP's is array<TYPE> and struct<NAME: TYPE, ...>, DuckDB's is TYPE[], STRUCT(NAME TYPE, ...) and
MAP(TYPE, TYPE). A leaf is the name of its type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FIELD: Final = re.compile(r'(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*)): ', re.ASCII)
_DUCK_NAME: Final = re.compile(r'"((?:[^"]|"")*)" |([^" ]+) ')
_DUCK_LEAF: Final = re.compile(r"""(?:[^,()\[\]'"]|'(?:[^']|'')*'|"(?:[^"]|"")*")+""")
_SIZE: Final = re.compile(r"\[\d*\]")


@dataclass(frozen=True)
class Array:
    """Values of one type, in order."""

    element: Type


@dataclass(frozen=True)
class Struct:
    """Values by name."""

    fields: tuple[tuple[str, Type], ...]


@dataclass(frozen=True)
class Map:
    """Values by key, each key once; only in files of others."""

    key: Type
    value: Type


Type = str | Array | Struct | Map


def spelled(kind: Type) -> str:
    """EDP's spelling of a type without maps; `parsed` reads it.

    >>> spelled(Struct((("a", "int"), ("b c", Array("json")))))
    'struct<a: int, "b c": array<json>>'
    """
    match kind:
        case Array():
            return f"array<{spelled(kind.element)}>"
        case Struct():
            fields = (f"{_quoted(name)}: {spelled(part)}" for name, part in kind.fields)
            return f"struct<{', '.join(fields)}>"
        case str():
            return kind
    raise ValueError("a map has no spelling")


@cache
def step(name: str) -> str:
    """How a place within a value goes on to its field `name`.

    >>> step("price"), step("unit price")
    ('.price', '."unit price"')
    """
    return f".{_quoted(name)}"


def is_name(text: str) -> bool:
    """Whether a field of a struct can be called so.

    >>> is_name("unit price"), is_name('"'), is_name("")
    (True, False, False)
    """
    return bool(text) and '"' not in text and text.isprintable()


def _quoted(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'


@cache
def parsed(name: str) -> Type:
    """The type that `name`, in EDP's one spelling, stands for.

    >>> parsed("array<struct<a: decimal(4,2)>>")
    Array(element=Struct(fields=(('a', 'decimal(4,2)'),)))
    """
    kind, end = _parsed(name, 0)
    if end != len(name):
        raise ValueError(f"no type: {name!r}")
    return kind


def _parsed(text: str, at: int) -> tuple[Type, int]:
    if text.startswith("array<", at):
        element, at = _parsed(text, at + len("array<"))
        return Array(element), at + 1
    if not text.startswith("struct<", at):
        end = at
        depth = 0
        while end < len(text) and (depth or text[end] not in ",>"):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        return text[at:end], end
    at += len("struct")
    fields = []
    while text[at : at + 1] in ("<", ","):
        found = _FIELD.match(text, at + (1 if text[at] == "<" else 2))
        if not found:
            raise ValueError(f"no type: {text!r}")
        part, at = _parsed(text, found.end())
        fields.append((found[1] or found[2], part))
    return Struct(tuple(fields)), at + 1


@cache
def from_duck(text: str) -> Type:
    """The type that DuckDB spells `text`; what is no list, struct or map is a leaf.

    >>> from_duck('STRUCT(a INTEGER, "b c" DECIMAL(4,1)[])[3]')
    Array(element=Struct(fields=(('a', 'INTEGER'), ('b c', Array(element='DECIMAL(4,1)')))))
    """
    kind, end = _from_duck(text, 0)
    if end != len(text):
        raise ValueError(f"no type: {text!r}")
    return kind


def _from_duck(text: str, at: int) -> tuple[Type, int]:
    kind: Type
    if text.startswith("STRUCT(", at):
        at += len("STRUCT")
        fields = []
        while text[at : at + 1] in ("(", ","):
            found = _DUCK_NAME.match(text, at + (1 if text[at] == "(" else 2))
            if not found:
                raise ValueError(f"no type: {text!r}")
            part, at = _from_duck(text, found.end())
            fields.append((found[2] or found[1].replace('""', '"'), part))
        kind, at = Struct(tuple(fields)), at + 1
    elif text.startswith("MAP(", at):
        key, at = _from_duck(text, at + len("MAP("))
        value, at = _from_duck(text, at + 2)
        kind, at = Map(key, value), at + 1
    else:
        end = _leaf_end(text, at)
        kind, at = text[at:end], end
    while size := _SIZE.match(text, at):
        kind, at = Array(kind), size.end()
    return kind, at


def _leaf_end(text: str, at: int) -> int:
    """Where a leaf ends that may have arguments, types among them: `UNION(a INTEGER[], ...)`."""
    depth = 0
    while at < len(text):
        if found := _DUCK_LEAF.match(text, at):
            at = found.end()
        elif text[at] == "(":
            depth, at = depth + 1, at + 1
        elif depth:
            depth, at = depth - (text[at] == ")"), at + 1
        else:
            break
    return at


def to_duck(kind: Type, leaf: Callable[[str], str]) -> str:
    """DuckDB's spelling of a type without maps; `leaf` has those of leaves.

    >>> to_duck(parsed("array<struct<a: int>>"), str.upper)
    'STRUCT("a" INT)[]'
    """
    match kind:
        case Array():
            return f"{to_duck(kind.element, leaf)}[]"
        case Struct():
            fields = (f'"{name}" {to_duck(part, leaf)}' for name, part in kind.fields)
            return f"STRUCT({', '.join(fields)})"
        case str():
            return leaf(kind)
    raise ValueError("no column is a map")


def with_leaves(kind: Type, leaf: Callable[[str], str | None]) -> Type | None:
    """The type with other leaves; None where one has none, or where it cannot be spelled.

    >>> with_leaves(Array("BIGINT"), {"BIGINT": "bigint"}.get)
    Array(element='bigint')
    >>> with_leaves(Struct((('"', "BIGINT"),)), str.lower)
    """
    match kind:
        case Array():
            element = with_leaves(kind.element, leaf)
            return None if element is None else Array(element)
        case Struct():
            parts = [(name, with_leaves(part, leaf)) for name, part in kind.fields]
            found = tuple(
                (name, part) for name, part in parts if part is not None and is_name(name)
            )
            return Struct(found) if len(found) == len(parts) else None
        case str():
            return leaf(kind)
    return None


def widened(one: Type, other: Type, leaf: Callable[[str, str], str]) -> Type:
    """The type in which values of both types have a place; JSON takes what no other does.

    Of two structs it has the fields of both, in the order of the alphabet unless they are equal,
    so that it does not matter which one was first. `leaf` does the same for types without parts.
    """
    match one, other:
        case Array(mine), Array(theirs):
            return Array(widened(mine, theirs, leaf))
        case Struct(), Struct():
            return _of_both(one, other, leaf)
        case str(), str():
            return one if one == other else leaf(one, other)
        case _:
            return "json"


def _of_both(one: Struct, other: Struct, leaf: Callable[[str, str], str]) -> Type:
    if one == other:
        return one
    here, there = dict(one.fields), dict(other.fields)
    every = sorted((there | here).items())
    if len({name.lower() for name, _ in every}) < len(every):
        return "json"  # SQL does not tell them apart
    return Struct(
        tuple(
            (name, widened(here.get(name, kind), there.get(name, kind), leaf))
            for name, kind in every
        )
    )
