"""What is to be loaded and asked: files a day, their size, queries; assumed, given, or seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.receipts import Receipt

_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Profile:
    """`files` a day of `size` bytes each, of which `together` come at once; `queries` a day.

    A run writes `parts` Parquet files, and a query scans `scan` bytes. `source` says where the
    numbers are from.
    """

    files: Decimal = Decimal(1000)
    size: int = 1_000_000
    together: int = 1
    parts: int = 1
    queries: Decimal = Decimal(10)
    scan: int = 100_000_000
    source: str = "assumed"


def seen(receipts: Sequence[Receipt], runs: Sequence[Mapping[str, object]]) -> Profile | None:
    """What a ledger's receipts and runs tell; None where they tell of no file.

    Days are counted from the first run to the last, one at least. What came together is what a
    run held in the middle.
    """
    sizes = [one.bytes for one in receipts if one.bytes is not None]
    started = [datetime.fromisoformat(str(run["started_at"])) for run in runs]
    held = sorted(int(str(run["files"])) for run in runs)
    if not sizes or not started:
        return None
    seconds = max(_DAY_S, (max(started) - min(started)).total_seconds())
    days = Decimal(round(seconds)) / _DAY_S
    return replace(
        Profile(),
        files=(len(sizes) / days).quantize(Decimal("0.01")),
        size=sum(sizes) // len(sizes),
        together=held[len(held) // 2],
        source=f"seen in {days.quantize(Decimal('0.1'))} days",
    )
