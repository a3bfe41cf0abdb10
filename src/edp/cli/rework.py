"""Commands that go over files again: backfill, retract, rejects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.progress import progress
from edp.cli.settle import report
from edp.cli.show import counted, print_json, print_records, say
from edp.cli.stopping import stopping
from edp.core.clock import from_iso
from edp.core.errors import ConfigError
from edp.core.identity import new_run_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.wiring import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (backfill, retract, rejects):
        app.command()(command)


def backfill(
    ctx: typer.Context,
    prefix: Annotated[str, typer.Option(help="Keys that start with this; '' for all.")],
    since: Annotated[
        str | None, typer.Option(help="Only objects modified since this time (ISO 8601).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which files.")] = False,
    json: Json = False,
) -> None:
    """Read existing files of the source again, and replace exactly their rows."""
    from edp.pipeline.reprocess import chosen

    here = workspace(ctx)
    found = chosen(here.stages, prefix=prefix, since=_time(since))
    if dry_run:
        if json:
            print_json({"files": list(found.again), "left": found.left})
            return
        for key in found.again:
            say(key)
        for key, why in found.left.items():
            say(f"not {key}: {why}")
        say(f"{counted(len(found.again), 'file')} would be read again")
        return
    _again(here, found.again, json=json)


def retract(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="An object's key, as `edp files` prints it.")],
    json: Json = False,
) -> None:
    """Take one file's rows out of its table; it stays out until it is put again."""
    from edp.pipeline.foreground import do
    from edp.pipeline.retract import retract as steps

    here = workspace(ctx)
    do(here, steps(here.stages, key, run_id=new_run_id(), memory=here.memory))
    if json:
        print_json({"files": [here.stages.receipts.heads([key])[key].to_json()]})
    else:
        say(f"{key} is out of its table; the file itself is still in the source")


def rejects(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A dataset's name.")],
    by: Annotated[
        str | None, typer.Option(help="`reason`: count them by column and reason.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Read every file that has rejects again.")
    ] = False,
    json: Json = False,
) -> None:
    """Show rejected rows with file, line, column, value and reason."""
    from edp.pipeline.ask import rejects_of
    from edp.pipeline.reprocess import rejected

    if by not in (None, "reason"):
        raise ConfigError(f"--by {by}: rejects are counted by reason")
    here = workspace(ctx)
    if replay:
        _again(here, rejected(here.stages, dataset), json=json)
        return
    found = rejects_of(here, dataset, by_reason=by is not None)
    if json:
        print_json({"rejects": found})
    elif not found and (gone := rejected(here.stages, dataset)):
        again = f"`edp rejects {dataset} --replay` reads them again"
        say(f"the rejects of {counted(len(gone), 'file')} are past retention.rejects; {again}")
    elif not found:
        say(f"no row of {dataset} was rejected")
    elif by == "reason":
        print_records(found, ("rows", "files", "column_name", "reason"))
    else:
        print_records(found, ("source_file", "line", "column_name", "value", "reason", "raw"))


def _again(here: Workspace, chosen: Sequence[str], *, json: bool) -> None:
    from edp.pipeline.foreground import Patience
    from edp.pipeline.reprocess import again

    keys = list(chosen)
    if not keys:
        if json:
            print_json({"files": []})
        else:
            say("there is no such file to read again")
        return
    with progress(len(keys)) as shown, stopping() as stop:
        receipts = again(here, keys, patience=Patience(stop=stop), shown=shown)
        stopped = stop()
    report(receipts, stopped=stopped, json=json)


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return from_iso(text)
    except ValueError as error:
        example = datetime(2026, 1, 31, tzinfo=UTC).isoformat()
        raise ConfigError(f"--since {text!r} is no time; write one as in {example}") from error
