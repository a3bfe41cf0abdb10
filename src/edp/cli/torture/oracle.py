"""The oracle: what the table must hold, read with Python's own CSV reader.

It knows the files and the words of the contract. It asks neither the engine nor the ledger.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.cli.torture.plan import Put

REJECT_RATIO: Final = 0.5
"""Of a file with a greater share of rejects nothing is published."""

Rows = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Expected:
    """What is to become of the newest version of a key; `dead` when nothing of it is published."""

    rows: Rows
    read: int
    rejected: int

    @property
    def dead(self) -> bool:
        """Whether the file has too many rejects to be published."""
        return self.rejected > self.read * REJECT_RATIO


def expected(puts: Sequence[Put]) -> Mapping[str, Expected]:
    """What each key's last put is to give."""
    return {key: _read(text) for key, text in {one.key: one.text for one in puts}.items()}


def table(expected: Mapping[str, Expected]) -> Rows:
    """The rows of the whole table, each once."""
    rows: Rows = Counter()
    for one in expected.values():
        if not one.dead:
            rows += one.rows
    return rows


def digest(rows: Rows) -> str:
    """A hash of the rows with their numbers, whatever their order.

    >>> digest(Counter({("1",): 1})) == digest(Counter({("1",): 2}))
    False
    """
    lines = sorted(",".join(row) for row in rows.elements())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read(text: str) -> Expected:
    _, *lines = csv.reader(text.splitlines())
    good = [tuple(line) for line in lines if _is_amount(line[2])]
    rows: Rows = Counter(set(good))  # a line that stands there twice is one row
    return Expected(rows, len(lines), len(lines) - len(good))


def _is_amount(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
