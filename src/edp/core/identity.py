"""Names for runs: they sort by time, and no two are the same."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from edp.core import clock


def new_run_id(at: float | None = None) -> str:
    """An id for what begins at `at` (seconds), or now: the time in UTC and eight hex digits.

    >>> new_run_id(0.0)[:16]
    '19700101T000000-'
    """
    begun = datetime.fromtimestamp(clock.now() if at is None else at, UTC)
    return f"{begun:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
