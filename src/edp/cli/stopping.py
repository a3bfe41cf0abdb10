"""Stopping when asked: SIGINT and SIGTERM let the work end in good order."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOPPED: Final = 130
"""Exit status of a command that was stopped before its work was done."""


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has asked to stop."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _frame: asked.append(n))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
