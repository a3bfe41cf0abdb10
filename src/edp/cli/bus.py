"""Commands that tell what happened, what is wrong now, and how it goes: events, alarms, metrics."""

from __future__ import annotations

import json as jsonlib
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import Json, pipeline, workspace
from edp.cli.show import plain, print_json, print_table, say
from edp.cli.stopping import stopping
from edp.core.clock import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.events.port import Told

_LOOK_S: Final = 0.5
_PAGE: Final = 1000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(events)
    app.command()(alarms)
    app.command()(metrics)


def events(
    ctx: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what happens, until stopped.")
    ] = False,
    last: Annotated[
        int | None, typer.Option(min=0, help="Only so many of those there are already.")
    ] = None,
    json: Json = False,
) -> None:
    """Print what happened: a line each, or EventBridge's JSON."""
    bus = pipeline(ctx).stages.events
    wanted = (0 if follow else bus.last_id()) if last is None else last
    recent = bus.told(max(0, bus.last_id() - wanted))
    if json and not follow:
        print_json({"events": [one.event.to_json() for one in recent]})
        return
    _print(recent, json=json)
    if not follow:
        if not recent:
            say("nothing has happened yet; `edp ingest FILE --dataset NAME` loads a file")
        return
    told = recent[-1].n if recent else bus.last_id()
    with stopping() as stop:
        while not stop():
            found = bus.told(told, limit=_PAGE)
            _print(found, json=json)
            told = found[-1].n if found else told
            if len(found) < _PAGE:
                time.sleep(_LOOK_S)


def _print(found: Sequence[Told], *, json: bool) -> None:
    for one in found:
        event = one.event
        if json:
            print(jsonlib.dumps(plain(event.to_json()), ensure_ascii=False))
            continue
        facts = " ".join(f"{name}={_word(value)}" for name, value in event.facts.items())
        say(f"{iso(event.time)}  {event.detail_type}  {facts}")
    sys.stdout.flush()


def _word(value: object) -> str:
    """A value as one word: texts with spaces in quotes, objects and lists as JSON."""
    if isinstance(value, str) and not re.search(r"[\s\"=]", value):
        return value
    return jsonlib.dumps(plain(value), ensure_ascii=False)


def alarms(
    ctx: typer.Context,
    history: Annotated[
        bool, typer.Option("--history", help="Every change of state, oldest first.")
    ] = False,
    json: Json = False,
) -> None:
    """Print in which state each alarm is, those that are on first."""
    from edp.pipeline import alarms as sentence

    here = pipeline(ctx)
    rows = sentence.history(here.stages) if history else sentence.states(here.stages)
    shown = ("at", "name", "before", "state") if history else ("state", "name", "since")
    if json:
        print_json({"history" if history else "alarms": rows})
    elif rows:
        print_table((*shown, "reason"), [[row[c] for c in (*shown, "reason")] for row in rows])
    else:
        say("no alarm was evaluated yet; `edp up` and `edp run` do it")
    if json or history:
        return
    for row in (row for row in rows if row["state"] == "ALARM"):
        advice = f"{row['help']} `{row['command']}`" if row["command"] else row["help"]
        say(f"{row['name']}: {advice}")
    if rows and not here.holder():
        say("as they were last; nobody evaluates them now, and `edp up` would")


def metrics(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Serve them at /metrics of this port, until stopped.")
    ] = None,
    address: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
) -> None:
    """Print the pipeline's numbers in Prometheus's text format, or serve them."""
    from edp.pipeline.metrics import exposition, served

    here = workspace(ctx)

    def working() -> bool:
        return here.holder() is not None

    if port is None:
        sys.stdout.write(exposition(here.stages, working=working))
        return
    done = threading.Event()
    with (
        stopping(done.set),
        served(here.stages, working=working, address=address, port=port) as chosen,
    ):
        say(f"http://{address}:{chosen}/metrics")
        sys.stdout.flush()
        done.wait()
