"""Intake: how many events a second are durable in the queue, and accepted by the ledger.

Singly, in tens and in hundreds: so many events share a transaction, which is one wait for the disk.
Several threads that send at once share their transactions, too. And whole puts: small files that
are durable in the source, and told of.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from benchmarks.machine import fdatasync_s
from edp.core import events
from edp.core.events import ObjectCreated
from edp.pipeline import feed, intake
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from edp.pipeline.stages import Stages
    from edp.wiring import Workspace

T = TypeVar("T")

WAYS: Final = ((1, 1), (1, 8), (1, 32), (10, 1), (10, 8), (100, 1))
"""Events that are sent together, and threads that send."""
PUTS: Final = (1, 8)
"""Threads that put files one by one."""
_FOR_S: Final = 2.0
_FILES: Final = 500
_BYTES: Final = 1000


@dataclass(frozen=True)
class Rate:
    """Events a second, and how often the disk could make a write durable before and after."""

    sent: float
    accepted: float
    fdatasyncs: float


def run(folder: Path, *, together: int, threads: int) -> Rate:
    """Send events to a new workspace for a while, then accept them all."""
    here = _workspace(folder / f"events-{together}-{threads}")
    stages, numbers = here.stages, count()
    disk = fdatasync_s(here.path / "disk")
    began = time.perf_counter()

    def send() -> int:
        sent = 0
        while time.perf_counter() - began < _FOR_S:
            bodies = [_event(stages, next(numbers)) for _ in range(together)]
            stages.together(partial(_publish, stages, bodies))
            sent += together
        here.close()
        return sent

    sent = sum(_at_once(send, threads))
    took = time.perf_counter() - began
    disk += fdatasync_s(here.path / "disk")
    accepted, began = 0, time.perf_counter()
    while done := intake.take(stages, limit=together):
        accepted += done
    assert accepted == sent
    ended = time.perf_counter()
    here.close()
    return Rate(sent / took, accepted / (ended - began), len(disk) / sum(disk))


def puts(folder: Path, *, threads: int) -> float:
    """Small files put a second by so many threads, each one by one; all in one call for 0."""
    here = _workspace(folder / f"puts-{threads}")
    (path := here.path / "file").write_bytes(b"1" * _BYTES)
    keys = [f"orders/{n}.csv" for n in range(_FILES)]

    def one_by_one(mine: list[str]) -> None:
        for key in mine:
            feed.put(here.stages, key, path)
        here.close()

    began = time.perf_counter()
    if threads:
        shares = iter([keys[n::threads] for n in range(threads)])
        _at_once(lambda: one_by_one(next(shares)), threads)
    else:
        feed.put_all(here.stages, dict.fromkeys(keys, path))
    took = time.perf_counter() - began
    assert here.queue.depth() == _FILES
    here.close()
    return _FILES / took


def _at_once(do: Callable[[], T], threads: int) -> list[T]:
    if threads == 1:
        return [do()]
    with ThreadPoolExecutor(threads) as pool:
        return [one.result() for one in [pool.submit(do) for _ in range(threads)]]


def _workspace(place: Path) -> Workspace:
    place.mkdir(parents=True)
    return open_workspace(place, environ={})


def _publish(stages: Stages, bodies: Iterable[str]) -> None:
    for body in bodies:
        stages.topic.publish(body)


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
