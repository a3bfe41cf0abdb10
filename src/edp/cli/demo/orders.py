"""Generated orders, as bad as real ones, and the account of what is to become of each.

The account is the demo's oracle: it is written down while the orders are made, by the contract's
words and without the engine. One seed makes one delivery, byte for byte.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from edp.core.receipts import Counts

FILES: Final = 10
CORRECTED: Final = 8
"""The day whose file is delivered twice, the second time corrected."""
HOPELESS: Final = 10
"""The first day on which the shop writes its dates in another way."""

_HEADER: Final = "Order ID,Revision,Placed,Customer,Status,Amount,Card"
_FIRST_DAY: Final = datetime(2026, 11, 1)  # noqa: DTZ001 (the shop's own time, without a zone)
_STATUSES: Final = ("OPEN", "PAID", "SHIPPED", "RETURNED")
_ISO: Final = "%Y-%m-%d %H:%M:%S"
_DAY_FIRST: Final = "%d/%m/%Y %H:%M:%S"
_REAL_SHARE: Final = 0.92
_TROUBLE: Final = (  # what may be wrong with an order, and how often among 80
    ("repeated", 20),
    ("revised", 20),
    ("test", 8),
    ("no such day", 8),
    ("day first", 8),
    ("no amount", 4),
    ("fractions", 2),
    ("no id", 4),
    ("no status", 4),
    ("cut short", 2),
)

Rejects = Counter[tuple[str, str]]
"""Rows by (column, how the reason begins)."""


@dataclass
class Delivery:
    """A file, and what is to become of its records under the contract.

    `sales` are the rows that its table gets: orders and cents by status.
    """

    day: int
    text: str = ""
    written: int = 0
    duplicate: int = 0
    filtered: int = 0
    rejects: Rejects = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    cents: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"day-{self.day:02d}.csv"

    @property
    def key(self) -> str:
        """Where the file goes."""
        return f"orders/{self.name}"

    @property
    def counts(self) -> Counts:
        """What its receipt is to say."""
        rejected = sum(self.rejects.values())
        read = self.written + self.duplicate + self.filtered + rejected
        return Counts(read, self.written, self.duplicate, self.filtered, rejected)


@dataclass(frozen=True)
class _Order:
    id: int
    placed: datetime
    customer: int
    status: str
    cents: int
    card: str

    def line(self, dates: str, **changed: str) -> str:
        amount = f"{self.cents // 100}.{self.cents % 100:02d}"
        fields = {
            "id": str(self.id),
            "revision": "1",
            "placed": self.placed.strftime(dates),
            "customer": str(self.customer),
            "status": self.status,
            "amount": amount,
            "card": self.card,
        }
        return ",".join((fields | changed).values())


def deliveries(orders: int, seed: int) -> list[Delivery]:
    """A file for each of ten days, with `orders` orders in all."""
    return [delivery(day, orders // FILES, seed) for day in range(1, FILES + 1)]


def delivery(day: int, share: int, seed: int) -> Delivery:
    """One day's file, with `share` orders."""
    rng = random.Random(f"{seed}/{day}")  # noqa: S311 (orders, no secrets)
    first = (day - 1) * share + 1
    made = Delivery(day)
    dates = _DAY_FIRST if day >= HOPELESS else _ISO
    lines, later = [], []
    for n in range(first, first + share):
        order = _order(n, day, rng)
        kind = "" if rng.random() < _REAL_SHARE else _wrong(rng)
        lines.append(_line(made, order, kind, dates, rng))
        if kind == "repeated":
            later.append(lines[-1])
        elif kind == "revised":
            later.append(_revised(made, order, dates, rng))
    rng.shuffle(later)
    made.text = "\n".join((_HEADER, *lines, *later, ""))
    return made


def uncorrected(made: Delivery) -> str:
    """What was delivered first: the same orders, all of those that are shipped still open."""
    return made.text.replace(",SHIPPED,", ",OPEN,")


def _order(n: int, day: int, rng: random.Random) -> _Order:
    return _Order(
        id=n,
        placed=_FIRST_DAY + timedelta(days=day - 1, seconds=rng.randrange(86_400)),
        customer=rng.randint(1, 12_000),
        status=rng.choice(_STATUSES),
        cents=rng.randint(100, 99_999),
        card=f"{rng.randrange(10**16):016d}",
    )


def _wrong(rng: random.Random) -> str:
    kinds, weights = zip(*_TROUBLE, strict=True)
    return str(rng.choices(kinds, weights)[0])


def _line(made: Delivery, order: _Order, kind: str, dates: str, rng: random.Random) -> str:
    """The order's line, its fate written down."""
    if kind in ("", "repeated"):
        _sell(made, order.status, order.cents)
        made.duplicate += kind == "repeated"
        return order.line(dates)
    if kind == "revised":  # this line loses against the one to come
        made.duplicate += 1
        return order.line(dates)
    if kind == "test":
        made.filtered += 1
        return order.line(dates, status="test")
    if kind == "day first" and dates == _DAY_FIRST:  # where all dates are, nothing is wrong with it
        _sell(made, order.status, order.cents)
        return order.line(dates)
    column, reason, changed = _reject(kind, order, rng)
    made.rejects[column, reason] += 1
    line = order.line(dates, **changed)
    return line.rpartition(",")[0].rpartition(",")[0] if kind == "cut short" else line


def _reject(kind: str, order: _Order, rng: random.Random) -> tuple[str, str, dict[str, str]]:
    """The column that is wrong, how the reason for it begins, and what stands there instead."""
    match kind:
        case "no such day":
            day = rng.choice(("2026-02-30 10:00:00", "2026-11-31 10:00:00", "yesterday"))
            return "placed", "not a timestamp", {"placed": day}
        case "day first":  # in November, either number may be the month
            return "placed", "ambiguous timestamp", {"placed": order.placed.strftime(_DAY_FIRST)}
        case "no amount":
            amount = rng.choice(("free", '"12,50"'))
            return "amount", "not a decimal(10,2)", {"amount": amount}
        case "fractions":
            return "amount", "out of range", {"amount": "1.999"}
        case "no id":
            return "order_id", "not a bigint", {"id": f"A{order.id}"}
        case "no status":
            return "status", "not one of", {"status": "MAYBE"}
        case _:
            return "", "missing columns", {}


def _revised(made: Delivery, order: _Order, dates: str, rng: random.Random) -> str:
    status = rng.choice(_STATUSES)
    _sell(made, status, order.cents)
    return order.line(dates, revision="2", status=status)


def _sell(made: Delivery, status: str, cents: int) -> None:
    made.written += 1
    made.orders[status] += 1
    made.cents[status] += cents
