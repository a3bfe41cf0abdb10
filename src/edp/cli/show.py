"""Printing: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import math
import shutil
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from edp.cli.tabular import lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edp.core.receipts import Receipt


def print_json(content: object) -> None:
    """One JSON document on standard output."""
    json.dump(content, sys.stdout, default=plain, ensure_ascii=False)
    sys.stdout.write("\n")


def plain(value: object) -> Any:  # noqa: ANN401 (whatever JSON can hold)
    """A value as JSON has it: decimals as text, times as ISO 8601, no NaN."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | timedelta():
            return str(value)
        case bytes() | bytearray():
            return value.hex()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """A table for people; `right` names the columns of numbers.

    On a terminal it is fitted to the width, without the columns in `spare` where it is too narrow
    for them; into a pipe or a file it goes whole.
    """
    texts = [[cell(value) for value in row] for row in rows]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    shown = lines(columns, texts, right=right, spare=spare, width=width)
    print("\n".join([*([title] if title else []), *shown]))


def cell(value: object) -> str:
    """A value as a person reads it; control characters are shown, not sent to the terminal."""
    if value is None:
        return ""
    if isinstance(value, float):
        text = repr(value)
    elif isinstance(value, list | tuple | dict):
        text = json.dumps(plain(value), ensure_ascii=False)
    else:
        text = str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_receipts(receipts: Sequence[Receipt], *, errors: bool = True) -> None:
    """A line for every file, and, with `errors`, why the dead ones died."""
    counts = ("read", "written", "duplicate", "filtered", "rejected")
    print_table(
        ("key", "version", "state", *counts, "queryable ms"),
        [
            (
                one.key,
                one.version,
                f"{one.state}, unchanged" if one.unchanged else one.state,
                *(getattr(one.counts, f"rows_{name}") if one.counts else None for name in counts),
                None if one.queryable_ms is None else round(one.queryable_ms),
            )
            for one in receipts
        ],
        right=(*counts, "queryable ms"),
        spare=("queryable ms", "version"),
    )
    for one in receipts:
        if one.error and errors:
            about = "" if one.key in one.error.message else f"{one.key}: "
            say(f"{one.error.code}: {about}{one.error.message}")


def counted(n: int, noun: str) -> str:
    """`n` of something, in words.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def say(text: str) -> None:
    """A line for people, on standard output."""
    print(cell(text) if "\n" not in text else text)


def print_records(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """The named columns of `rows` as a table."""
    numbers = [c for c in columns if rows and all(isinstance(r[c], int | None) for r in rows)]
    print_table(columns, [[row[c] for c in columns] for row in rows], right=numbers)
