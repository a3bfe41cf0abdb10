"""Commands that make what is deployed: build, synth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, State
from edp.cli.show import counted, print_json, say

if TYPE_CHECKING:
    from edp.core.contract import Config

Out = Annotated[Path, typer.Option(help="Folder for what is built.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(build)
    app.command()(synth)


def build(out: Out = Path("build"), json: Json = False) -> None:
    """Package the Glue job: a wheel of this EDP, the script, and the versions it needs."""
    from edp.infra import glue

    made = glue.build(out / "glue")
    paths = {"wheel": made.wheel, "script": made.script, "requirements": made.requirements}
    if json:
        print_json({"glue": {name: str(path) for name, path in paths.items()}})
        return
    for name, path in paths.items():
        say(f"{name:<12} {path}  {path.stat().st_size:,} bytes")


def synth(ctx: typer.Context, out: Out = Path("build/cdk"), json: Json = False) -> None:
    """Write the CloudFormation template of this workspace's pipeline, without an account."""
    from edp.infra import app, artefacts, functions

    state: State = ctx.obj
    config = _contract(state)
    made = app.synthesise(config, artefacts.stage(config, state.path, out / "artefacts"), out)
    resources = made.template["Resources"]
    missing = functions.missing()
    if json:
        print_json(
            {
                "stack": made.stack,
                "template": str(made.path),
                "resources": len(resources),
                "missing_handlers": missing,
            }
        )
        return
    say(f"{made.path}  {counted(len(resources), 'resource')}")
    if missing:
        say(f"This EDP has no {', '.join(missing)} yet: the template can be read, not deployed.")


def _contract(state: State) -> Config:
    from edp.core.contract import load

    return load(state.path / "edp.yaml", environ=state.environ)
