"""How much, how long and how many: what functions get, and what queues have to allow for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edp.core.contract import Config


@dataclass(frozen=True)
class Size:
    """What a function is given: MB of memory and of disk, and seconds."""

    memory: int = 512
    disk: int = 512
    timeout_s: int = 60


ETL: Final = Size(memory=3008, disk=10240, timeout_s=300)
SETTLE: Final = Size(memory=1024, disk=1024, timeout_s=900)
RECONCILE_MIN: Final = 5
RECONCILE: Final = Size(memory=1024, timeout_s=RECONCILE_MIN * 60)
SMALL: Final = Size()
HIDDEN: Final = 6
"""A message is hidden for so many timeouts of its function, as AWS advises, and the window."""
CRAWL_WINDOW_S: Final = 60
MOST_MESSAGES: Final = 10_000
"""That one call may bring."""
_LONGEST_WINDOW_S: Final = 300


def window_s(config: Config) -> int:
    """How long messages are gathered for one call (s); more than ten need a window."""
    return max(1, min(_LONGEST_WINDOW_S, round(config.batch.max_wait.total_seconds())))
