"""Who works a workspace: one process at a time does."""

from __future__ import annotations

from dataclasses import dataclass

from edp.core.clock import iso


@dataclass(frozen=True)
class Holder:
    """The process that works a workspace, as it tells of itself.

    `pid` is 0 where it has not said a word yet. `command` is how it was started, `since` when
    (seconds). `paused` says why it cannot work at the moment, and is empty while it can.
    """

    pid: int
    command: str
    since: float
    paused: str = ""

    def __str__(self) -> str:
        """In words.

        >>> str(Holder(7, "edp up", 0.0))
        'process 7 (edp up, since 1970-01-01T00:00:00.000Z)'
        """
        if not self.pid:
            return "another process"
        return f"process {self.pid} ({self.command}, since {iso(self.since)})"
