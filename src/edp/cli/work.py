"""Commands that do the work: up and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.settle import until_idle
from edp.cli.stopping import stopping
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.wiring import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(run)


def up(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Port of the console (not yet available).")
    ] = None,
) -> None:
    """Run the local runtime until stopped: watch the source, load what lands, once each."""
    if port is not None:
        raise ConfigError("--port: the console is not available in this version")
    _serve(workspace(ctx), watch=True)


def run(
    ctx: typer.Context,
    until_idle_: Annotated[
        bool, typer.Option("--until-idle", help="Stop once nothing is left to do.")
    ] = False,
    json: Json = False,
) -> None:
    """Work off the queue in the foreground."""
    here = workspace(ctx)
    if until_idle_:
        until_idle(here, json=json)
    else:
        _serve(here, watch=False)


def _serve(here: Workspace, *, watch: bool) -> None:
    from edp.cli.log import Narrator
    from edp.pipeline.service import serve

    with stopping(here.stages.ring) as stop:
        serve(
            here,
            watch=watch,
            log=Narrator(here.stages.events, here.stages.outbox),
            stop=stop,
            hurry=stop.hurry,
        )
