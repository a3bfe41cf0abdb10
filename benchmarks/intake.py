"""Intake: how many events a second are durable in the queue, and accepted by the ledger.

Singly, in tens and in hundreds: so many events share a transaction, which is one wait for the disk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.machine import fdatasync_s
from edp.core import events
from edp.core.events import ObjectCreated
from edp.pipeline import intake
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.pipeline.stages import Stages

TOGETHER: Final = (1, 10, 100)
_FOR_S: Final = 2.0


@dataclass(frozen=True)
class Rate:
    """Events a second, so many `together` in one transaction, and the disk's writes beside them."""

    together: int
    sent: float
    accepted: float
    fdatasyncs: float


def run(folder: Path, *, together: int) -> Rate:
    """Send events to a new workspace for a while, then accept them all."""
    place = folder / f"workspace-{together}"
    place.mkdir(parents=True)
    stages = open_workspace(place, environ={}).stages
    disk = 1 / median(fdatasync_s(place / "disk"))
    sent, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < _FOR_S:
        with stages.atomically():
            for _ in range(together):
                stages.topic.publish(_event(stages, sent))
                sent += 1
    accepted, began = 0, time.perf_counter()
    while done := intake.take(stages, limit=together):
        accepted += done
    assert accepted == sent
    return Rate(together, sent / took, accepted / (time.perf_counter() - began), disk)


def _event(stages: Stages, n: int) -> str:
    record = ObjectCreated(
        bucket=stages.source.bucket,
        key=f"orders/{n}.csv",
        size=1000,
        etag=f"{n:064x}",
        sequencer=f"{n:016X}",
        event_time=0.0,
    )
    return events.render([record])
