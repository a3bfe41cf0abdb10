"""The bell: says which keys of a source folder may have changed.

A bell only: what it misses, a listing finds, and what it says is looked at before it counts.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import watch

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_MS = 5
_DEBOUNCE_MS = 50
_QUIET_MS = 250


class Watcher:
    """Watches `root` in a thread of its own and calls `ring` after every change.

    `failure` says why it no longer watches, and is empty while it does: a system has only so many
    watches to give.
    """

    def __init__(self, root: Path, ring: Callable[[], None]) -> None:
        self.failure = ""
        self._root = root
        self._ring = ring
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._begun = False
        self._thread = threading.Thread(target=self._watch, name="edp-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns once the thread has ended."""
        self._stop.set()
        self._thread.join(timeout=10)

    def changed(self) -> set[str]:
        """The keys that changed since the last call."""
        with self._lock:
            taken, self._changed = self._changed, set()
        return taken

    def begun(self) -> bool:
        """Whether it has begun to watch since this was asked last: what came before is unseen."""
        with self._lock:
            begun, self._begun = self._begun, False
        return begun

    def _watch(self) -> None:
        try:
            self._tell()
        except (OSError, RuntimeError) as error:  # watchfiles has one or the other
            self.failure = str(error) or type(error).__name__
            self._ring()

    def _tell(self) -> None:
        changes = watch(
            self._root,
            stop_event=self._stop,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            watch_filter=None,
            raise_interrupt=False,
            # nothing tells when the watch is set but that it finds, or does not find, something
            rust_timeout=_QUIET_MS,
            yield_on_timeout=True,
        )
        first = True
        for batch in changes:
            if not (batch or first):
                continue
            keys = {Path(path).relative_to(self._root).as_posix() for _, path in batch}
            with self._lock:
                self._changed |= keys
                self._begun = self._begun or first
            first = False
            self._ring()
