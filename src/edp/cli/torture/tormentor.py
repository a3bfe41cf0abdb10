"""The tormentor: kills the processes at times and at points of chance, and starts new ones.

Only what has died of SIGKILL counts as a kill.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from edp.cli.torture import victims

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

    from edp.cli.torture.victims import Feed
    from edp.wiring import Workspace

AT_RANDOM: Final = "a time of chance"
_WHILE_PUTTING: Final = ("put.staged", "put.renamed")
_WHILE_WORKING: Final = (
    "intake.received",
    "intake.accepted",
    "run.claimed",
    "commit.planned",
    "target.renamed",
    "commit.before",
    "commit.noted",
    "commit.after",
)
_IN_PARSER: Final = ("engine.snapshot", "engine.staged")
_AT_POINT: Final = 0.6
"""The share of workers with an armed point; if it is not reached in time, they are killed so."""
_CRASHING: Final = 0.15
"""The share of workers of which a parser process is killed before they are."""
_EARLY: Final = 0.1
"""The share that is killed while it starts."""
_WITHIN_S: Final = 0.9
_PATIENCE_S: Final = 1.5
_START_S: Final = 20.0
_FEED_S: Final = 600.0
_LOOK_S: Final = 0.01


@dataclass
class Torment:
    """What was done to the processes: kills by where, and those that ended by themselves."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Blow:
    """How one worker is to die: at a point, or `after_s` seconds of work (None: of starting)."""

    point: str
    nth: int
    crash: str
    early: bool
    after_s: float

    @property
    def faults(self) -> str:
        """The point as `faults.arm` reads it; empty for none."""
        return f"{self.point}:{self.nth}" if self.point else ""


def torment(
    here: Workspace, feed: Feed, *, until: float, shown: Callable[[int], object]
) -> Torment:
    """Have `feed` fed and worked, and kill who does, until the monotonic time `until`.

    Then everything that is left is fed in peace. `shown` is told the kills so far.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([victims.__name__])
    done = Torment()
    rng = random.Random(f"{feed.seed}/kills")  # noqa: S311 (kills, no secrets)
    feeder = _Feeder(context, feed, done)
    try:
        while time.monotonic() < until:
            feeder.look()
            _one(context, here, _blow(rng), done)
            shown(done.kills.total())
    finally:
        feeder.stop()
    feeder.finish()
    return done


def _blow(rng: random.Random) -> Blow:
    at_point = rng.random() < _AT_POINT
    return Blow(
        point=rng.choice(_WHILE_WORKING) if at_point else "",
        nth=rng.randint(1, 2),
        crash=f"{rng.choice(_IN_PARSER)}:1" if rng.random() < _CRASHING else "",
        early=not at_point and rng.random() < _EARLY,
        after_s=_PATIENCE_S if at_point else rng.uniform(0.0, _WITHIN_S),
    )


def _one(context: Any, here: Workspace, blow: Blow, done: Torment) -> None:  # noqa: ANN401 (a context has no public type)
    """One worker's life."""
    worker = context.Process(target=victims.work, args=(here.path, blow.faults, blow.crash))
    worker.start()
    try:
        if not blow.early:
            _await_work(here, worker)
        worker.join(blow.after_s)
    finally:
        fired = not worker.is_alive()
        worker.kill()
        worker.join()
    if worker.exitcode == -signal.SIGKILL:
        done.kills[blow.point if fired else AT_RANDOM] += 1
    else:
        done.ended.append(f"a worker ended by itself, with status {worker.exitcode}")


def _await_work(here: Workspace, worker: BaseProcess) -> None:
    """Wait until the worker holds the workspace."""
    deadline = time.monotonic() + _START_S
    while worker.is_alive() and time.monotonic() < deadline:
        holder = here.holder()
        if holder is not None and holder.pid == worker.pid:
            return
        time.sleep(_LOOK_S)


class _Feeder:
    """The process that feeds: it dies at a point of chance, and another goes on."""

    def __init__(self, context: Any, feed: Feed, done: Torment) -> None:  # noqa: ANN401 (a context has no public type)
        self._context = context
        self._feed = feed
        self._done = done
        self._rng = random.Random(f"{feed.seed}/feeder")  # noqa: S311 (kills, no secrets)
        self._fault = ""
        self._process: BaseProcess | None = None

    def look(self) -> None:
        """Start the process, or the next one where it has died."""
        if self._process is None or self._process.exitcode == -signal.SIGKILL:
            self._count()
            self._start(f"{self._rng.choice(_WHILE_PUTTING)}:{self._rng.randint(3, 20)}")

    def stop(self) -> None:
        """Kill the process."""
        if self._process is not None:
            with suppress(OSError):
                if self._process.is_alive():
                    self._fault = AT_RANDOM
                self._process.kill()
            self._process.join()
            self._count()
        self._process = None

    def finish(self) -> None:
        """Feed what is left, without a fault."""
        self._start("")
        assert self._process is not None
        self._process.join(_FEED_S)
        self.stop()

    def _start(self, fault: str) -> None:
        self._fault = fault
        self._process = self._context.Process(target=victims.feed, args=(self._feed, fault))
        self._process.start()

    def _count(self) -> None:
        if self._process is None or not self._process.exitcode:
            return
        if self._process.exitcode == -signal.SIGKILL:
            self._done.kills[self._fault.partition(":")[0]] += 1
        else:
            status = self._process.exitcode
            self._done.ended.append(f"the feeder ended by itself, with status {status}")
