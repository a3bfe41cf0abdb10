"""Commands for dead letters: dlq list, show, redrive, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, pipeline
from edp.cli.show import counted, print_json, print_table, say
from edp.core.clock import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.queue.port import DeadLetter

Ids = Annotated[list[str] | None, typer.Argument(help="Ids, as `edp dlq list` prints them.")]
Cause = Annotated[str | None, typer.Option(help="All items with this cause_id.")]
All = Annotated[bool, typer.Option("--all", help="All items.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Dead letters: what failed, why, and what to do about it.")
    group.command("list")(list_)
    for command in (show, redrive, discard):
        group.command()(command)
    app.add_typer(group, name="dlq", no_args_is_help=True)


def list_(ctx: typer.Context, json: Json = False) -> None:
    """List the dead letters, grouped by cause."""
    from edp.pipeline.remedy import remedy

    items = pipeline(ctx).stages.dead_letters.list()
    if json:
        print_json({"items": [_item(item) for item in items]})
        return
    causes: dict[str, list[DeadLetter]] = {}
    for item in items:
        causes.setdefault(item.cause_id, []).append(item)
    for cause, found in causes.items():
        advice = remedy(found[0].code, cause).advice
        say(f"cause {cause}: {found[0].code}, {counted(len(found), 'item')}; {advice}")
        print_table(
            ("id", "kind", "key", "attempts", "count", "last", "reason"),
            [(i.id, i.kind, i.key, i.attempts, i.count, iso(i.last_at), i.reason) for i in found],
            right=("attempts", "count"),
        )
    if not items:
        say("no dead letters")


def show(
    ctx: typer.Context,
    ids: Ids = None,
    cause: Cause = None,
    all_: All = False,
    json: Json = False,
) -> None:
    """Show dead letters whole, with the message that redrive would send."""
    from edp.pipeline.redrive import chosen

    items = chosen(pipeline(ctx).stages, ids=ids or (), cause=cause, everything=all_)
    if json:
        print_json({"items": [_item(item) | {"body": item.body} for item in items]})
        return
    for item in items:
        whole = _item(item) | {"body": item.body}
        print_table(("", item.id), [(name, value) for name, value in whole.items()])


def redrive(
    ctx: typer.Context,
    ids: Ids = None,
    cause: Cause = None,
    all_: All = False,
    json: Json = False,
) -> None:
    """Send dead letters to the queue again; `edp run` or a running `edp up` tries them."""
    from edp.pipeline import redrive as sentence

    stages = pipeline(ctx).stages
    items = sentence.chosen(stages, ids=ids or (), cause=cause, everything=all_)
    _done("redriven", items, sentence.redrive(stages, items), json=json)


def discard(
    ctx: typer.Context,
    ids: Ids = None,
    cause: Cause = None,
    all_: All = False,
    json: Json = False,
) -> None:
    """Give dead letters up for good."""
    from edp.pipeline import redrive as sentence
    from edp.pipeline.foreground import tell
    from edp.wiring import Workspace

    here = pipeline(ctx)
    items = sentence.chosen(here.stages, ids=ids or (), cause=cause, everything=all_)
    n = sentence.discard(here.stages, items)
    if isinstance(here, Workspace):  # on AWS the notifier hears of it
        tell(here)
    _done("discarded", items, n, json=json)


def _done(what: str, items: Sequence[DeadLetter], n: int, *, json: bool) -> None:
    """Say how many of `items` were still there to be `what`."""
    if json:
        print_json({what: [item.id for item in items]})
    else:
        say(f"{counted(n, 'dead letter')} {what}")


def _item(item: DeadLetter) -> dict[str, object]:
    return {
        "id": item.id,
        "cause_id": item.cause_id,
        "kind": item.kind,
        "reason": item.code,
        "message": item.reason,
        "key": item.key,
        "version": item.version,
        "dataset": item.dataset,
        "attempts": item.attempts,
        "count": item.count,
        "run_id": item.run_id,
        "first": iso(item.first_at),
        "last": iso(item.last_at),
    }
