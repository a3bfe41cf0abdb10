"""One process at a time works a workspace: a lock that its holder's death releases.

The lock's file tells people who holds it. It decides nothing: only the lock on it does.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from edp.core.holder import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROOM: Final = 1024
"""Bytes of the file, all written at once: later words need no further space on a full disk."""
_TRIES: Final = 5
_BETWEEN_S: Final = 0.01


class Lock:
    """The lock at `path`; one that looks who holds it takes it for a moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: Holder | None = None

    @contextmanager
    def held(self, holder: Holder) -> Iterator[bool]:
        """Hold the lock, if nobody else does; whether it is held is the value."""
        handle = os.open(self._file(), os.O_RDWR | os.O_CLOEXEC)
        try:
            held = _locked(handle, fcntl.LOCK_EX, tries=_TRIES)
            if held:
                self._holder = holder
                self._tell(holder)
            yield held
        finally:
            os.close(handle)

    def pause(self, reason: str) -> None:
        """Say why the holder, this process, does not work right now; nothing: it does again."""
        if self._holder is not None:
            self._tell(replace(self._holder, paused=reason))

    def _tell(self, holder: Holder) -> None:
        """Write it into the file; what the disk refuses is left unsaid."""
        facts = asdict(holder)
        while len(text := json.dumps(facts).encode()) > _ROOM:
            facts["paused"] = facts["paused"][: len(facts["paused"]) // 2]
        with suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(handle, text.ljust(_ROOM), 0)
            finally:
                os.close(handle)

    def holder(self) -> Holder | None:
        """The process that holds the lock; None where none does."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _locked(handle, fcntl.LOCK_SH, tries=1):
                return None
            return _holder(os.pread(handle, _ROOM, 0))
        finally:
            os.close(handle)

    def _file(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(0o644)
        return self._path


def _locked(handle: int, kind: int, *, tries: int) -> bool:
    """Lock the file, if that can be had; who only looks is gone after a moment."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_BETWEEN_S)
        else:
            return True
    return False


def _holder(text: bytes) -> Holder:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):  # it has the lock and has not said a word yet
        return Holder(0, "", 0.0)
