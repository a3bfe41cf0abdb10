"""The command that proves the promise by breaking things: torture."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json
from edp.cli.progress import progress
from edp.cli.show import counted, print_json, say

if TYPE_CHECKING:
    from edp.cli.torture import Session

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(torture)


def torture(
    files: Annotated[int, typer.Option(min=1, help="How many files, each of 1 to 3 versions.")] = (
        200
    ),
    minutes: Annotated[float, typer.Option(min=0.05, help="How long processes are killed.")] = 3.0,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    seed: Annotated[
        int | None, typer.Option(help="Which files, order of events and kills; else by chance.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where to make the workspace.")] = Path(
        "edp-torture"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the workspace there.")] = False,
    json: Json = False,
) -> None:
    """Kill a pipeline again and again, and prove that nothing is lost or doubled."""
    from edp.cli.torture import torture as endure
    from edp.cli.torture.session import clear

    chosen = secrets.randbelow(10**6) if seed is None else seed
    with progress(round(minutes * 60), "killing, seconds") as passed:
        done = endure(
            folder,
            files=files,
            minutes=minutes,
            workers=workers,
            seed=chosen,
            shown=lambda passed_s: passed(round(passed_s)),
        )
    if json:
        told = asdict(done) | {"fired": done.fired, "folder": str(folder)}
        print_json(told)
    else:
        _tell(done, files, folder)
    if done.wrong:
        raise typer.Exit(1)
    if not keep:
        clear(folder)


def _tell(done: Session, files: int, folder: Path) -> None:
    verdict = done.verdict
    ends = ", ".join(f"{n} {state}" for state, n in verdict.ends.items())
    places = ", ".join(f"{n} at {where}" for where, n in sorted(done.kills.items()))
    say(f"seed      {done.seed}")
    say(f"put       {counted(files, 'file')}, {counted(done.puts, 'version')}")
    say(f"kills     {done.fired} fired: {places}")
    say(f"commits   {done.commits} between the kills")
    say(f"parsers   {verdict.parsers_killed} killed")
    say(f"accepted  {verdict.accepted} = {ends}")
    say(f"rows      {verdict.rows}, {verdict.lost} lost, {verdict.doubled} doubled")
    say(f"table     {verdict.table}")
    say(f"oracle    {verdict.oracle}")
    for one in done.wrong[:_SHOWN]:
        say(f"wrong: {one}")
    if len(done.wrong) > _SHOWN:
        say(f"wrong: {len(done.wrong) - _SHOWN} things more; --json prints all")
    if done.wrong:
        say(f"the workspace is left in {folder}; again: edp torture --seed {done.seed}")
