"""The service: watches the source and works off what comes, until it is told to stop.

It sleeps until somebody rings: a put, the watcher, a worker that is done, a signal to stop. Where
the state or the disk cannot be used it pauses, says so, and goes on once they can.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from edp.core.bus import RUNTIME_CHANGED
from edp.core.errors import ConfigError, StoreUnavailable
from edp.pipeline.alarms import LOOK_S, AlarmWatch
from edp.pipeline.chores import Chores
from edp.pipeline.deliver import FLUSH_S
from edp.pipeline.foreground import Place
from edp.pipeline.lineage import following
from edp.pipeline.reconcile import Lookout, recover
from edp.pipeline.work import Every, Work, garbage

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from edp.core.holder import Holder
    from edp.etl.port import Etl

GRACE_S: Final = 8.0
"""How long a stop waits for runs to finish before it releases them."""
_TICK_S: Final = 1.0
"""How long it sleeps at most; who brought work and could not ring waits as long."""
_RELIST_S: Final = 30.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0


class Ear(Protocol):
    """Hears when there may be something to do."""

    @property
    def handle(self) -> int:
        """A file descriptor that can be read once it was rung."""

    def quiet(self) -> None:
        """Take the rings so far."""

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, for `seconds` at most."""


class Watcher(Protocol):
    """Notices what others write into the source."""

    failure: str

    def start(self) -> None:
        """Begin to watch."""

    def stop(self) -> None:
        """Stop watching."""

    def begun(self) -> bool:
        """Whether it has begun to watch since this was asked last."""

    def changed(self) -> set[str]:
        """The keys that may have changed since the last call."""


class Workplace(Place, Protocol):
    """A workspace as the service needs it."""

    @property
    def lake(self) -> Path:
        """The folder of everything that the workspace keeps."""

    def holder(self) -> Holder | None:
        """Who works the workspace."""

    def pause(self, reason: str) -> None:
        """Tell others why this process does not work right now; nothing: it does again."""

    def listening(self) -> AbstractContextManager[Ear]:
        """Hear who brings work."""

    def watcher(self) -> Watcher:
        """What rings after a change of the source."""

    def close(self) -> None:
        """Let go of the state, so that the next use is a new process's."""


class Log(Protocol):
    """What is told of the service while it runs."""

    def say(self, what: str, **detail: object) -> None:
        """Tell something that is as it should be."""

    def warn(self, what: str, **detail: object) -> None:
        """Tell something that somebody should look at."""

    def events(self) -> None:
        """Tell the events and the alerts since the last call."""


def serve(
    place: Workplace,
    *,
    watch: bool,
    log: Log,
    stop: Callable[[], bool],
    hurry: Callable[[], bool] = lambda: False,
) -> None:
    """Work until `stop`; then finish what is under way, or release it, at once with `hurry`.

    Raises: ConfigError where another process works the workspace.
    """
    with place.working("edp up" if watch else "edp run") as held:
        if not held:
            raise ConfigError(
                f"{place.holder() or 'another process'} works this workspace already, and one at "
                f"a time can: stop that one first, or leave the work to it. `edp put` gives it "
                f"files"
            )
        log.say("working", lake=str(place.lake), stop="Ctrl-C, or SIGTERM")
        with (
            place.listening() as ear,
            following(place.lineage()),
            place.etl() as etl,
            place.post() as post,
        ):
            service = _Service(place, etl, ear, watch=watch, log=log, stop=stop)
            service.run()
            service.finish(hurry)
            if not hurry():
                post.settle(FLUSH_S)
        log.say("stopped")


class _Service:
    def __init__(
        self,
        place: Workplace,
        etl: Etl,
        ear: Ear,
        *,
        watch: bool,
        log: Log,
        stop: Callable[[], bool],
    ) -> None:
        self._place = place
        self._stages = place.stages
        self._etl = etl
        self._ear = ear
        self._log = log
        self._stop = stop
        self._watch = watch
        self._watcher: Watcher | None = None
        chores = Chores(place.stages, memory=place.memory)
        self._work = Work(place.stages, etl, memory=place.memory, chores=chores)
        self._lookout = Lookout(place.stages, stop=stop)
        self._alarms, self._look = AlarmWatch(place.stages), Every(LOOK_S)
        self._relist, self._collect = Every(_RELIST_S), Every()
        self._told = ""

    def run(self) -> None:
        """Work until told to stop."""
        begun = False
        while not self._stop():
            try:
                if not begun:
                    self._begin()
                    begun = True
                self._turn()
            except StoreUnavailable as error:
                self._sit_out(error)
        if self._watcher:
            self._watcher.stop()

    def _begin(self) -> None:
        recover(self._stages, orphaned=True)
        self._etl.warm()
        self._start_watching()
        self._lookout.list()
        self._alarms.look()

    def _start_watching(self) -> None:
        if self._watch and self._watcher is None:
            self._watcher = self._place.watcher()
            self._watcher.start()

    def _turn(self) -> None:
        self._ear.quiet()
        self._lookout.look(self._changed())
        # a file that came while the watch was being set is in no list and no change
        begun = self._watcher is not None and self._watcher.begun()
        if begun or (self._watch and self._relist.due()):
            self._start_watching()
            self._lookout.list()
        next_s = self._lookout.next_s
        within_s = _TICK_S if next_s is None else min(_TICK_S, next_s)
        self._work.turn(flush=False, bell=self._ear.handle, within_s=within_s)
        self._tell_pause()
        if self._look.due():
            self._alarms.look()
        self._log.events()
        if self._collect.due():
            garbage(self._stages)

    def _changed(self) -> list[str]:
        if self._watcher is None:
            return []
        if self._watcher.failure:
            self._log.warn(
                f"the source is not watched, only listed every {_RELIST_S:.0f} s",
                reason=self._watcher.failure,
            )
            self._watcher = None
            return []
        return sorted(self._watcher.changed())

    def _tell_pause(self) -> None:
        """Say that runs pause because the disk failed one, and that they go on."""
        reason = self._work.pause.reason
        if reason == self._told:
            return
        self._told = reason
        self._place.pause(reason)
        self._stages.events.put(
            RUNTIME_CHANGED,
            {"state": "paused", "reason": reason} if reason else {"state": "working"},
        )

    def _sit_out(self, error: StoreUnavailable) -> None:
        """Wait until the state can be used again, and give back what was under way."""
        self._log.warn("paused", reason=str(error))
        self._place.pause(str(error))
        began, wait_s = time.monotonic(), _FIRST_WAIT_S
        while not self._stop():
            self._ear.quiet()
            self._ear.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            try:
                self._place.close()
                self._work.release()
                paused_s = round(time.monotonic() - began, 1)
                told = {"state": "working", "paused_s": paused_s, "reason": str(error)}
                self._stages.events.put(RUNTIME_CHANGED, told)
            except StoreUnavailable:
                continue
            self._told = ""
            self._place.pause("")
            return

    def finish(self, hurry: Callable[[], bool]) -> None:
        """Let the runs under way finish, for a while; release the rest."""
        deadline = time.monotonic() + GRACE_S
        try:
            while self._work.underway and time.monotonic() < deadline and not hurry():
                self._ear.quiet()
                self._work.turn(flush=False, claim=False, bell=self._ear.handle)
            self._work.release()
            self._alarms.look()
            self._log.events()
        except StoreUnavailable as error:  # the next start frees what is left
            self._log.warn("stopped before all could be given back", reason=str(error))
            raise
