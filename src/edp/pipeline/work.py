"""The loop: messages become versions, versions become runs, runs become commits.

One process works a workspace at a time. It parses nothing itself: workers do, and what kills a
worker is only that run's failure.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from edp.core import clock
from edp.core.errors import Failure, StoreUnavailable
from edp.core.faults import reach
from edp.ledger.port import BatchLimits
from edp.pipeline import intake
from edp.pipeline.pause import Pause
from edp.pipeline.progress import Progress
from edp.pipeline.reconcile import recover
from edp.pipeline.replace import knows
from edp.pipeline.run import give_up, run
from edp.pipeline.telling import run_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from edp.etl.port import Etl, Finished, Task
    from edp.ledger.port import Claim
    from edp.pipeline.chores import Chores
    from edp.pipeline.stages import Stages

R = TypeVar("R")

_HEARTBEAT_S: Final = 10.0
_POLL_S: Final = 0.25
_LEAST_PAUSE_S: Final = 0.005
_GARBAGE_EVERY_S: Final = 600.0
_BEGIN_S: Final = 60.0
_GIVE_BACK_S: Final = 15.0
COMMIT_WITHIN_S: Final = 3600.0
"""A file that was published this long ago and is in no commit is in none to come."""


@dataclass(frozen=True)
class _Underway:
    """A run between two of its steps."""

    claim: Claim
    progress: Progress


class Work:
    """Works off the queue and the ledger until it is told to stop.

    `elsewhere` takes over runs that are not for this process, and says which. Where there is such,
    this process is one of many, and leaves the runs of those that died to who watches over runs.
    """

    def __init__(
        self,
        stages: Stages,
        etl: Etl,
        *,
        memory: int,
        chores: Chores | None = None,
        elsewhere: Callable[[Claim], bool] | None = None,
    ) -> None:
        self._stages = stages
        self._elsewhere = elsewhere
        self._etl = etl
        self._memory = memory
        self._chores = chores
        batch = stages.config.batch
        self._limits = BatchLimits(
            batch.max_files, int(batch.max_bytes), batch.max_wait.total_seconds()
        )
        self._underway: dict[str, _Underway] = {}
        self._beat_at = 0.0
        self.pause = Pause()

    def turn(
        self, *, flush: bool, claim: bool = True, bell: int | None = None, within_s: float = _POLL_S
    ) -> bool:
        """One turn of the loop; whether anything happened.

        `flush` takes batches that are not full without waiting for more. Without `claim` no new
        run starts. When there is nothing to do it waits until there is, or `bell` rings, for
        `within_s` seconds at most.
        """
        took = intake.take(self._stages)
        started = self._start(flush=flush and not took) if claim else 0
        self._heartbeat()
        busy = bool(took or started) or (claim and self._do_chores())
        ended = self._etl.wait(0.0 if busy else self._pause_s(within_s, flush=flush), bell=bell)
        for one in ended:
            self._advance(one)
        return bool(busy or ended)

    def _pause_s(self, within_s: float, *, flush: bool) -> float:
        if self._underway or (self._chores and self._chores.busy):
            within_s = min(within_s, _POLL_S)  # a worker may take too long, or too much memory
        if not self._etl.idle():
            return within_s
        wait_s = 0.0 if flush else self._limits.max_wait_s
        ready_at = self._stages.receipts.next_ready_at(max_wait_s=wait_s)
        if ready_at is None:
            return within_s
        until_s = max(ready_at - clock.now(), self.pause.left_s, _LEAST_PAUSE_S)
        return min(until_s, within_s)

    @property
    def idle(self) -> bool:
        """Whether nothing is left: no message, no version queued or running."""
        return not (self._underway or self._stages.queue.depth() or self._stages.receipts.pending())

    @property
    def underway(self) -> Sequence[Claim]:
        """The runs that have not ended."""
        return [one.claim for one in self._underway.values()]

    def _start(self, *, flush: bool) -> int:
        started = 0
        while self._etl.idle() > 0 and self.pause.lets_start(underway=len(self._underway)):
            claim = self._stages.runs.claim(
                self._limits,
                contract=self._contract,
                engine=self._stages.engine,
                flush=flush,
            )
            if claim is None:
                break
            reach("run.claimed")
            started += 1
            if self._elsewhere and self._elsewhere(claim):
                continue
            threads = max(1, (os.cpu_count() or 1) // (len(self._underway) + 1))
            steps = run(self._stages, claim, memory=self._memory, threads=threads)
            one = self._underway[claim.run_id] = _Underway(claim, Progress(steps))
            self._step(one, first=True)
        return started

    def _contract(self, dataset: str) -> str:
        return self._stages.config.dataset(dataset).hash() if knows(self._stages, dataset) else ""

    def _advance(self, finished: Finished) -> None:
        self.pause.note(finished.failure)
        for one in list(self._underway.values()):
            if one.progress.take(finished):
                self._step(one)
        if self._chores:
            self._chores.take(finished, self._etl)

    def _do_chores(self) -> bool:
        """Begin a chore where a worker has nothing else to do; whether one was begun."""
        if self._chores is None or self.pause.reason or not self._etl.idle():
            return False
        return self._chores.begin(self._etl)

    def _step(self, one: _Underway, *, first: bool = False) -> None:
        try:
            one.progress.begin(self._etl) if first else one.progress.go_on(self._etl)
        except StopIteration:
            del self._underway[one.claim.run_id]
            return
        except StoreUnavailable:
            raise  # the state or a disk is gone, and no file is to blame
        except Exception as error:  # noqa: BLE001 (what one run does must not end the others)
            del self._underway[one.claim.run_id]
            failure = Failure.of(error)
            self.pause.note(failure)
            give_up(self._stages, one.claim, failure)

    def _heartbeat(self) -> None:
        if time.monotonic() - self._beat_at < _HEARTBEAT_S:
            return
        self._beat_at = time.monotonic()
        self._stages.runs.extend(list(self._underway))
        if not self._elsewhere:
            recover(self._stages, orphaned=False)

    def release(self) -> None:
        """Give back what is under way, without charging it an attempt.

        Where the state cannot be written, the next call goes on with what is left.
        """
        if self._chores:
            self._chores.release()
        for run_id, one in list(self._underway.items()):
            one.progress.steps.close()
            with self._stages.atomically():
                held = self._stages.runs.held(one.claim)
                self._stages.runs.release(held, split=False)
                self._stages.runs.end(one.claim, "released")
                run_ended(self._stages, one.claim, "released", again=len(held))
            del self._underway[run_id]


def drive(steps: Generator[Sequence[Task], Sequence[Finished], R], etl: Etl) -> R:
    """Have the tasks of one generator done, outside the loop; what it returns."""
    try:
        tasks = next(steps)
        while True:
            tickets = [etl.submit(task) for task in tasks]
            ended: dict[int, Finished] = {}
            while len(ended) < len(tickets):
                ended |= {one.ticket: one for one in etl.wait(1.0)}
            tasks = steps.send([ended[ticket] for ticket in tickets])
    except StopIteration as stop:
        result: R = stop.value
        return result


def until(
    work: Work,
    done: Callable[[], bool],
    *,
    each_turn: Callable[[], None] = lambda: None,
    timeout_s: float | None = None,
) -> bool:
    """Turn the loop until `done`; False when `timeout_s` seconds were not enough."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not done():
        if deadline is not None and time.monotonic() > deadline:
            work.release()
            return False
        work.turn(flush=True)
        each_turn()
    return True


