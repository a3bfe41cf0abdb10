"""The command that proposes a contract: infer."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json
from edp.core.errors import ConfigError
from edp.core.names import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.pipeline.propose import ColumnProposal, Proposal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(infer)


def infer(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Sample files of one dataset.")],
    dataset: Annotated[
        str | None, typer.Option(help="Its name; else made of the first file's.")
    ] = None,
    json: Json = False,
) -> None:
    """Propose a dataset's contract from samples, with the evidence as comments."""
    from edp.pipeline.foreground import do
    from edp.pipeline.propose import propose

    for file in files:
        if not file.is_file():
            raise ConfigError(f"{file}: there is no such file")
    here = workspace(ctx)
    name = dataset or re.sub(r"[_0-9]+$", "", normalise(files[0].name.partition(".")[0])) or "data"
    with TemporaryDirectory(prefix="edp-infer-") as scratch:
        steps = propose(here.query(), files, workdir=Path(scratch), memory=here.memory)
        found = do(here, steps)
    if json:
        print_json({"dataset": name} | asdict(found))
    else:
        print("\n".join(_yaml(name, found)))


def _yaml(name: str, found: Proposal) -> Iterator[str]:
    yield f"# proposed from {counted(found.files, 'file')} with {counted(found.rows, 'row')}"
    yield "datasets:"
    yield f"  {name}:"
    yield "    columns:"
    for column in found.columns:
        yield f"      {column.name}: {_settings(column)}  # {_evidence(column)}"
    for one, other in found.aliases:
        yield f"      # {one} and {other} never stand in one file: {one}: {{aliases: [{other}]}}?"
    if found.keys:
        yield f"    # different in every row of each file: {', '.join(found.keys)}"
        yield f"    # deduplicate: {{keys: [{found.keys[0]}]}}"
    for day in found.days[:1]:
        yield f'    # derive: {{{day}_day: "cast({day} as date)"}}'
        yield f"    # partition_by: [{day}_day]"


def _settings(column: ColumnProposal) -> str:
    settings = [f"type: {column.type}"]
    if column.formats:
        formats = ", ".join(f'"{one}"' for one in column.formats)
        settings.append(f"formats: [{formats}]")
    return f"{{{', '.join(settings)}}}"


def _evidence(column: ColumnProposal) -> str:
    if not column.values:
        return "no value in any file"
    empty = f"{column.empty} empty" if column.empty else "none empty"
    return f"{counted(column.values, 'value')}, {column.distinct} different, {empty}"
