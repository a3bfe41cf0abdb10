"""Names for runs: they sort by time, and no two are the same."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from edp.core import clock

_FILE = re.compile(r"(?:.*/)?\d{8}T\d{6}-[0-9a-f]{8}-\d+-[\w-]+\.parquet")


def new_run_id(at: float | None = None) -> str:
    """An id for what begins at `at` (seconds), or now: the time in UTC and eight hex digits.

    >>> new_run_id(0.0)[:16]
    '19700101T000000-'
    """
    begun = datetime.fromtimestamp(clock.now() if at is None else at, UTC)
    return f"{begun:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def named_by_a_run(path: str) -> bool:
    """Whether the path of a Parquet file ends in a name that a run gives.

    >>> named_by_a_run("target/t/20250902T080000-00c0ffee-1-0-5a3a2eec.parquet")
    True
    >>> named_by_a_run("target/t/part-0.parquet")
    False
    """
    return _FILE.fullmatch(path) is not None
