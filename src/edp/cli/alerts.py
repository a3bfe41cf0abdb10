"""Commands for what people are told: alerts list, test, flush."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, pipeline, workspace
from edp.cli.show import counted, print_json, print_table, say
from edp.core.clock import iso

if TYPE_CHECKING:
    from edp.notify.port import Told

_MOST = 100


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Alerts: what people are told, and whether it arrived.")
    for name, command in (("list", list_), ("test", try_), ("flush", flush)):
        group.command(name)(command)
    app.add_typer(group, name="alerts", no_args_is_help=True)


def list_(
    ctx: typer.Context,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only those that a receiver refused.")
    ] = False,
    last: Annotated[int, typer.Option(min=1, help="Only the newest so many.")] = _MOST,
    json: Json = False,
) -> None:
    """Print the newest alerts, and what became of each: the newest last."""
    outbox = pipeline(ctx).stages.outbox
    found = [
        one
        for one in outbox.list(limit=last)
        if not undelivered or "dead" in one.deliveries.values()
    ]
    if json:
        print_json({"alerts": [_json(one) for one in found]})
        return
    if not found:
        say("no alerts")
        return
    print_table(
        ("at", "action", "severity", "summary", "sent", "about"),
        [
            (
                iso(one.alert.at),
                one.alert.action,
                one.alert.severity,
                one.alert.summary,
                ", ".join(f"{sink}: {state}" for sink, state in one.deliveries.items()),
                one.alert.subject or one.alert.dedup_key,
            )
            for one in found
        ],
        spare=("about", "severity"),
    )
    for one in found:
        for sink, answer in one.answers.items():
            if one.deliveries[sink] in ("dead", "waiting"):
                say(f"{sink}, {one.alert.summary}: {answer}")


def try_(ctx: typer.Context, json: Json = False) -> None:
    """Send a test to PagerDuty and Slack, and resolve it."""
    from edp.pipeline.trial import trial

    here = workspace(ctx)
    trials = trial(here.sinks(), here.site)
    if json:
        answers = [
            {"sink": one.sink, "passed": one.passed, "answers": [vars(a) for a in one.answers]}
            for one in trials
        ]
        print_json({"trials": answers})
    else:
        for one in trials:
            last = one.answers[-1]
            said = "has the test, and that it is over" if one.passed else f"failed: {last.said}"
            say(f"{one.sink}: {said}")
    if not all(one.passed for one in trials):
        raise typer.Exit(1)


def flush(
    ctx: typer.Context,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to try for.")] = 30.0,
    json: Json = False,
) -> None:
    """Deliver what is due now, and what failed before."""
    from edp.pipeline.deliver import flush as sentence

    here = workspace(ctx)
    outbox, sinks = here.stages.outbox, here.config.alerts.sinks
    for sink in sinks:
        outbox.hasten(sink)
    sentence(here, timeout)
    left = {sink: outbox.owed(sink) for sink in sinks}
    if json:
        print_json({"waiting": left})
    else:
        for sink, n in left.items():
            say(f"{sink}: {counted(n, 'message')} left")
        if not left:
            say("there is nobody to tell: edp.yaml has no alerts.pagerduty and no alerts.slack")
    if any(left.values()):
        raise typer.Exit(1)


def _json(one: Told) -> dict[str, object]:
    said = one.alert.to_json() | {"at": iso(one.alert.at), "class": one.alert.class_}
    del said["class_"]
    sent = {"id": one.id, "deliveries": dict(one.deliveries), "answers": dict(one.answers)}
    return said | sent | {"attempts": one.attempts}
