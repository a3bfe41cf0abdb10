"""Printing what became of the files that a command waited for; the exit status says it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edp.cli.show import counted, print_json, print_receipts, print_table, say
from edp.cli.stopping import STOPPED, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.core.receipts import Receipt
    from edp.wiring import Workspace


def report(receipts: Sequence[Receipt], *, stopped: bool, json: bool) -> None:
    """Print the receipts; the exit status says whether all are committed."""
    if json:
        print_json({"files": [receipt.to_json() for receipt in receipts]})
    else:
        print_receipts(receipts)
    if stopped:
        raise typer.Exit(STOPPED)
    if any(receipt.state != "committed" for receipt in receipts):
        raise typer.Exit(1)


def until_idle(
    here: Workspace,
    *,
    json: bool,
    timeout: float | None = None,
    first: Callable[[], object] = lambda: None,
) -> None:
    """Do `first`, then work until nothing is left, and say what came of it."""
    from edp.pipeline import foreground

    with stopping() as stop:
        rest = foreground.until_idle(here, first=first, patience=foreground.Patience(timeout, stop))
        stopped = stop()
    states = here.stages.receipts.states()
    if json:
        letters = len(here.stages.dead_letters.list())
        print_json({"datasets": states, "dead_letters": letters, "finished": rest.finished})
    else:
        names = sorted({state for counts in states.values() for state in counts})
        print_table(
            ("dataset", *names),
            [
                (name or "(none)", *(counts.get(s, 0) for s in names))
                for name, counts in states.items()
            ],
            right=names,
        )
        if rest.dead_letters:
            say(f"{counted(len(rest.dead_letters), 'dead letter')}; `edp dlq list` shows why")
    if stopped:
        raise typer.Exit(STOPPED)
    if rest.dead_letters or not rest.finished:
        raise typer.Exit(1)
