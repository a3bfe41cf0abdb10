"""The account of the generator beside what the stages say: the same, or where they differ."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edp.cli.demo.orders import Delivery, Rejects
    from edp.core.receipts import Counts
    from edp.wiring import Workspace

_SALES: Final = "SELECT status, count(*), sum(amount) * 100 FROM orders GROUP BY status"
_REJECTS: Final = """\
SELECT column_name, split_part(reason, ':', 1), count(*) FROM edp.rejects GROUP BY ALL"""


def differences(here: Workspace, made: Sequence[Delivery]) -> Iterator[str]:
    """What is not as the generator of `made` has written it down; nothing, if all is well."""
    yield from _receipts(here, made)
    orders: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    rejects: Rejects = Counter()
    for one in made:
        orders += one.orders
        cents += one.cents
        rejects += one.rejects
    found = {status: (n, total) for status, n, total in _ask(here, _SALES)}
    for status in sorted({*orders, *map(str, found)}):
        wanted = (orders[status], cents[status])
        if found.get(status) != wanted:
            yield f"{status}: {found.get(status)} (orders, cents) in the table, not {wanted}"
    rejected = Counter(
        {(str(c or ""), str(why)): int(str(n)) for c, why, n in _ask(here, _REJECTS)}
    )
    for reason in sorted({*rejects, *rejected}):
        if rejected[reason] != rejects[reason]:
            yield f"{reason}: {rejected[reason]} rejects, not {rejects[reason]}"


def _receipts(here: Workspace, made: Sequence[Delivery]) -> Iterator[str]:
    committed: dict[str, Counts | None] = {
        receipt.key: receipt.counts
        for receipt in here.stages.receipts.receipts()
        if receipt.state == "committed"
    }
    for one in made:
        if committed.get(one.key) != one.counts:
            yield f"{one.key}: {committed.get(one.key)}, not {one.counts}"


def _ask(here: Workspace, sql: str) -> Sequence[tuple[object, ...]]:
    from edp.pipeline.ask import answer

    return answer(here, sql).rows
