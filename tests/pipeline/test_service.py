"""The service: it goes on after trouble with the state or the disk, and says that it waits."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from edp.core.bus import RUNTIME_CHANGED
from edp.core.errors import ConfigError, Failure, StoreUnavailable
from edp.etl.port import Finished
from edp.pipeline import chores, feed, pause, run, service
from edp.pipeline.chores import Chores
from edp.pipeline.compact import Limits
from edp.pipeline.foreground import until_idle
from edp.pipeline.pause import Pause
from edp.pipeline.service import serve
from tests.workspaces import ask, receipts, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from edp.etl.port import Etl, Task
    from edp.wiring import Workspace

CONTRACT = "runtimes: {local: {settle: 0s, workers: 1}}\nbatch: {max_wait: 0s}\n"
FULL = "the disk is full"
PATIENCE_S = 60.0


@dataclass
class Heard:
    """A log that remembers."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, what: str, **detail: object) -> None:
        del detail
        self.said.append(what)

    def warn(self, what: str, **detail: object) -> None:
        self.warned.append(f"{what}: {detail.get('reason')}")

    def events(self) -> None:
        pass


class FullDisk:
    """Workers that the disk fails, until there is `room`."""

    def __init__(self, etl: Etl) -> None:
        self._etl = etl
        self._failed: list[Finished] = []
        self.room = threading.Event()

    def warm(self) -> None:
        self._etl.warm()

    def idle(self) -> int:
        return self._etl.idle()

    def submit(self, task: Task) -> int:
        if self.room.is_set():
            return self._etl.submit(task)
        self._failed.append(Finished(0, None, Failure(StoreUnavailable.code, FULL)))
        return 0

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        failed, self._failed = self._failed, []
        return failed or self._etl.wait(timeout_s, bell=bell)

    def close(self) -> None:
        self._etl.close()


@dataclass
class Failing:
    """The state of a workspace, which cannot be written while `broken`."""

    here: Workspace
    broken: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def atomically(self) -> Iterator[None]:
        if self.broken.is_set():
            raise StoreUnavailable(FULL)
        with self.here.stages.atomically():
            yield


def wait_for(truth: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not truth():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


@contextmanager
def serving(here: Workspace, log: Heard, *, watch: bool = False) -> Iterator[None]:
    """A service at work in a thread; stopped on leaving."""
    asked = threading.Event()
    thread = threading.Thread(
        target=lambda: serve(here, watch=watch, log=log, stop=asked.is_set, hurry=lambda: True)
    )
    thread.start()
    try:
        wait_for(lambda: "working" in log.said)
        yield
    finally:
        asked.set()
        here.bell.ring()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def put(here: Workspace, key: str, text: str) -> None:
    path = here.path / "incoming.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, key, path)


def told(here: Workspace) -> list[object]:
    """The states of the runtime that events told of."""
    found = [e["detail"] for e in here.stages.events.since() if e["detail_type"] == RUNTIME_CHANGED]
    return [detail["state"] for detail in found if isinstance(detail, dict)]


def committed(here: Workspace) -> int:
    return sum(1 for one in receipts(here).values() if one.state == "committed")


def test_it_merges_small_files_while_nothing_else_is_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(Chores, limits=Limits(crowd=2))
    monkeypatch.setattr(service, "Chores", few)
    monkeypatch.setattr(chores, "_LOOK_EVERY_S", 0.1)
    here = workspace(tmp_path, CONTRACT.replace("max_wait", "max_files: 1, max_wait"))

    def files() -> list[int]:
        return [one.files for one in here.stages.catalog.tables()]

    with serving(here, Heard()):
        for n in range(3):
            put(here, f"t/{n}.csv", f"id\n{n}\n")
        wait_for(lambda: committed(here) == 3 and files() == [1])

    assert ask(here, "SELECT id FROM t ORDER BY id") == [(0,), (1,), (2,)]


def test_it_pauses_while_the_state_cannot_be_written_and_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_WAIT_S", 0.01)
    here, log = workspace(tmp_path, CONTRACT), Heard()
    state = Failing(here)
    broken = replace(here, stages=replace(here.stages, atomically=state.atomically))
    with serving(broken, log):
        state.broken.set()
        put(here, "t/a.csv", "id\n1\n")
        wait_for(lambda: log.warned)
        holder = here.holder()
        state.broken.clear()
        wait_for(lambda: committed(here))
        after = here.holder()

    assert log.warned[0] == f"paused: {FULL}"
    assert holder is not None
    assert after is not None
    assert (holder.paused, after.paused) == (FULL, "")
    assert set(told(here)) == {"working"}  # once for each time that it was tried meanwhile
    assert ask(here, "SELECT id FROM t") == [(1,)]
    assert receipts(here)["t/a.csv"].attempts == 1


def test_it_pauses_while_the_disk_fails_its_workers_and_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pause, "FIRST_S", 0.05)
    monkeypatch.setattr(run, "_DISK_PAUSE_S", 0.05)
    here, log = workspace(tmp_path, CONTRACT), Heard()
    disk = FullDisk(here.stages.etl())
    with serving(replace(here, stages=replace(here.stages, etl=lambda: disk)), log):
        put(here, "t/a.csv", "id\n1\n")
        wait_for(lambda: told(here) == ["paused"])
        holder = here.holder()
        disk.room.set()
        wait_for(lambda: told(here) == ["paused", "working"])

    assert holder is not None
    assert holder.paused == FULL
    assert ask(here, "SELECT id FROM t") == [(1,)]
    assert receipts(here)["t/a.csv"].attempts == 1


