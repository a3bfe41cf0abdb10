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
from edp.pipeline.expire import expire
from edp.pipeline.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from edp.etl.port import Etl, Finished
    from edp.pipeline.compact import Limits
    from edp.pipeline.stages import Stages

_LOOK_EVERY_S: Final = 10.0
_LOOK_SHARE: Final = 100
"""A look waits at least so many times as long as the last one took: a catalog may be large."""
_EXPIRE_EVERY_S: Final = 3600.0
_LEAVE_FOR_S: Final = 3600.0
"""How long what failed is left alone."""
_EVERY_TABLE: Final = ("", "")

_Chore = tuple[tuple[str, str], Progress]
"""The table and partition that it is for, and how far it is."""


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
        self._look_at = self._expire_at = monotonic()
        self._left: dict[tuple[str, str], float] = {}
        self._underway: _Chore | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._underway is not None

    def begin(self, etl: Etl) -> bool:
        """Begin the next chore, if there is one and none is under way; whether that was done."""
        if self._underway or self._now() < self._look_at:
            return False
        self._underway = self._expiry() or self._merge()
        if self._underway is None:
            return False
        self._step(lambda progress: progress.begin(etl))
        return True

    def _expiry(self) -> _Chore | None:
        if self._now() < self._expire_at:
            return None
        self._expire_at = self._now() + _EXPIRE_EVERY_S
        return _EVERY_TABLE, Progress(expire(self._stages, memory=self._memory))

    def _merge(self) -> _Chore | None:
        began = self._now()
        self._left = {where: until for where, until in self._left.items() if until > began}
        batch = next_batch(self._stages, self._limits, but=self._left)
        self._look_at = began + max(_LOOK_EVERY_S, _LOOK_SHARE * (self._now() - began))
        if batch is None:
            return None
        steps = compact(self._stages, batch, memory=self._memory)
        return (batch.table, batch.partition), Progress(steps)

    def take(self, finished: Finished, etl: Etl) -> None:
        """Take the end of a task, if it is of the chore under way."""
        if self._underway and self._underway[1].take(finished):
            self._step(lambda progress: progress.go_on(etl))

    def _step(self, step: Callable[[Progress], None]) -> None:
        assert self._underway is not None
        (table, partition), progress = self._underway
        self._underway = None
        try:
            step(progress)
        except StopIteration:
            self._look_at = self._now()  # there may be more of it
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 (a chore must not end the work that waits)
            self._left[table, partition] = self._now() + _LEAVE_FOR_S
            failure = Failure.of(error)
            told = {"table": table, "code": failure.code, "reason": failure.message}
            self._stages.events.put(CHORE_FAILED, told)
        else:
            self._underway = (table, partition), progress

    def release(self) -> None:
        """Let go of the chore under way; it has changed nothing."""
        if self._underway:
            self._underway[1].steps.close()
            self._underway = None
