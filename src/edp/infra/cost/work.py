"""What a file and a run ask of AWS, as counted in requests of the code that is deployed.

A test counts them again with the code as it is, so that these numbers stay true.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)


@dataclass(frozen=True)
class Work:
    """Requests to DynamoDB, and the units that these are charged as; requests to S3, by kind.

    `events` are those that EventBridge is told, and `rows` bytes that stay in DynamoDB, indexes
    included.
    """

    requests: Decimal = ZERO
    writes: Decimal = ZERO
    reads: Decimal = ZERO
    puts: Decimal = ZERO
    gets: Decimal = ZERO
    events: Decimal = ZERO
    rows: Decimal = ZERO


def _work(
    requests: int, writes: int, reads: int, *, puts: int, gets: int, events: int, rows: int
) -> Work:
    return Work(*map(Decimal, (requests, writes, reads, puts, gets, events, rows)))


FILE: Final = _work(14, 30, 14, puts=0, gets=1, events=1, rows=3700)
"""A file that is committed: accepted, lent to a run, noted, committed, told."""
RUN: Final = _work(39, 20, 21, puts=3, gets=0, events=1, rows=2200)
"""A run in a function, whatever it holds: claimed, planned, committed, told, shown to readers."""
SIGHT: Final = _work(5, 1, 4, puts=0, gets=0, events=0, rows=350)
"""A file, when a listing shows it for the first time, which an event told of before."""
LOOK: Final = _work(24, 1, 17, puts=3, gets=0, events=0, rows=0)
"""A call of the reconciler that finds nothing to do, in buckets that one answer lists."""
