"""The command that copies a workspace."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backup)


def backup(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.")],
    without_source: Annotated[
        bool, typer.Option(help="Of the source only what is not loaded yet.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy the workspace, while it is at work, into a folder that is a workspace itself."""
    from edp.wiring.backup import back_up

    here = workspace(ctx)
    made = back_up(here, folder, source=not without_source)
    if json:
        print_json(asdict(made))
    else:
        say(
            f"{made.folder}: {counted(made.commits, 'commit')}, "
            f"{counted(made.files, 'data file')}, {counted(made.objects, 'source file')}, "
            f"{made.bytes / 1e6:.1f} MB"
        )
        if made.linked:
            say(
                f"{counted(made.linked, 'data file')} shared with this workspace (hard links): "
                "copy the folder to another disk to outlive this one"
            )
        if (here.path / ".env").exists():
            say("not in it: .env, as it holds secrets; put it beside edp.yaml when you restore")
        for path in made.left_out:
            say(f"left out (unreadable, being written, or not in this workspace): {path}")
        for path in made.damaged:
            say(f"missing or damaged in this workspace: {path}; a backfill makes it anew")
    if made.damaged:
        raise typer.Exit(1)
