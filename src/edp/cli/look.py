"""Commands that tell: status, files, runs, explain, tables, table."""

from __future__ import annotations

import enum
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, pipeline
from edp.cli.show import counted, print_json, print_receipts, print_records, print_table, say
from edp.core.clock import iso
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.catalog.port import Table
    from edp.wiring import Workspace
    from edp.wiring.deployed import Deployed


class FileState(enum.StrEnum):
    """What a file's state can be, as an option."""

    queued = "queued"
    running = "running"
    committed = "committed"
    superseded = "superseded"
    dead = "dead"
    discarded = "discarded"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, files, runs, explain, tables, table):
        app.command()(command)


def status(ctx: typer.Context, json: Json = False) -> None:
    """Count what there is, by dataset and state."""
    here = pipeline(ctx)
    states = here.stages.receipts.states()
    waiting = here.stages.queue.depth()
    dead = len(here.stages.dead_letters.list())
    counters = here.stages.receipts.counters()
    undelivered = here.stages.outbox.undelivered()
    worker = here.holder()
    if json:
        print_json(
            {
                "datasets": states,
                "queue": waiting,
                "dead_letters": dead,
                "alerts_undelivered": undelivered,
                "events_without_work": counters,
                "worker": asdict(worker) | {"since": iso(worker.since)} if worker else None,
            }
        )
        return
    names = tuple(FileState)
    if states:
        rows = [(name or "(none)", *(n.get(s, 0) for s in names)) for name, n in states.items()]
        print_table(("dataset", *names), rows, right=names)
    else:
        say("no files yet; `edp ingest FILE --dataset NAME` loads one")
    say(f"messages in the queue: {waiting}; dead letters: {dead}")
    if undelivered:
        many = counted(undelivered, "alert")
        say(f"{many} could not be delivered: `edp alerts list --undelivered` shows why")
    for name, n in counters.items():
        say(f"events that needed no work: {n} of {name}")
    if worker:
        say(f"paused: {worker.paused}" if worker.paused else f"worked by {worker}")
    elif waiting or here.stages.receipts.pending():
        say("nobody works: `edp run --until-idle` works this off, and `edp up` all that comes")


def files(
    ctx: typer.Context,
    state: Annotated[FileState | None, typer.Option(help="Only files in this state.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only files of this dataset.")] = None,
    json: Json = False,
) -> None:
    """Print a receipt for every object version."""
    here = pipeline(ctx)
    found = [
        receipt
        for receipt in here.stages.receipts.receipts()
        if state in (None, receipt.state) and dataset in (None, receipt.dataset)
    ]
    if json:
        print_json({"files": [receipt.to_json() for receipt in found]})
    elif not found:
        say("no such file; `edp status` counts what there is")
    else:
        print_receipts(found)


def runs(ctx: typer.Context, json: Json = False) -> None:
    """Print a row for every run."""
    found = pipeline(ctx).stages.receipts.runs()
    if json:
        print_json({"runs": found})
    else:
        shown = ("id", "dataset", "state", "files", "rows_read", "rows_written", "error_message")
        print_records(found, shown)


def explain(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="An object's key, as `edp files` prints it.")],
    json: Json = False,
) -> None:
    """Tell one file's whole history."""
    here = pipeline(ctx)
    history = here.stages.receipts.history(key)
    if not history:
        raise ConfigError(f"no file with the key {key!r}; `edp files` lists them")
    receipts = here.stages.receipts.receipts(keys=[key])
    if json:
        print_json({"key": key, "files": [r.to_json() for r in receipts], "history": history})
        return
    print_records(history, ("at", "version", "before", "state", "run_id", "note"))
    print_receipts(receipts)


def tables(ctx: typer.Context, json: Json = False) -> None:
    """List the catalog's tables."""
    found = pipeline(ctx).stages.catalog.tables()
    if json:
        print_json({"tables": [_table_json(one) for one in found]})
    else:
        rows = [(t.name, t.rows, t.files, len(t.columns), t.version) for t in found]
        columns = ("table", "rows", "files", "columns", "version")
        print_table(columns, rows, right=columns[1:])


def table(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A table's name.")],
    json: Json = False,
) -> None:
    """Show one table: columns, partitions, versions."""
    here = pipeline(ctx)
    found = _named(here, name)
    versions = here.stages.catalog.versions(name)
    if json:
        print_json(_table_json(found) | {"versions": versions})
        return
    print_table(
        ("column", "type", "comment"),
        [(c.name, c.type, c.comment) for c in found.columns],
        title=f"{found.database}.{found.name}: {counted(found.rows, 'row')} in "
        f"{counted(found.files, 'file')}",
    )
    if found.partitions:
        say(f"partitions: {', '.join(found.partitions)}")
    shown = ("version", "at", "operation", "files_added", "files_removed", "rows", "run_id")
    print_records(versions, shown)


def _named(here: Workspace | Deployed, name: str) -> Table:
    found = here.stages.catalog.tables()
    for one in found:
        if one.name == name:
            return one
    there = ", ".join(one.name for one in found) or "none yet"
    raise ConfigError(f"no table {name!r}; there are: {there}")


def _table_json(table: Table) -> dict[str, object]:
    return {
        "name": table.name,
        "database": table.database,
        "rows": table.rows,
        "files": table.files,
        "version": table.version,
        "columns": [{"name": c.name, "type": c.type, "comment": c.comment} for c in table.columns],
        "partitions": list(table.partitions),
    }
