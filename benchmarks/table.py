"""Tables in Markdown."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.peers import LIMIT, PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.throughput import Rounds


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what is in the first column stands left, all else right."""
    rule = ["---", *("---:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rule, *rows)) + "\n"


def rounds_table(found: Rounds) -> str:
    """What the peers took, in the median, and as multiples of hand-written SQL."""
    columns = ["", "runs", "wall s", "CPU s", "peak MB", "wall", "CPU", "peak memory"]
    rows = []
    for peer, measured in found.measured.items():
        rows.append([
            PEERS[peer].title,
            str(len(measured)),
            f"{median(one.wall_s for one in measured):.1f}",
            f"{median(one.cpu_s for one in measured):.1f}",
            f"{median(one.peak for one in measured) / 1e6:,.0f}",
            ratio(found.ratios(peer, "wall_s")),
            ratio(found.ratios(peer, "cpu_s")),
            ratio(found.ratios(peer, "peak")),
        ])  # fmt: skip
    about = f"{found.data.rows:,} rows; the last three as multiples of {PEERS[LIMIT].title}"
    return f"{found.data.name}: {about}, median (range)\n\n{markdown(columns, rows)}"


def ratio(values: Sequence[float]) -> str:
    """Median and range.

    >>> ratio([1.0, 1.25, 1.1]), ratio([])
    ('1.10 (1.00-1.25)', '')
    """
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})" if values else ""
