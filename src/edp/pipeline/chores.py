"""Chores: what the tables need now and then, done by workers that have nothing else to do.

One chore at a time, and small ones, so that a file that comes never waits for long. A chore that is
cut off has changed nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from edp.core.bus import CHORE_FAILED
from edp.core.errors import Failure, StoreUnavailable
from edp.pipeline.compact import IDLE, compact, next_batch
from edp.pipeline.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from edp.etl.port import Etl, Finished
    from edp.pipeline.compact import Batch, Limits
    from edp.pipeline.stages import Stages

_LOOK_EVERY_S: Final = 10.0
_LOOK_SHARE: Final = 100
"""A look waits at least so many times as long as the last one took: a catalog may be large."""
_LEAVE_FOR_S: Final = 3600.0
"""How long what failed is left alone."""


class Chores:
    """The chores of a workspace; `memory` (bytes) is what one of them takes."""

    def __init__(
        self,
        stages: Stages,
        *,
        memory: int,
        limits: Limits = IDLE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stages = stages
        self._memory = memory
        self._limits = limits
        self._now = monotonic
        self._look_at = monotonic()
        self._left: dict[tuple[str, str], float] = {}
        self._underway: tuple[Batch, Progress] | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._underway is not None

    def begin(self, etl: Etl) -> bool:
        """Begin the next chore, if there is one and none is under way; whether that was done."""
        if self._underway or self._now() < self._look_at:
            return False
        began = self._now()
        self._left = {where: until for where, until in self._left.items() if until > self._now()}
        batch = next_batch(self._stages, self._limits, but=self._left)
        took_s = self._now() - began
        self._look_at = began + max(_LOOK_EVERY_S, _LOOK_SHARE * took_s)
        if batch is None:
            return False
        steps = compact(self._stages, batch, memory=self._memory)
        self._underway = batch, Progress(steps)
        self._step(lambda progress: progress.begin(etl))
        return True

    def take(self, finished: Finished, etl: Etl) -> None:
        """Take the end of a task, if it is of the chore under way."""
        if self._underway and self._underway[1].take(finished):
            self._step(lambda progress: progress.go_on(etl))

    def _step(self, step: Callable[[Progress], None]) -> None:
        assert self._underway is not None
        batch, progress = self._underway
        self._underway = None
        try:
            step(progress)
        except StopIteration:
            self._look_at = self._now()  # there may be more of it
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 (a chore must not end the work that waits)
            self._left[batch.table, batch.partition] = self._now() + _LEAVE_FOR_S
            failure = Failure.of(error)
            told = {"table": batch.table, "code": failure.code, "reason": failure.message}
            self._stages.events.put(CHORE_FAILED, told)
        else:
            self._underway = batch, progress

    def release(self) -> None:
        """Let go of the chore under way; it has changed nothing."""
        if self._underway:
            self._underway[1].steps.close()
            self._underway = None
