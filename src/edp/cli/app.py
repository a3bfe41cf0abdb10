"""The `edp` command: what holds for every command, and where each of them is."""

from __future__ import annotations

import os
import sys
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command_name

from edp.cli import (
    alerts,
    backup,
    bus,
    check,
    cloud,
    cost,
    dlq,
    endure,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.models import CommandInfo

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
    endure,
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


def asked(words: Sequence[str]) -> typer.Typer:
    """The app with the commands that `words` name, or all where they name none.

    Typer makes every command that it has at each start, which takes longer than most of them.
    """
    names = [name_of(command) for command in app.registered_commands]
    groups = [group.name for group in app.registered_groups]
    first = next((word for word in words if word in names or word in groups), None)
    if first is None or "--help" in words[: words.index(first)]:
        return app
    only = copy(app)
    only.registered_commands = [c for c in app.registered_commands if name_of(c) in words]
    only.registered_groups = [group for group in app.registered_groups if group.name in words]
    return only


def name_of(command: CommandInfo) -> str:
    """What the command is called on the command line."""
    return command.name or get_command_name(command.callback.__name__ if command.callback else "")


def main() -> None:
    """Run the command line, and exit with its status; errors go to standard error."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes 20 ms
    arm(os.environ.get("EDP_FAULTS", ""))
    try:
        asked(sys.argv[1:])()
    except EdpError as error:
        print(f"edp: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
