"""Commands that make what is deployed: build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edp.cli.context import Json
from edp.cli.show import print_json, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(build)


def build(
    out: Annotated[Path, typer.Option(help="Folder for what is built.")] = Path("build"),
    json: Json = False,
) -> None:
    """Package the Glue job: a wheel of this EDP, the script, and the versions it needs."""
    from edp.infra import glue

    made = glue.build(out / "glue")
    paths = {"wheel": made.wheel, "script": made.script, "requirements": made.requirements}
    if json:
        print_json({"glue": {name: str(path) for name, path in paths.items()}})
        return
    for name, path in paths.items():
        say(f"{name:<12} {path}  {path.stat().st_size:,} bytes")
