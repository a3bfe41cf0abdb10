"""Foreground: a caller waits for work, done by itself or by the process that is at it already.

One process, and in it one thread, works a workspace at a time. Where nobody does, the caller does,
until what it waits for is done. Where the one that does stops before that, the caller goes on.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from edp.core import clock
from edp.core.errors import EdpError, StoreUnavailable
from edp.pipeline.alarms import AlarmWatch
from edp.pipeline.deliver import flush
from edp.pipeline.expire import expire
from edp.pipeline.lineage import following
from edp.pipeline.reconcile import reconcile, recover
from edp.pipeline.work import Every, Work, drive, garbage, until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from edp.etl.port import Etl, Finished, Task
    from edp.pipeline.deliver import Post
    from edp.pipeline.lineage import Follower
    from edp.pipeline.stages import Stages
    from edp.query.port import Query
    from edp.queue.port import DeadLetter

R = TypeVar("R")

_LOOK_S: Final = 0.05
_TAKE_OVER_S: Final = 1.0
"""How often a caller looks whether the workspace is free; a service that restarts comes first."""


class Place(Protocol):
    """A workspace as work needs it: its stages, and what is made anew for each use."""

    @property
    def stages(self) -> Stages:
        """The stages over the workspace's state."""

    @property
    def memory(self) -> int:
        """Bytes that a task, or a query, may use."""

    def working(self, command: str = ...) -> AbstractContextManager[bool]:
        """Be the one that works the workspace, as `command`; False where another one is."""

    def etl(self) -> AbstractContextManager[Etl]:
        """Worker processes, ended on leaving."""

    def lineage(self) -> Follower | None:
        """What tells others of runs, where somebody wants to know."""

    def query(self) -> Query:
        """The query engine."""

    def post(self) -> AbstractContextManager[Post]:
        """What delivers alerts while it is open."""


@dataclass(frozen=True)
class Patience:
    """How long somebody waits: `timeout_s` seconds at most, if given, and until `stop` says so."""

    timeout_s: float | None = None
    stop: Callable[[], bool] = lambda: False

    def over(self) -> Callable[[], bool]:
        """Whether it is over, for a wait that begins now."""
        deadline = None if self.timeout_s is None else time.monotonic() + self.timeout_s
        return lambda: self.stop() or (deadline is not None and time.monotonic() > deadline)


FOREVER: Final = Patience()


@dataclass(frozen=True)
class Rest:
    """How a wait ended: whether nothing is left to do, and the dead letters that came in it."""

    finished: bool
    dead_letters: tuple[DeadLetter, ...]


def settle(
    place: Place,
    keys: Sequence[str],
    *,
    first: Callable[[], object],
    patience: Patience = FOREVER,
    shown: Callable[[int], object] = lambda _settled: None,
) -> bool:
    """Do `first`, then wait until every one of `keys` is settled; whether all are.

    `shown` is told again and again how many are.

    Raises: StoreUnavailable when the disk fails this process at the work.
    """
    stages = place.stages

    def settled() -> bool:
        pending = stages.receipts.pending(keys)
        shown(len(keys) - pending)
        return not (pending or stages.queue.depth())

    return _work(place, first=first, done=settled, over=patience.over())


def until_idle(
    place: Place,
    *,
    first: Callable[[], object] = lambda: None,
    patience: Patience = FOREVER,
    shown: Callable[[], object] = lambda: None,
) -> Rest:
    """Do `first`, then wait until nothing is left to do; `shown` is called again and again.

    Raises: StoreUnavailable when the disk fails this process at the work.
    """
    stages = place.stages
    began = clock.now()

    def idle() -> bool:
        shown()
        return not (stages.queue.depth() or stages.receipts.pending())

    finished = _work(place, first=first, done=idle, over=patience.over())
    letters = stages.dead_letters.list()
    return Rest(finished, tuple(letter for letter in letters if letter.last_at >= began))


def tell(place: Place) -> None:
    """Look at the alarms, and deliver what people are to be told; who works the workspace does so.

    For what a person does between two runs, so that an incident need not wait for the next one.
    """
    with place.working() as held:
        if held:
            _tell(place)


def do(place: Place, steps: Generator[Sequence[Task], Sequence[Finished], R]) -> R:
    """Have the steps of one operation done, beside whoever works the workspace; what they return.

    Raises: what the steps do.
    """
    with place.etl() as etl:
        return drive(steps, etl)


def _work(
    place: Place,
    *,
    first: Callable[[], object],
    done: Callable[[], bool],
    over: Callable[[], bool],
) -> bool:
    """Do `first` once, and work or wait until `done` or `over`; whether it is done."""
    begun = False
    look = Every(_TAKE_OVER_S)
    while True:
        if not begun or look.due():
            with place.working() as held:
                if held:
                    recover(place.stages, orphaned=True)
                if not begun:
                    first()
                    begun = True
                if held:
                    return _work_here(place, done, over)
        if done():
            return True
        if over():
            return False
        time.sleep(_LOOK_S)


def _work_here(place: Place, done: Callable[[], bool], over: Callable[[], bool]) -> bool:
    reconcile(place.stages, stop=over)
    with following(place.lineage()), place.etl() as etl:
        work = Work(place.stages, etl, memory=place.memory)
        try:
            until(work, lambda: done() or over() or bool(work.pause.reason))
            finished = done()
            if reason := work.pause.reason:  # nobody should sit and wait for room on a disk
                raise StoreUnavailable(f"{reason}\nnothing is lost: make room, and run it again")
        except BaseException:
            with suppress(EdpError):  # the state may be what failed; the next start frees the rest
                work.release()
            raise
        work.release()
        drive(expire(place.stages, memory=place.memory), etl)
    _tell(place)
    garbage(place.stages)
    return finished


def _tell(place: Place) -> None:
    AlarmWatch(place.stages).look()
    flush(place)
