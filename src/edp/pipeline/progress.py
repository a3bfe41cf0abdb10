"""Progress: where an operation's steps are, between two of their tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from edp.etl.port import Etl, Finished, Task


@dataclass
class Progress:
    """Steps, the tickets that they wait for, and the ends that have come."""

    steps: Generator[Sequence[Task], Sequence[Finished], object]
    _waiting: list[int] = field(default_factory=list)
    _ended: dict[int, Finished] = field(default_factory=dict)

    def take(self, finished: Finished) -> bool:
        """Take the end of a task, if it is one of theirs; whether they can go on now."""
        if finished.ticket not in self._waiting:
            return False
        self._ended[finished.ticket] = finished
        return len(self._ended) == len(self._waiting)

    def begin(self, etl: Etl) -> None:
        """Take the first step.

        Raises: StopIteration at the end of the steps, and what they do.
        """
        self._waiting = [etl.submit(task) for task in next(self.steps)]

    def go_on(self, etl: Etl) -> None:
        """Take the next step, once all tasks of the one before have ended.

        Raises: StopIteration at the end of the steps, and what they do.
        """
        tasks = self.steps.send([self._ended[ticket] for ticket in self._waiting])
        self._ended = {}
        self._waiting = [etl.submit(task) for task in tasks]
