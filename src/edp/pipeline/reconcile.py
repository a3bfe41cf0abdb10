"""Reconcile: what no event told of is found by listing, and what a dead process held is freed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from edp.core.errors import Failure
from edp.core.names import is_ignored
from edp.pipeline.intake import accept_found, found_by_hash, found_by_tag
from edp.pipeline.run import give_up
from edp.source.settling import Settling, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from edp.pipeline.stages import Stages
    from edp.source.port import Listed, Stored

_BATCH: Final = 100
_BATCH_S: Final = 0.2
_NAP_S: Final = 0.25


@dataclass(frozen=True)
class Reconciled:
    """What a reconcile found: objects in the source, and versions nobody had heard of."""

    objects: int
    accepted: int


class Lookout:
    """Accepts the files that others write into the source, once they stand still.

    Where `stop` says so, it leaves the rest to a later look.
    """

    def __init__(self, stages: Stages, *, stop: Callable[[], bool] = lambda: False) -> None:
        self._stages = stages
        self._stop = stop
        self._settling = Settling(stages.config.runtimes.local.settle.total_seconds())

    @property
    def next_s(self) -> float | None:
        """Seconds until a file may have settled; None where none is waited for."""
        at = self._settling.next_at
        return None if at is None else max(0.0, at - time.monotonic())

    def list(self) -> tuple[int, int]:
        """Look at everything; how many objects there are, and how many versions are new."""
        entries = [e for e in self._stages.source.list() if not is_ignored(e.key)]
        stats = {key: seen.stat for key, seen in self._stages.ledger.seen().items()}
        return len(entries), self._look(unseen(entries, stats))

    def look(self, keys: Iterable[str] = ()) -> int:
        """Look at `keys` and at what may have settled; how many versions are new."""
        waited = self._settling.due(time.monotonic())
        wanted = {key for key in (*keys, *waited) if not is_ignored(key)}
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
        """Accept those of `entries` that have settled, many in one commit."""
        new = 0
        for some in _batches(self._settled(entries)):
            with self._stages.atomically():
                for stored in some:
                    accepted = accept_found(self._stages, found_by_hash(self._stages, stored))
                    new += accepted is not None and accepted.outcome in ("new", "dead", "adopted")
        return new

    def _settled(self, entries: Sequence[Listed]) -> Iterator[Stored]:
        for entry in entries:
            if self._stop():
                return
            if not self._settling.look(entry, now=time.monotonic()):
                continue
            stored = self._stages.source.read(entry.key)
            if stored is None:
                continue  # gone, or not to be read
            if stored.stat == entry.stat:
                yield stored
            else:  # it was written to meanwhile, and has to stand still anew
                self._settling.look(replace(entry, stat=stored.stat), now=time.monotonic())


def _batches(found: Iterator[Stored]) -> Iterator[list[Stored]]:
    """What is found, in lists of a length and a time to look that both stay small."""
    some: list[Stored] = []
    until = time.monotonic() + _BATCH_S
    for one in found:
        some.append(one)
        if len(some) == _BATCH or time.monotonic() > until:
            yield some
            some, until = [], time.monotonic() + _BATCH_S
    if some:
        yield some


def reconcile(stages: Stages, *, stop: Callable[[], bool] = lambda: False) -> Reconciled:
    """List the source and accept every version that is not in the ledger, once it stands still.

    Waits for files that are being written, as long as they stand still in the end, or until `stop`.
    """
    lookout = Lookout(stages, stop=stop)
    objects, accepted = lookout.list()
    # only waiting uses it up: reading many files may take longer than all of it
    patience_s = 10 * stages.config.runtimes.local.settle.total_seconds()
    while (wait_s := lookout.next_s) is not None and patience_s > 0 and not stop():
        nap_s = min(wait_s, _NAP_S)
        time.sleep(nap_s)
        patience_s -= nap_s
        accepted += lookout.look()
    return Reconciled(objects, accepted)


def missed(
    stages: Stages, *, since: float = 0.0, left_s: Callable[[], float] = lambda: 1.0
) -> tuple[int, int] | None:
    """Accept what a listing that tells versions or tags shows, and no event told of.

    Of the objects that were written at `since` (seconds) or later. Returns how many these are, and
    how many of them are new; None where `left_s` seconds ran out before the listing's end.
    """
    objects = new = 0
    for some in _hundreds(stages.source.list(), since):
        if left_s() <= 0:
            return None
        objects += len(some)
        stats = {k: seen.stat for k, seen in stages.ledger.seen([one.key for one in some]).items()}
        for entry in unseen(some, stats):
            accepted = accept_found(stages, found_by_tag(stages, entry))
            new += accepted is not None and accepted.outcome in ("new", "dead", "adopted")
    return objects, new


def _hundreds(listed: Iterable[Listed], since: float) -> Iterator[list[Listed]]:
    young = (one for one in listed if one.modified >= since and not is_ignored(one.key))
    while some := list(islice(young, _BATCH)):
        yield some


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
