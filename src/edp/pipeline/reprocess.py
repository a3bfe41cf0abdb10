"""Reprocess: files that were read before are read again, and their rows replaced.

Used by a backfill and by the replay of rejects. Rows that are in a table stay there until the new
ones take their place, in one commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core import bus
from edp.core.names import is_ignored
from edp.pipeline.dead import clear, object_id
from edp.pipeline.foreground import FOREVER, settle
from edp.pipeline.intake import destination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edp.core.receipts import Receipt
    from edp.pipeline.foreground import Patience, Place
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Backfill:
    """Keys of a backfill: those to be read again, and those left alone, with the reason."""

    again: tuple[str, ...]
    left: dict[str, str]


def chosen(stages: Stages, *, prefix: str, since: float | None = None) -> Backfill:
    """The source's objects below `prefix`, modified at or after `since` (seconds), if given.

    A retracted file stays out, a file under way is read anyway, and a key that no dataset wants
    has nowhere to go.
    """
    found = [
        entry.key
        for entry in stages.source.list()
        if entry.key.startswith(prefix)
        and not is_ignored(entry.key)
        and (since is None or entry.modified >= since)
    ]
    heads = stages.receipts.heads(found)
    left: dict[str, str] = {}
    for key in found:
        _, failure = destination(stages, key)
        if failure:
            left[key] = failure.message
        elif key not in heads:
            left[key] = "new: a reconcile takes it"
        elif heads[key].state in ("queued", "running"):
            left[key] = "under way already"
        elif heads[key].state == "discarded":
            left[key] = "discarded: put it again to have it back"
    return Backfill(tuple(sorted(key for key in found if key not in left)), left)


def rejected(stages: Stages, dataset: str) -> Sequence[str]:
    """The keys of a dataset's committed files that have rejects."""
    return sorted(
        receipt.key
        for receipt in stages.receipts.receipts()
        if receipt.dataset == dataset
        and receipt.state == "committed"
        and receipt.counts
        and receipt.counts.rows_rejected
    )


def reprocess(stages: Stages, keys: Iterable[str]) -> int:
    """Queue the newest version of each key again, whatever became of it; how many were."""
    bucket = stages.source.bucket
    n = 0
    with stages.atomically():
        for key in keys:
            dataset, _ = destination(stages, key)
            version = stages.ledger.requeue(bucket, key, dataset=dataset)
            if version is not None:
                clear(stages, object_id(bucket, key, version))
                n += 1
        stages.events.put(bus.REQUEUED, {"files": n})
    stages.ring()
    return n


def again(
    place: Place,
    keys: Sequence[str],
    *,
    patience: Patience = FOREVER,
    shown: Callable[[int], object] = lambda _settled: None,
) -> Sequence[Receipt]:
    """Read the newest version of each key again, and wait; a receipt for each."""
    stages = place.stages
    settle(place, keys, first=lambda: reprocess(stages, keys), patience=patience, shown=shown)
    heads = stages.receipts.heads(keys)
    return [heads[key] for key in keys]
