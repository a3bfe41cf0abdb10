"""Nesting: JSON texts become arrays and structs, each part of them as exactly as a column's value.

SQL's JSON rounds numbers, so that the texts are taken apart here: every part keeps its digits, is
read by the grammar of its type, as a column is, and is put together again as DuckDB casts it. Each
text is read once, however often it stands in the files.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from edp.core.nested import Array, Struct, parsed, step
from edp.core.sql import literal, parse_sql, physical
from edp.core.types import is_nested
from edp.etl.engine.cast import reason_name, reason_sql, value_name
from edp.etl.engine.jsontext import BadText, elements_at, object_at, string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from edp.core.nested import Type
    from edp.etl.engine.columns import Cell

CODES: Final = ("not an array", "not a struct", "unknown field")
"""How the reasons given here start, beside those of `cast` and `jsontext`."""
_WITHHELD: Final = "where is withheld, because the column is masked"
_BATCH: Final = 10_000
"""Texts that are taken apart at a time."""


class _Members(list[tuple[str, Any]]):
    """A JSON object's members, in order, however often each name comes."""


class _Document(str):
    """A part that stays JSON, as it is written."""

    __slots__ = ()


class _Misfit(ValueError):
    """Why a text is no value of its column: `<code>: <sentence>`."""


@dataclass(frozen=True)
class _Read:
    """What the parts of a batch mean, by type and text: the value as DuckDB writes it, or why none.

    A part without a value has a reason.
    """

    values: Mapping[str, Mapping[str, str | None]]
    reasons: Mapping[str, Mapping[str, str]]


def nested(cells: Iterable[Cell]) -> list[Cell]:
    """The columns that are declared as arrays or structs."""
    return [cell for cell in cells if is_nested(cell.type or "")]


def add_values(
    con: DuckDBPyConnection, table: str, cells: Sequence[Cell], folder: Path, *, surplus: bool
) -> None:
    """Give the table of texts a value and a reason for each nested column.

    `surplus` says that members which a struct does not declare are left out; else they are why a
    text has no value.
    """
    for cell in nested(cells):
        path = folder / f"{table}-{cell.text}.jsonl"
        longest = 0
        with path.open("wb") as out:
            for row in _rows(con, table, cell, surplus=surplus):
                longest = max(longest, out.write(json.dumps(row).encode() + b"\n"))
        _join(con, table, cell, path, longest)
        path.unlink()


def _join(con: DuckDBPyConnection, table: str, cell: Cell, path: Path, longest: int) -> None:
    # a buffer holds two objects of the size that is said, and 32 MiB at least
    kind = physical(cell.type or "")
    columns = "{text: 'VARCHAR', value: 'VARCHAR', reason: 'VARCHAR'}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE read_texts AS SELECT text, "
        f"CAST(CAST(value AS JSON) AS {kind}) AS value, reason "
        f"FROM read_json({literal(str(path))}, format = 'newline_delimited', columns = {columns}, "
        f"maximum_object_size = {longest})"
    )
    con.execute(
        f"CREATE TABLE {table}_with AS SELECT t.*, r.value AS {value_name(cell.text)}, "
        f"r.reason AS {reason_name(cell.text)} FROM {table} t "
        f"LEFT JOIN read_texts r ON t.{cell.text} = r.text ORDER BY t.rowid"
    )
    con.execute(f"DROP TABLE {table}")
    con.execute(f"ALTER TABLE {table}_with RENAME TO {table}")
    con.execute("DROP TABLE read_texts")


def _rows(
    con: DuckDBPyConnection, table: str, cell: Cell, *, surplus: bool
) -> Iterator[dict[str, str | None]]:
    kind = parsed(cell.type or "")
    texts = _distinct(con, table, cell.text)
    while batch := list(islice(texts, _BATCH)):
        opened = {text: _opened(text, kind, cell.name) for text in batch}
        parts: dict[str, set[str]] = defaultdict(set)
        for value in opened.values():
            if not isinstance(value, _Misfit):
                _gather(value, kind, parts)
        read = _looked_up(con, parts)
        for text, value in opened.items():
            row = {"text": text, **_outcome(value, kind, read, cell.name, surplus=surplus)}
            if cell.mask and row["reason"]:
                row["reason"] = f"{row['reason'].partition(':')[0]}: {_WITHHELD}"
            yield row


def _distinct(con: DuckDBPyConnection, table: str, column: str) -> Iterator[str]:
    """The different texts, by a cursor of their own: others use the connection meanwhile."""
    with con.cursor() as apart:
        apart.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
        while rows := apart.fetchmany(_BATCH):
            yield from (text for (text,) in rows)


def _opened(text: str, kind: Type, path: str) -> Any:  # noqa: ANN401 (any JSON value; or a misfit)
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        if _has_json(kind):
            value = _with_documents(value, text.encode(), kind, path)
    except json.JSONDecodeError as error:
        return _Misfit(f"not JSON: {error.msg}")
    except UnicodeEncodeError:
        return _Misfit(r"bad character: half of a surrogate pair, as \ud800, is no text")
    except RecursionError:
        return _Misfit("too deep: too many arrays or objects in each other")
    except _Misfit as error:
        return error
    return value


def _refuse(constant: str) -> None:
    raise _Misfit(f"not JSON: {constant} is no JSON value; write null")


_DECODER: Final = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_refuse, object_pairs_hook=_Members
)
"""Numbers stay the texts that they are written as."""


