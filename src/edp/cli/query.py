"""The command that asks: query."""

from __future__ import annotations

import csv
import enum
import io
import json as jsons
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import pipeline
from edp.cli.show import plain, print_table
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.query.port import Answer


_NUMBER: Final = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\)")


class Format(enum.StrEnum):
    """How an answer is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    parquet = "parquet"


_FORMULA: Final = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a formula starts with, in either width."""
_PLAIN: Final = re.compile(r"[+-]?\d+([.,]\d+)?")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(query)


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT; `-` reads it from standard input.")],
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.table,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    exact: Annotated[
        bool, typer.Option(help="Leave texts in CSV that a spreadsheet takes for a formula alone.")
    ] = False,
) -> None:
    """Ask the tables, and edp.files, .runs, .rejects, .events, .alarms and .schema_changes."""
    from edp.pipeline.ask import answer, export

    here = pipeline(ctx)
    text = sys.stdin.read() if sql == "-" else sql
    if format_ is Format.parquet and not as_json:
        if out is None:
            raise ConfigError("--format parquet needs --out FILE")
        export(here, text, out)
        return
    found = answer(here, text)
    if as_json or format_ is Format.json:
        _write(_json(found), out)
    elif format_ is Format.csv:
        _write(_csv(found, exact=exact), out)
    elif out is not None:
        raise ConfigError("--out goes with --format json, csv or parquet")
    else:
        right = [
            name
            for name, kind in zip(found.columns, found.types, strict=True)
            if _NUMBER.fullmatch(kind)
        ]
        print_table(found.columns, found.rows, right=right)


def _json(answer: Answer) -> str:
    rows = [plain(row) for row in answer.records()]
    return jsons.dumps(rows, ensure_ascii=False) + "\n"


def _csv(answer: Answer, *, exact: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    cell = _csv_cell if exact else _harmless
    writer.writerow([cell(name) for name in answer.columns])
    writer.writerows([cell(value) for value in row] for row in answer.rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    """A value as CSV has it, with a quote before a text that a spreadsheet would work out.

    Source: OWASP, "CSV Injection".

    >>> [_harmless(one) for one in ("=1+1", "@x", "-5", "- 5", -5, "a=b")]
    ["'=1+1", "'@x", '-5', "'- 5", -5, 'a=b']
    """
    formula = isinstance(value, str) and _FORMULA.match(value) and not _PLAIN.fullmatch(value)
    return f"'{value}" if formula else _csv_cell(value)


def _csv_cell(value: object) -> object:
    """A value as CSV has it: what has parts is JSON."""
    found = plain(value)
    return jsons.dumps(found, ensure_ascii=False) if isinstance(found, list | dict) else found


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error}") from error
