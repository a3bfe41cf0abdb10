"""A doorbell: whoever brings work rings, and the process that works hears it at once.

A named pipe, so that any process of the machine can ring. A ring says nothing more than "look"; one
that nobody hears is lost, and whoever works looks by itself now and then.
"""

from __future__ import annotations

import os
import select
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ: Final = 4096


@dataclass(frozen=True)
class Listening:
    """The ear at a bell: `handle` can be read once it has been rung."""

    handle: int

    def quiet(self) -> None:
        """Take the rings so far; the next one is heard again."""
        with suppress(BlockingIOError):
            while os.read(self.handle, _READ):
                pass

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, for `seconds` at most."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        poll.poll(seconds * 1000)


class Bell:
    """The bell at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ring(self) -> None:
        """Have the listener look; no error where there is none, and no wait where it rings yet."""
        with suppress(OSError):  # nobody listens, or it is rung so often that the pipe is full
            handle = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if stat.S_ISFIFO(os.fstat(handle).st_mode):
                    os.write(handle, b"!")
            finally:
                os.close(handle)

    @contextmanager
    def listening(self) -> Iterator[Listening]:
        """Hear the bell; one process at a time does.

        Raises: ConfigError where no bell can be made there.
        """
        try:
            if not self._path.is_fifo():
                self._path.unlink(missing_ok=True)
                os.mkfifo(self._path)
        except OSError as error:
            why = (
                f"cannot make the named pipe {self._path}: {error}; a workspace needs a local disk"
            )
            raise ConfigError(why) from error
        # open for writing, too: a pipe whose last writer has left can always be read
        handle = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            ear = Listening(handle)
            ear.quiet()
            yield ear
        finally:
            os.close(handle)
