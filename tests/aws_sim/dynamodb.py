"""Where moto's DynamoDB differs from the one that AWS describes."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from typing import Any, Final

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_call = DynamoHandler.call_action
_transact = DynamoDBBackend.transact_write_items
_one_at_a_time: Final = threading.RLock()
_touched: Final[list[dict[str, Any]]] = []
_before: Final[dict[str, Table]] = {}


def mend() -> None:
    """Make it so; once is enough."""
    setattr(DynamoHandler, "call_action", _called)  # noqa: B010 (types know it as a method)
    setattr(DynamoDBBackend, "transact_write_items", _transacted)  # noqa: B010
    setattr(Table, "__deepcopy__", _copied)  # noqa: B010


def _called(handler: DynamoHandler) -> Any:  # noqa: ANN401 (as moto's own)
    """Operations do not see each other's halves; moto's threads do."""
    with _one_at_a_time:
        return _call(handler)


def _transacted(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """A transaction costs what it touches; moto copies the table, to have it back on failure."""
    _touched[:] = [operation for item in transact_items for operation in item.values()]
    try:
        _transact(backend, transact_items)
    finally:
        _touched.clear()
        _before.clear()


def _copied(table: Table, _: dict[int, Any]) -> Table:
    """The table as it is, with copies of those items that the transaction touches."""
    if table.name in _before:
        return _before[table.name]
    made = copy.copy(table)
    items: Any = defaultdict(dict)
    items.update({key: dict(rows) for key, rows in table.items.items()})
    for operation in _touched:
        given = operation.get("Key") or operation["Item"]
        key, rest = (DynamoType(given[name]) for name in table.table_key_attrs)
        if rest in items[key]:
            items[key][rest] = copy.deepcopy(items[key][rest])
    made.items = items
    return _before.setdefault(table.name, made)
