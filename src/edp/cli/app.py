"""The `edp` command: what holds for every command, and where each of them is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edp.cli import (
    alerts,
    backup,
    bus,
    check,
    cloud,
    cost,
    dlq,
    feed,
    infer,
    look,
    plan,
    project,
    query,
    rework,
    upkeep,
    work,
)
from edp.cli.context import Runtime, State
from edp.core.errors import ConfigError, EdpError
from edp.core.faults import arm

app = typer.Typer(
    name="edp",
    help="Files that land in a bucket become clean, deduplicated tables, once each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _group in (
    project,
    infer,
    plan,
    feed,
    work,
    look,
    query,
    bus,
    dlq,
    alerts,
    rework,
    upkeep,
    backup,
    check,
    cloud,
    cost,
):
    _group.register(app)


@app.callback()
def _options(
    ctx: typer.Context,
    workspace: Annotated[
        Path,
        typer.Option(envvar="EDP_WORKSPACE", help="Folder of edp.yaml and of the lake."),
    ] = Path(),
    on: Annotated[Runtime, typer.Option(envvar="EDP_ON", help="Where to run.")] = Runtime.local,
) -> None:
    ctx.obj = State(workspace, on, dict(os.environ))


def main() -> None:
    """Run the command line, and exit with its status; errors go to standard error."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes 20 ms
    arm(os.environ.get("EDP_FAULTS", ""))
    try:
        app()
    except EdpError as error:
        print(f"edp: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
