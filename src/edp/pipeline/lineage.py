"""Lineage: what events say of runs is told to others, beside the work and never in its way.

The bus is the outbox. A follower reads on from where it was, which it keeps in a file, so that
every run is told at least once.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from edp.core import bus, clock
from edp.core.errors import EdpError
from edp.lineage.port import RunTold, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from edp.core.bus import Event
    from edp.events.port import Events
    from edp.lineage.port import Lineage

_PAGE: Final = 1000
_LOOK_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
FLUSH_S: Final = 10.0
"""How long the end of a process waits for what it did to be told."""


class Follower:
    """Tells `lineage` of the runs of `pipeline`; the file `kept` says how far it is.

    `locate` says where the bytes of a key are, `columns` what a table's columns are now, and
    `leave` is called at the end of the thread that it follows in.
    """

    def __init__(
        self,
        events: Events,
        lineage: Callable[[], Lineage],
        kept: Path,
        *,
        pipeline: str,
        locate: Callable[[str], str],
        columns: Callable[[str], Mapping[str, str]],
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._events = events
        self._open = lineage
        self._lineage: Lineage | None = None
        self._kept = kept
        self._pipeline = pipeline
        self._locate = locate
        self._columns = columns
        self._leave = leave

    def begin(self) -> None:
        """Begin with what happens from now on, where it has not begun before."""
        if not self._kept.exists():
            self._keep(self._events.last_id())

    def catch_up(self) -> None:
        """Tell of every run that was not told of.

        Raises: StoreUnavailable where nobody takes it now; the next call goes on with that run.
        """
        at = done = int(self._kept.read_text("ascii"))
        files: dict[str, list[Mapping[str, object]]] = {}
        try:
            while found := self._events.told(at, limit=_PAGE):
                for one in found:
                    at, run = one.n, str(one.event.detail.get("run"))
                    if one.event.detail_type == bus.FILE_CHANGED and "run" in one.event.detail:
                        files.setdefault(run, []).append(one.event.detail)
                    elif one.event.detail_type == bus.RUN_CHANGED:
                        self._tell(one.event, files.pop(run, ()))
                    done = done if files else at
        finally:
            self._keep(done)

    def follow(self, stop: threading.Event) -> None:
        """Catch up again and again until `stop`, and once more then."""
        wait_s = _LOOK_S
        try:
            while not stop.wait(wait_s):
                try:
                    self.catch_up()
                    wait_s = _LOOK_S
                except EdpError:
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            with suppress(EdpError):  # it is told the next time
                self.catch_up()
        finally:
            self._leave()

    def _tell(self, event: Event, files: Sequence[Mapping[str, object]]) -> None:
        self._lineage = self._lineage or self._open()
        said = event.detail
        dataset, state = str(said["dataset"]), str(said["state"])
        self._lineage.emit(
            RunTold(
                run_id=str(said["run"]),
                pipeline=self._pipeline,
                dataset=dataset,
                started_at=_time(said.get("started_at"), event.time),
                ended_at=event.time,
                engine=str(said.get("engine", "local")),
                sources=tuple(
                    Source(
                        self._locate(str(file["key"])),
                        rows=_number(file.get("rows_read")),
                        bytes=_number(file.get("bytes")),
                    )
                    for file in files
                ),
                rows_written=sum(_number(file.get("rows_written")) or 0 for file in files),
                table=self._columns(dataset) if files else None,
                error=str(said.get("message") or state) if state in ("failed", "lost") else "",
                stopped=state == "released",
            )
        )

    def _keep(self, at: int) -> None:
        """Not synced: after a power cut runs are told again, and that says nothing new."""
        aside = self._kept.with_name(f"{self._kept.name}.{os.getpid()}")
        aside.write_text(str(at), "ascii")
        aside.replace(self._kept)


@contextmanager
def following(follower: Follower | None) -> Iterator[None]:
    """Follow in a thread meanwhile; at the end it has `FLUSH_S` seconds to catch up."""
    if follower is None:
        yield
        return
    follower.begin()
    stop = threading.Event()
    thread = threading.Thread(target=follower.follow, args=(stop,), name="lineage", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(FLUSH_S)


def _time(text: object, otherwise: float) -> float:
    return clock.from_iso(text) if isinstance(text, str) else otherwise


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
