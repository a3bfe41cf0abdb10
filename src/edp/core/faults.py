"""Named points where a test makes the process die; no-ops unless armed.

Promise tests kill the process at each point and check that nothing is lost or doubled.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS: Final = (
    "put.staged",
    "put.renamed",
    "intake.received",
    "intake.accepted",
    "run.claimed",
    "job.planned",
    "job.started",
    "settle.read",
    "engine.snapshot",
    "engine.staged",
    "engine.rewritten",
    "commit.planned",
    "target.renamed",
    "commit.before",
    "commit.noted",
    "commit.after",
    "compact.planned",
    "compact.before",
    "compact.after",
    "commits.merged",
    "garbage.removed",
    "rebuild.aside",
    "backup.copied",
    "backup.named",
)
"""Every point, in the order of the flow."""

_armed: dict[str, Iterator[int]] = {}


def arm(spec: str) -> None:
    """Kill this process (SIGKILL) at the n-th time it reaches a point: `name:nth`, comma-separated.

    Raises: ValueError for an unknown point.
    """
    for part in filter(None, spec.split(",")):
        name, _, nth = part.partition(":")
        if name not in POINTS:
            raise ValueError(f"unknown fault point {name!r}; there are {', '.join(POINTS)}")
        _armed[name] = reversed(range(int(nth or 1)))


def reach(name: str) -> None:
    """Say that the process is at `name`."""
    if name in _armed and next(_armed[name], None) == 0:
        os.kill(os.getpid(), signal.SIGKILL)
