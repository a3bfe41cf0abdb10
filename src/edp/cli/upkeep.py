"""Commands that look after a workspace: crawl, reconcile."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json, say
from edp.core.errors import ConfigError
from edp.core.identity import new_run_id


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(crawl)
    app.command()(reconcile)


def crawl(
    ctx: typer.Context,
    table: Annotated[str | None, typer.Argument(help="Only this table.")] = None,
    json: Json = False,
) -> None:
    """Look through the target, and take Parquet that others put there into the catalog."""
    from edp.pipeline import crawl as sentence
    from edp.pipeline.foreground import do

    here = workspace(ctx)
    crawled = do(here, sentence.crawl(here.stages, table, run_id=new_run_id(), memory=here.memory))
    tables = {one.name for one in here.stages.catalog.tables()}
    if table is not None and table not in tables:
        raise ConfigError(f"no table {table!r}, and no Parquet in target/{table}/")
    if json:
        print_json(asdict(crawled))
    else:
        say(f"{counted(len(crawled.adopted), 'file')} adopted, {len(crawled.gone)} gone")
        for one in crawled.unreadable:
            say(f"{one.path}: {one.reason}")
    if crawled.unreadable:
        raise typer.Exit(1)


def reconcile(ctx: typer.Context, json: Json = False) -> None:
    """List the source, and accept every file that no event told of."""
    from edp.pipeline.reconcile import reconcile as sentence

    found = sentence(workspace(ctx).stages)
    if json:
        print_json(asdict(found))
    else:
        say(f"{counted(found.objects, 'object')}, {found.accepted} of them new")
