"""Commands that look after a workspace: compact, crawl, reconcile, rebuild."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from edp.cli.context import Json, Runtime, State, workspace
from edp.cli.show import counted, print_json, print_records, say
from edp.core import clock
from edp.core.errors import ConfigError
from edp.core.identity import new_run_id


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (compact, crawl, reconcile, rebuild):
        app.command()(command)


def compact(
    ctx: typer.Context,
    table: Annotated[str | None, typer.Argument(help="Only this table.")] = None,
    json: Json = False,
) -> None:
    """Merge small Parquet files of tables into larger ones; no row changes."""
    from edp.pipeline.compact import compact_all
    from edp.pipeline.foreground import do

    here = workspace(ctx)
    tables = {one.name for one in here.stages.catalog.tables()}
    if table is not None and table not in tables:
        raise ConfigError(f"no table {table!r}; there are: {', '.join(sorted(tables)) or 'none'}")
    done = do(here, compact_all(here.stages, table, memory=here.memory))
    if json:
        print_json({"merges": [asdict(one) for one in done]})
    elif not done:
        say("there are no small files to be merged")
    else:
        print_records([asdict(one) for one in done], ("table", "partition", "files", "rows"))


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
    from edp.pipeline.reconcile import Reconciled, missed
    from edp.pipeline.reconcile import reconcile as sentence

    state: State = ctx.obj
    if state.on is Runtime.aws:
        here = state.deployed()
        listed = missed(here.stages)
        assert listed is not None, "without a limit it comes to the end"
        found = Reconciled(*listed)
        here.work_later()
    else:
        found = sentence(workspace(ctx).stages)
    if json:
        print_json(asdict(found))
    else:
        say(f"{counted(found.objects, 'object')}, {found.accepted} of them new")


def rebuild(ctx: typer.Context, json: Json = False) -> None:
    """Make the state again from the commits written down beside it, and list the source."""
    from edp.pipeline.reconcile import reconcile as sentence
    from edp.wiring.rebuild import rebuild as again

    state: State = ctx.obj
    made = again(state.path, environ=state.environ)
    found = sentence(workspace(ctx).stages)
    if json:
        aside = str(made.aside) if made.aside else None
        print_json(asdict(made) | {"aside": aside, "objects": found.objects, "new": found.accepted})
    else:
        last = f", the last of {clock.iso(made.last_at)}" if made.commits else ""
        say(f"the state is made again from {counted(made.commits, 'commit')}{last}")
        if made.left_out:
            say("one more was written down, and had not happened")
        for damage in made.damages:
            say(f"cannot be read: {damage}")
        if made.aside:
            say(f"the state before is now {made.aside}")
        say(f"not given back: {'; '.join(made.lost)}")
        say(f"{counted(found.objects, 'object')} in the source, {found.accepted} of them to load")
    if made.damages:
        raise typer.Exit(1)
