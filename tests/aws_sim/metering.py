"""What recorded requests are charged as: units of DynamoDB, kinds of S3's requests.

Source: AWS, "DynamoDB item sizes and formats", "DynamoDB on-demand capacity mode", "Using global
secondary indexes: provisioned throughput considerations"; "Amazon S3 pricing".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from edp.backends.dynamo import INDEXES
from tests.aws_sim.recording import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.aws_sim.border import Request

    Item = Mapping[str, Mapping[str, Any]]

_WRITE: Final = 1024
_READ: Final = 4096
_PUTS: Final = frozenset(
    {
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "ListObjectVersions",
        "ListObjectsV2",
        "PutObject",
        "UploadPart",
        "UploadPartCopy",
    }
)
_FREE: Final = frozenset({"DeleteObject", "DeleteObjects", "AbortMultipartUpload"})


@dataclass(frozen=True)
class Charged:
    """DynamoDB's requests and units, and the bytes that its rows take then, and S3's requests."""

    requests: int
    writes: Decimal
    reads: Decimal
    rows: int
    puts: int
    gets: int


_S3: Final = {
    "DELETE": "DeleteObject",
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "POST": "DeleteObjects",
    "PUT": "PutObject",
}


def called(request: Request) -> Call:
    """A request at the border as a call, whose answer nobody saw."""
    operation = request.operation
    if request.service == "s3":
        listing = operation == "GET" and "/" not in request.path.strip("/")
        operation = "ListObjectsV2" if listing else _S3[operation]
    return Call(request.service, operation, request.given, {})


class Meter:
    """Charges calls in the order in which they were made; knows the rows that they left."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Item] = {}

    def charge(self, calls: Iterable[Call]) -> Charged:
        """What the calls come to."""
        requests = puts = gets = 0
        writes = reads = Decimal(0)
        for call in calls:
            if call.service == "dynamodb":
                requests += 1
                writes += self._written(call)
                reads += _read(call)
            elif call.service == "s3" and call.operation not in _FREE:
                puts += call.operation in _PUTS
                gets += call.operation not in _PUTS
        rows = sum(_kept(item) for item in self._rows.values())
        return Charged(requests, writes, reads, rows, puts, gets)

    def _written(self, call: Call) -> Decimal:
        match call.operation:
            case "PutItem":
                return Decimal(self._put(call.given["Item"], done="Error" not in call.answer))
            case "TransactWriteItems":
                done = "Error" not in call.answer
                items = [one["Put"]["Item"] for one in call.given["TransactItems"]]
                # prepared, then committed: twice; the indexes follow by themselves
                twice = sum(math.ceil(size(item) / _WRITE) for item in items)
                return Decimal(twice + sum(self._put(item, done=done) for item in items))
            case "UpdateItem":
                return Decimal(1)  # a counter: smaller than a unit, and in no index
            case "DeleteItem":
                key = call.given["Key"]
                gone = self._rows.pop((key["pk"]["S"], key["sk"]["S"]), {})
                return Decimal(1 + sum(name in gone for name in INDEXES))
        return Decimal(0)

    def _put(self, item: Item, *, done: bool) -> int:
        """Units of one item's writing, those of the indexes included."""
        units = math.ceil(size(item) / _WRITE)
        if not done:
            return units  # a condition that fails is charged, too
        key = (item["pk"]["S"], item["sk"]["S"])
        before = self._rows.get(key, {})
        self._rows[key] = item
        return units + sum(_index_writes(name, before, item) for name in INDEXES)


def _index_writes(name: str, before: Item, after: Item) -> int:
    """Units that an index takes to follow: a new key there is a removal and an addition."""
    was, now = _entry(name, before), _entry(name, after)
    if was == now:
        return 0
    keys = (name, f"{name}_n")
    moved = bool(was and now) and [was[key] for key in keys] != [now[key] for key in keys]
    units = math.ceil(max(size(was), size(now)) / _WRITE)
    return 2 * units if moved else units


def _entry(name: str, item: Item) -> Item:
    """What an index holds of an item."""
    if name not in item:
        return {}
    return {key: item[key] for key in ("pk", "sk", name, f"{name}_n", "brief") if key in item}


def _kept(item: Item) -> int:
    """Bytes that an item takes, with those that DynamoDB adds for itself: 100 for each entry."""
    entries = [entry for name in INDEXES if (entry := _entry(name, item))]
    return size(item) + 100 + sum(size(entry) + 100 for entry in entries)


def size(item: Item) -> int:
    """An item's bytes: those of its names, and of its values as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, given),) = value.items()
    if kind == "N":
        digits = str(given).lstrip("-").replace(".", "").strip("0")
        return math.ceil(len(digits) / 2) + 1
    assert kind == "S", "rows hold texts and numbers"
    return len(given.encode())


def _read(call: Call) -> Decimal:
    answer = call.answer
    match call.operation:
        case "GetItem":
            return _units([answer.get("Item", {})])
        case "BatchGetItem":
            found = [item for items in answer.get("Responses", {}).values() for item in items]
            asked = sum(len(one["Keys"]) for one in call.given["RequestItems"].values())
            missed: list[Item] = [{}] * (asked - len(found))
            return sum((_units([item]) for item in [*found, *missed]), Decimal(0))
        case "Query" | "Scan":
            units = _units(answer.get("Items", []))
            return units if call.given.get("ConsistentRead") else units / 2
    return Decimal(0)


def _units(items: Sequence[Item]) -> Decimal:
    """Units of reading items together, consistently; one at least."""
    return Decimal(max(1, math.ceil(sum(map(size, items)) / _READ)))
