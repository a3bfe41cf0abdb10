"""The flow as it happens: each stage with its numbers, read from the stage itself."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from edp.cli.show import counted, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.live import Live
    from rich.table import Table

    from edp.wiring import Workspace

ARRIVAL: Final = ("source", "topic", "queue")
WORK: Final = ("ledger", "etl", "target", "catalog", "query")
_EVERY_S: Final = 0.1
_COUNT: Final = "SELECT count(*) FROM orders"


class Flow:
    """The stages of a workspace, to be shown while it is fed and worked.

    On a terminal they stand in one place and change; elsewhere `tell` says them, a line each.
    `published` is how many events the topic was given.
    """

    def __init__(self, here: Workspace) -> None:
        self._here = here
        self._live: Live | None = None
        self._drawn_at = 0.0
        self._rows = ("", "")
        self.published = 0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the stages while the body runs, and leave them as they are at its end."""
        if not sys.stdout.isatty():
            yield
            return
        from rich.live import Live

        with Live(refresh_per_second=1 / _EVERY_S) as self._live:
            yield
            self._draw()
        self._live = None

    def look(self) -> None:
        """Draw the stages anew, on a terminal and if the last time was a moment ago."""
        if self._live is not None and time.monotonic() - self._drawn_at > _EVERY_S:
            self._draw()

    def tell(self, stages: Sequence[str]) -> None:
        """Say where these stages are, except on a terminal, where all are shown."""
        if self._live is None:
            numbers = self.numbers()
            for name in stages:
                say(f"   {name:<8} {numbers[name]}")

    def _draw(self) -> None:
        assert self._live is not None
        self._live.update(_table(self.numbers()))
        self._drawn_at = time.monotonic()

    def numbers(self) -> Mapping[str, str]:
        """What each stage has to say now."""
        stages = self._here.stages
        runs = stages.receipts.runs()
        at_work = sum(1 for run in runs if run["state"] == "running")
        working = f"; {at_work} at work" if at_work else ""
        return {
            "source": f"{counted(sum(1 for _ in stages.source.list()), 'object')} in lake/source/",
            "topic": f"{counted(self.published, 'event')}, each to 1 queue",
            "queue": f"{counted(stages.queue.depth(), 'message')} waiting",
            "ledger": self._versions(),
            "etl": f"{counted(len(runs) - at_work, 'run')} done{working}",
            "target": f"{counted(sum(1 for _ in stages.target.list()), 'Parquet file')}",
            **self._tables(),
        }

    def _versions(self) -> str:
        counts: Counter[str] = Counter()
        for states in self._here.stages.receipts.states().values():
            counts.update(states)
        told = ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
        return f"{counted(counts.total(), 'version')}{f': {told}' if told else ''}"

    def _tables(self) -> Mapping[str, str]:
        from edp.pipeline.ask import answer

        tables = self._here.stages.catalog.tables()
        listed = [f"{t.name} {t.rows} rows in {counted(t.files, 'file')}" for t in tables]
        catalog = "; ".join(listed) or "no table yet"
        if catalog != self._rows[0] and any(t.name == "orders" for t in tables):
            ((rows,),) = answer(self._here, _COUNT).rows
            self._rows = (catalog, f"{_COUNT}: {rows}")
        return {"catalog": catalog, "query": self._rows[1] or "nothing to ask yet"}


def _table(numbers: Mapping[str, str]) -> Table:
    from rich.table import Table

    shown = Table.grid(padding=(0, 1))
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for name, text in numbers.items():
        shown.add_row(f"   {name}", text)
    return shown
