"""Stopping when asked: SIGINT and SIGTERM let the work end in good order."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOPPED: Final = 130
"""Exit status of a command that was stopped before its work was done."""


class Stop:
    """Whether SIGINT or SIGTERM has asked to stop; a second one asks to hurry."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self) -> bool:
        """Whether it was asked at all."""
        return self._asked > 0

    def hurry(self) -> bool:
        """Whether it was asked more than once."""
        return self._asked > 1

    def ask(self) -> None:
        """Ask to stop."""
        self._asked += 1


@contextmanager
def stopping(ring: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """Whether SIGINT or SIGTERM has asked to stop; `ring` wakes who waits."""
    stop = Stop()

    def ask(_number: int, _frame: object) -> None:
        stop.ask()
        ring()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
