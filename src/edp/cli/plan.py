"""Commands about the contract before it counts: schema, preview, plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json, print_table, say
from edp.core.errors import ConfigError
from edp.core.types import public


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (schema, preview, plan):
        app.command()(command)


def schema() -> None:
    """Print the JSON Schema of edp.yaml, for editors."""
    from edp.core.contract import schema as contract_schema

    print_json(contract_schema())


def preview(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file as it would be put.")],
    dataset: Annotated[str, typer.Option(help="The dataset that it would belong to.")],
    rows: Annotated[int, typer.Option(help="How many rows, and rejects, to show.")] = 10,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL, too.")] = False,
    json: Json = False,
) -> None:
    """Read one file as a run would, and show its rows and rejects; keep nothing."""
    from edp.pipeline.foreground import do
    from edp.pipeline.preview import preview as steps
    from edp.pipeline.preview import shown

    here = workspace(ctx)
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such file")
    with TemporaryDirectory(prefix="edp-preview-") as scratch:
        found = do(
            here,
            steps(here.stages, file, dataset=dataset, workdir=Path(scratch), memory=here.memory),
        )
        good = here.query().ask(shown("rows", rows), found.tables)
        bad = here.query().ask(shown("rejects", rows), found.tables)
    outcome = found.outcome
    columns = {
        c.name: public(found.tables.views["rows"].columns.get(c.name, "string"))
        for c in outcome.profile
    }
    failure = outcome.failure
    if json:
        print_json(
            {
                "counts": asdict(outcome.counts),
                "columns": columns,
                "rows": [dict(zip(good.columns, row, strict=True)) for row in good.rows],
                "rejects": [dict(zip(bad.columns, row, strict=True)) for row in bad.rows],
                "error": failure.message if failure else None,
                "sql": list(found.statements),
            }
        )
    else:
        counts = asdict(outcome.counts).items()
        say(", ".join(f"{n} {name.removeprefix('rows_')}" for name, n in counts))
        if good.rows:
            print_table([f"{c}: {columns.get(c)}" for c in good.columns], good.rows)
        if bad.rows:
            print_table(bad.columns, bad.rows)
        if failure:
            say(f"{failure.code}: {failure.message}")
        for statement in found.statements if sql else ():
            print(f"{statement};")
    if failure:
        raise typer.Exit(1)


def plan(ctx: typer.Context, json: Json = False) -> None:
    """Say what the contract as it is now would do to the tables; change nothing."""
    from edp.pipeline.foresee import foresee

    outlooks = foresee(workspace(ctx).stages)
    if json:
        print_json({"tables": [asdict(one) | {"older": one.older} for one in outlooks]})
        return
    for one in outlooks:
        if one.contract is None:
            say(f"{one.dataset}: edp.yaml has no such dataset; its table stays as it is")
            continue
        if not one.older:
            say(f"{one.dataset}: every file was read with this contract")
            continue
        say(f"{one.dataset}: {counted(one.older, 'file')} read with another contract")
        for column, (now, then) in one.types.items():
            say(f"  column {column}: {now} now, {then} once they are read again")
        say("  to read them again: edp backfill --prefix '...'")
    if not outlooks:
        say("there is no table yet")
