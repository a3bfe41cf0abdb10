"""Waiting until files are settled, and printing what became of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from edp.cli.progress import progress
from edp.cli.show import print_json, print_receipts
from edp.cli.stopping import STOPPED, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.core.receipts import Receipt
    from edp.wiring import Workspace


def settle(
    here: Workspace,
    keys: Sequence[str],
    *,
    first: Callable[[], object],
    timeout: float | None = None,
) -> bool:
    """Do `first`, then wait until every one of `keys` is settled, for `timeout` seconds if given.

    By this process, or by the one that works the workspace already.
    Returns: whether it was stopped before.
    """
    stages = here.stages

    def left() -> int:
        return stages.queue.depth() + stages.receipts.pending(keys)

    with here.working() as held, progress(len(keys)) as shown, stopping() as stop:
        if held:
            from edp.pipeline.reconcile import reconcile, recover
            from edp.pipeline.work import Work, garbage, until

            recover(stages, orphaned=True)
            reconcile(stages)
            first()
            with here.etl() as etl:
                work = Work(stages, etl, memory=here.memory)
                until(
                    work,
                    lambda: left() == 0 or stop(),
                    each_turn=lambda: shown(len(keys) - stages.receipts.pending(keys)),
                    timeout_s=timeout,
                )
                work.release()
            garbage(stages)
            return stop()
        first()
        deadline = None if timeout is None else time.monotonic() + timeout
        while left() and not stop() and (deadline is None or time.monotonic() < deadline):
            shown(len(keys) - stages.receipts.pending(keys))
            time.sleep(0.05)
        return stop()


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
