"""Shares of many numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The least of `values` that `share` of them do not exceed; None where there are none.

    >>> percentile([4.0, 1.0, 2.0, 3.0], 0.5), percentile([], 0.5)
    (2.0, None)
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