def while_time_lasts(work: Work, left_s: Callable[[], float]) -> bool:
    """Turn the loop until nothing is left that could begin; False when time ran out before.

    `left_s` says how many seconds there are. Near their end no run begins, and what has not ended
    is given back.
    """
    while left_s() > _GIVE_BACK_S:
        busy = work.turn(flush=True, claim=left_s() > _BEGIN_S)
        if not (busy or work.underway):
            return left_s() > _BEGIN_S
    work.release()
    return False


def garbage(stages: Stages) -> Sequence[str]:
    """Remove files of the target that no table needs any more; their paths.

    Events and alerts go once they are older than `retention.events`. A replaced file stays for
    `retention.superseded`, as a query may still read it. One that no commit ever named stays for an
    hour at least, as its commit may still come.
    """
    kept_s = stages.config.retention.events.total_seconds()
    for history in (stages.events, stages.alarms, stages.outbox):
        history.forget(older_than_s=kept_s)
    keep_s = stages.config.retention.superseded.total_seconds()
    collected = list(stages.target.remove(stages.catalog.retired(removed_for_s=keep_s)))
    orphans = stages.target.collect(
        named=stages.catalog.named(), older_than_s=max(keep_s, COMMIT_WITHIN_S)
    )
    stages.tidy()  # last: it takes room, and a full disk has some by now
    return [*collected, *orphans]


class Every:
    """Says when it is time again, whatever the clock on the wall does."""

    def __init__(self, period_s: float = _GARBAGE_EVERY_S) -> None:
        self._period_s = period_s
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the period has passed since the last time this said so."""
        now = time.monotonic()
        if now - self._last < self._period_s:
            return False
        self._last = now
        return True
