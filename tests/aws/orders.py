"""Small files of orders, as the declared dataset has them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.aws import reader

if TYPE_CHECKING:
    from tests.aws_sim.world import World

SECRETS = {
    "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "EDP_MASK_KEY": "k" * 32,
}


def csv(*ids: int) -> bytes:
    """A file of orders with these ids, on two days."""
    lines = [f"{one},2026-01-0{1 + one % 2},4111-{one}" for one in ids]
    return "\n".join(["order_id,order_date,card", *lines, ""]).encode()


def by_file(world: World) -> dict[str, Counter[int]]:
    """How often each order of each file is in the table that Athena reads."""
    found: dict[str, Counter[int]] = {}
    if "orders" in reader.tables(world.names.database):
        for row, n in reader.rows(world.names.database, "orders").items():
            told = dict(row)
            there = found.setdefault(str(told["_source_file"]), Counter())
            there[int(str(told["order_id"]))] += n
    return found


def ids_of(world: World, key: str) -> Counter[int]:
    """The same of one file."""
    return by_file(world).get(key, Counter())