def _has_json(kind: Type) -> bool:
    match kind:
        case Array():
            return _has_json(kind.element)
        case Struct():
            return any(_has_json(part) for _, part in kind.fields)
        case _:
            return kind == "json"


def _with_documents(value: Any, raw: bytes, kind: Type, path: str) -> Any:  # noqa: ANN401
    """The `value` that `raw` stands for, with the parts that stay JSON as they are written.

    Raises: _Misfit where the parts cannot be told apart.
    """
    try:
        if value is not None and kind == "json":
            return _Document(raw.decode())
        if isinstance(kind, Array) and _is_array(value):
            parts, _ = elements_at(raw, 0)
            return [
                _with_documents(one, part, kind.element, f"{path}[{n}]")
                for n, (one, part) in enumerate(zip(value, parts, strict=True))
            ]
        if isinstance(kind, Struct) and isinstance(value, _Members):
            members = {string(name): part for name, part in object_at(raw, 0)[0].items()}
            fields = dict(kind.fields)
            return _Members(
                (name, _with_documents(one, members[name], fields[name], path + step(name)))
                if name in fields
                else (name, one)
                for name, one in value
            )
    except BadText as error:
        code, _, sentence = str(error).partition(": ")
        raise _Misfit(f"{code}: {_at(path)}{sentence}") from None
    return value


def _gather(value: Any, kind: Type, parts: Mapping[str, set[str]]) -> None:  # noqa: ANN401
    """Note the parts of `value` that have to be read as a type without parts."""
    if isinstance(kind, Array):
        for element in value if _is_array(value) else ():
            _gather(element, kind.element, parts)
    elif isinstance(kind, Struct):
        fields = dict(kind.fields)
        for name, member in value if isinstance(value, _Members) else ():
            if name in fields:
                _gather(member, fields[name], parts)
    elif (
        isinstance(kind, str)
        and kind not in ("string", "json")
        and (text := _text(value)) is not None
    ):
        parts[kind].add(text)


def _is_array(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, _Members)


def _text(value: Any) -> str | None:  # noqa: ANN401 (any JSON value)
    """The text that a value without parts stands for: a number or a boolean as it is written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else None


def _looked_up(con: DuckDBPyConnection, parts: Mapping[str, Iterable[str]]) -> _Read:
    values: dict[str, dict[str, str | None]] = {}
    reasons: dict[str, dict[str, str]] = {}
    for kind, texts in parts.items():
        query = (
            f"SELECT t, CAST(v AS VARCHAR), CASE WHEN v IS NULL "
            f"THEN {reason_sql('t', kind, part=True)} END "
            f"FROM (SELECT t, {parse_sql('t', kind)} AS v FROM (SELECT unnest($1::VARCHAR[]) AS t))"
        )
        found = con.execute(query, [list(texts)]).fetchall()
        values[kind] = {text: value for text, value, _ in found}
        reasons[kind] = {text: reason for text, _, reason in found if reason is not None}
    return _Read(values, reasons)


def _outcome(
    value: Any,  # noqa: ANN401 (any JSON value, or a misfit)
    kind: Type,
    read: _Read,
    path: str,
    *,
    surplus: bool,
) -> dict[str, str | None]:
    try:
        if isinstance(value, _Misfit):
            raise value
        made = _made(value, kind, read, path, surplus=surplus)
    except _Misfit as error:
        return {"value": None, "reason": str(error)}
    return {"value": json.dumps(made, ensure_ascii=False), "reason": None}


def _made(value: Any, kind: Type, read: _Read, path: str, *, surplus: bool) -> Any:  # noqa: ANN401
    """The value as DuckDB casts it to `kind`: every part is a text, every field is there.

    Raises: _Misfit that says where.
    """
    if value is None:
        return None
    if isinstance(kind, Array):
        if not _is_array(value):
            raise _Misfit(f"not an array: {_at(path)}write [...]")
        return [
            _made(one, kind.element, read, f"{path}[{n}]", surplus=surplus)
            for n, one in enumerate(value)
        ]
    if isinstance(kind, Struct):
        return _struct(value, kind, read, path, surplus=surplus)
    assert isinstance(kind, str), "no column is a map"
    if kind == "json":
        return str(value)
    text = _text(value)
    if kind == "string" and text is not None:
        return text
    if text is None:
        raise _Misfit(f"not a {kind}: {_at(path)}write one value, and neither [...] nor {{...}}")
    found = read.values[kind][text]
    if found is None:
        code, _, sentence = read.reasons[kind][text].partition(": ")
        raise _Misfit(f"{code}: {_at(path)}{sentence}")
    return found


def _struct(value: Any, kind: Struct, read: _Read, path: str, *, surplus: bool) -> Any:  # noqa: ANN401
    if not isinstance(value, _Members):
        raise _Misfit(f"not a struct: {_at(path)}write {{...}}")
    fields = dict(kind.fields)
    members: dict[str, Any] = {}
    for name, member in value:
        if name in members:
            raise _Misfit(
                f"repeated name: {_at(path)}the object has {name!r} twice; which one counts?"
            )
        members[name] = member
        if name not in fields and not surplus:
            raise _Misfit(
                f"unknown field: {_at(path + step(name))}the struct does not declare it; declare "
                "it, use json, or set `unknown_columns: ignore`"
            )
    return {
        name: _made(members.get(name), field, read, path + step(name), surplus=surplus)
        for name, field in kind.fields
    }


def _at(path: str) -> str:
    return f"at {path}, "