def test_a_command_does_not_wait_for_room_on_the_disk(tmp_path: Path) -> None:
    here = workspace(tmp_path, CONTRACT)
    disk = FullDisk(here.stages.etl())
    put(here, "t/a.csv", "id\n1\n")

    with pytest.raises(StoreUnavailable, match="nothing is lost"):
        until_idle(replace(here, stages=replace(here.stages, etl=lambda: disk)))

    assert (receipts(here)["t/a.csv"].state, receipts(here)["t/a.csv"].attempts) == ("queued", 0)


def test_a_put_is_taken_when_it_rings_and_not_when_somebody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_TICK_S", 3600.0)
    here, log = workspace(tmp_path, CONTRACT), Heard()
    with serving(here, log):
        put(here, "t/a.csv", "id\n1\n")
        wait_for(lambda: committed(here) == 1)
        put(here, "t/b.csv", "id\n2\n")
        wait_for(lambda: committed(here) == 2)

    assert ask(here, "SELECT id FROM t ORDER BY id") == [(1,), (2,)]


def test_files_of_others_are_noticed_and_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_TICK_S", 3600.0)
    here, log = workspace(tmp_path, CONTRACT.replace("0s, w", "50ms, w")), Heard()
    with serving(here, log, watch=True):
        wait_for((here.lake / ".bell").exists)
        (here.lake / "source" / "t").mkdir()
        (here.lake / "source" / "t" / "a.csv").write_text("id\n1\n", "utf-8")
        wait_for(lambda: committed(here))

    assert ask(here, "SELECT id FROM t") == [(1,)]


def test_a_second_service_is_refused_and_told_who_works(tmp_path: Path) -> None:
    here, log = workspace(tmp_path, CONTRACT), Heard()
    with serving(here, log), pytest.raises(ConfigError, match=r"process \d+ \(edp run, since "):
        serve(workspace(tmp_path, CONTRACT), watch=True, log=Heard(), stop=lambda: True)


def test_where_the_source_cannot_be_watched_that_is_said_and_it_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr("edp.source.watch.watch", refuse)
    monkeypatch.setattr(service, "_RELIST_S", 0.05)
    here, log = workspace(tmp_path, CONTRACT), Heard()
    with serving(here, log, watch=True):
        wait_for(lambda: log.warned)
        (here.lake / "source" / "t").mkdir()
        (here.lake / "source" / "t" / "a.csv").write_text("id\n1\n", "utf-8")
        wait_for(lambda: committed(here))

    assert "no watches left" in log.warned[0]


def test_a_pause_after_the_disk_failed_grows_and_ends_with_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("edp.pipeline.pause.time.monotonic", lambda: now[0])
    disk, own = Failure(StoreUnavailable.code, FULL), Failure("unexpected error", "x")
    waits: list[float] = []
    at = Pause()
    for _ in range(6):
        at.note(disk)
        waits.append(at.left_s)
        assert not at.lets_start(underway=0)
        now[0] += at.left_s
        at.note(own)  # says nothing of the disk
        assert (at.lets_start(underway=0), at.lets_start(underway=1)) == (True, False)

    at.note(None)

    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert (at.reason, at.lets_start(underway=1)) == ("", True)
