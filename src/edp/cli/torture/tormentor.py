"""The tormentor: kills the processes at times and at points of chance, and starts new ones.

Only what has died of SIGKILL counts as a kill.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
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
_AT_POINT: Final = 0.5
"""The share of workers with an armed point; if it is not reached in time, they are killed so."""
_AFTER_COMMIT: Final = 0.25
"""The share that is killed a moment after it has committed something."""
_CRASHING: Final = 0.15
"""The share of workers of which a parser process is killed before they are."""
_EARLY: Final = 0.1
"""Of the others, the share that is killed while it starts."""
_WITHIN_S: Final = 0.9
_PATIENCE_S: Final = 10.0
"""How long a worker may take to its point or its commit, unless the kills are behind."""
_PACE_S: Final = 1.5
"""Kills are behind when there are fewer than one in so many seconds."""
_START_S: Final = 20.0
_FEED_S: Final = 600.0
_LOOK_S: Final = 0.02


@dataclass
class Torment:
    """What was done to the processes: kills by where, and those that ended by themselves.

    `commits` are the runs that were committed between the kills.
    """

    kills: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)
    commits: int = 0


@dataclass(frozen=True)
class Blow:
    """How one worker is to die: at a point, a moment after a commit, or after some seconds."""

    faults: str
    crash: str
    after_commit: bool
    early: bool
    after_s: float


def torment(here: Workspace, feed: Feed, *, until: float, shown: Callable[[], object]) -> Torment:
    """Have `feed` fed and worked, and kill who does, until the monotonic time `until`.

    Then everything that is left is fed in peace. `shown` is called again and again.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([victims.__name__])
    done = Torment()
    rng = random.Random(f"{feed.seed}/kills")  # noqa: S311 (kills, no secrets)
    feeder = _Feeder(context, feed, done)
    began = time.monotonic()

    def look() -> None:
        feeder.look()
        shown()

    try:
        while time.monotonic() < until:
            behind = (done.kills.total() + 1) * _PACE_S < time.monotonic() - began
            _one(context, here, _blow(rng), done, behind=behind, look=look)
    finally:
        feeder.stop()
    done.commits = _commits(here)
    feeder.finish()
    return done


def _blow(rng: random.Random) -> Blow:
    chance = rng.random()
    at_point = chance < _AT_POINT
    after_commit = not at_point and chance < _AT_POINT + _AFTER_COMMIT
    return Blow(
        faults=f"{rng.choice(_WHILE_WORKING)}:{rng.randint(1, 2)}" if at_point else "",
        crash=f"{rng.choice(_IN_PARSER)}:1" if rng.random() < _CRASHING else "",
        after_commit=after_commit,
        early=not (at_point or after_commit) and rng.random() < _EARLY,
        after_s=rng.uniform(0.0, _WITHIN_S),
    )


def _one(
    context: Any,  # noqa: ANN401 (a context has no public type)
    here: Workspace,
    blow: Blow,
    done: Torment,
    *,
    behind: bool,
    look: Callable[[], object],
) -> None:
    """One worker's life."""
    before = _commits(here)
    worker = context.Process(target=victims.work, args=(here.path, blow.faults, blow.crash))
    worker.start()

    def wait(within_s: float, over: Callable[[], bool] = lambda: False) -> None:
        deadline = time.monotonic() + within_s
        while worker.is_alive() and time.monotonic() < deadline and not over():
            look()
            time.sleep(_LOOK_S)

    patience_s = _WITHIN_S if behind else _PATIENCE_S
    try:
        if not blow.early:
            wait(_START_S, lambda: _holds(here, worker))
        if blow.faults:
            wait(patience_s)
        elif blow.after_commit:
            wait(patience_s, lambda: _commits(here) > before)
        wait(0.0 if blow.faults else blow.after_s)
    finally:
        fired = not worker.is_alive()
        worker.kill()
        worker.join()
    if worker.exitcode == -signal.SIGKILL:
        done.kills[blow.faults.partition(":")[0] if fired else AT_RANDOM] += 1
    else:
        done.ended.append(f"a worker ended by itself, with status {worker.exitcode}")


def _holds(here: Workspace, worker: BaseProcess) -> bool:
    holder = here.holder()
    return holder is not None and holder.pid == worker.pid


def _commits(here: Workspace) -> int:
    return sum(run["state"] == "committed" for run in here.stages.receipts.runs())


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
            self._start(f"{self._rng.choice(_WHILE_PUTTING)}:{self._rng.randint(3, 15)}")

    def stop(self) -> None:
        """Kill the process."""
        if self._process is None:
            return
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
