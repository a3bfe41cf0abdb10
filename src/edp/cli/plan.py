"""Commands about the contract before it counts: schema, plan."""

from __future__ import annotations

from dataclasses import asdict

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(schema)
    app.command()(plan)


def schema() -> None:
    """Print the JSON Schema of edp.yaml, for editors."""
    from edp.core.contract import schema as contract_schema

    print_json(contract_schema())


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
