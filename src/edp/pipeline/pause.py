"""A pause after the disk has failed a task: nothing starts for a while, then one run tells.

What fails with the disk is no file's fault, and trying at once would only fail again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from edp.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from edp.core.errors import Failure

FIRST_S: Final = 5.0
LONGEST_S: Final = 60.0


class Pause:
    """Begins, longer each time, with a failure of the disk, and ends with the next success.

    `reason` is empty while there is none.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._until = 0.0
        self._next_s = FIRST_S

    def note(self, failure: Failure | None) -> None:
        """Something has ended: well, with a failure of the disk, or with one of its own."""
        if failure is not None and failure.code == StoreUnavailable.code:
            self.reason = failure.message
            self._until = time.monotonic() + self._next_s
            self._next_s = min(2 * self._next_s, LONGEST_S)
        elif failure is None:
            self.reason, self._next_s = "", FIRST_S

    @property
    def left_s(self) -> float:
        """Seconds until the next try; 0 where it may be now."""
        return max(0.0, self._until - time.monotonic()) if self.reason else 0.0

    def lets_start(self, *, underway: int) -> bool:
        """Whether a run may start; after a pause it is a single one."""
        return not self.reason or (not underway and not self.left_s)
