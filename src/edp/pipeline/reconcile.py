"""Reconcile: what no event told of is found by listing, and what a dead process held is freed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core import clock
from edp.core.errors import Failure
from edp.core.names import is_ignored
from edp.pipeline.intake import accept_listed
from edp.pipeline.run import give_up
from edp.source.settling import Settling, unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.pipeline.stages import Stages
    from edp.source.port import Listed


@dataclass(frozen=True)
class Reconciled:
    """What a reconcile found: objects in the source, and versions nobody had heard of."""

    objects: int
    accepted: int


class Lookout:
    """Accepts the files that others write into the source, once they stand still."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._settling = Settling(stages.config.runtimes.local.settle.total_seconds())

    @property
    def waiting(self) -> bool:
        """Whether a file has not settled yet."""
        return bool(self._settling.waiting)

    def list(self) -> tuple[int, int]:
        """Look at everything; how many objects there are, and how many versions are new."""
        entries = [e for e in self._stages.source.list() if not is_ignored(e.key)]
        stats = {key: seen.stat for key, seen in self._stages.ledger.seen().items()}
        return len(entries), self._look(unseen(entries, stats))

    def look(self, keys: Sequence[str] = ()) -> int:
        """Look at `keys` and at what has not settled yet; how many versions are new."""
        wanted = {key for key in (*keys, *self._settling.waiting) if not is_ignored(key)}
        if not wanted:
            return 0
        entries = []
        for key in wanted:
            entry = self._stages.source.look(key)
            if entry is None:
                self._settling.forget(key)
            else:
                entries.append(entry)
        stats = {key: seen.stat for key, seen in self._stages.ledger.seen(sorted(wanted)).items()}
        for entry in entries:
            if stats.get(entry.key) == entry.stat:
                self._settling.forget(entry.key)
        return self._look(unseen(entries, stats))

    def _look(self, entries: Sequence[Listed]) -> int:
        new = 0
        for entry in entries:
            if not self._settling.look(entry, now=clock.now()):
                continue
            stored = self._stages.source.read(entry.key)
            if stored is None or stored.stat != entry.stat:
                continue  # it moved again; the next look starts anew
            accepted = accept_listed(self._stages, stored)
            new += accepted is not None and accepted.outcome in ("new", "dead", "adopted")
        return new


def reconcile(stages: Stages) -> Reconciled:
    """List the source and accept every version that is not in the ledger, once it stands still.

    Waits for files that are being written, as long as they stand still in the end.
    """
    lookout = Lookout(stages)
    objects, accepted = lookout.list()
    patience = time.monotonic() + 10 * stages.config.runtimes.local.settle.total_seconds()
    while lookout.waiting and time.monotonic() < patience:
        time.sleep(0.05)
        accepted += lookout.look()
    return Reconciled(objects, accepted)


def recover(stages: Stages, *, orphaned: bool) -> int:
    """Free what runs hold whose lease ran out, or all runs when their process is gone.

    A file that was alone in its run is charged an attempt, as it may be what killed it.
    """
    lapsed = stages.runs.lapsed(orphaned=orphaned)
    for claim in lapsed:
        failure = Failure(
            "worker lost",
            f"run {claim.run_id} was cut off: its process ended before the commit",
        )
        give_up(stages, claim, failure, state="lost")
    return len(lapsed)
