"""The time, asked for in one place so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> float:
    """Seconds since the epoch, as `time.time` gives them (so freezegun moves them)."""
    return time.time()


def iso(at: float) -> str:
    """ISO 8601 text in UTC with milliseconds, as S3 writes event times.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    moment = _EPOCH + timedelta(milliseconds=round(at * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """Seconds since the epoch; a text without an offset is UTC.

    Raises: ValueError when `text` is not ISO 8601.

    >>> from_iso("1970-01-01T00:00:01Z")
    1.0
    """
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
