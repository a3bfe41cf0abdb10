"""Where moto's DynamoDB takes too long: a transaction copies its table, once for each item."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from moto.dynamodb.models.table import Table


def mend() -> None:
    """Make it quick; once is enough."""
    setattr(Table, "__deepcopy__", _as_it_is)  # noqa: B010 (types know of no such method)


def _as_it_is(table: Table, _memo: object) -> Table:
    """What a refused transaction goes back to; puts and deletes change no item in place."""
    there = copy.copy(table)
    items: Any = defaultdict(dict)
    items.update((key, dict(found)) for key, found in table.items.items())
    there.items = items
    return there
