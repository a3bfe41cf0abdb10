"""One DynamoDB table of small documents, each changed only by whoever read its newest revision.

Reads by key are consistent. The two indexes are not, at once: what they name is read again before
anything is made of it.
"""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edp.backends.boto import Service

INDEXES: Final = ("work", "time")
"""Index I has the rows that name a group and a number for it, in the attributes `I` and `I_n`."""

_INDEX_KEYS: Final = [name for index in INDEXES for name in (index, f"{index}_n")]
DEFINITION: Final[Mapping[str, Any]] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        *(
            {"AttributeName": name, "AttributeType": "N" if name.endswith("_n") else "S"}
            for name in _INDEX_KEYS
        ),
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": index, "KeyType": "HASH"},
                {"AttributeName": f"{index}_n", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["brief"]},
        }
        for index in INDEXES
    ],
}
"""What the table is made with, but for its name."""

_AT_ONCE: Final = 16
_GET_MOST: Final = 100
_TRIES: Final = 30
_CONFLICT: Final = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
_LOST: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict", "None"})


@dataclass(frozen=True)
class Row:
    """A document under its two keys; `rev` is 0 for one that is not in the table yet.

    `brief` is what the indexes tell of it; `index` maps index to group and number.
    """

    pk: str
    sk: str
    doc: Mapping[str, Any] = field(default_factory=dict)
    index: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    brief: Mapping[str, Any] = field(default_factory=dict)
    rev: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Both keys."""
        return self.pk, self.sk


class Table:
    """Rows of one table."""

    def __init__(self, dynamodb: Service, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def get(self, pk: str, sk: str) -> Row | None:
        """The row, if it is there."""
        answer = self._dynamodb.get_item(
            TableName=self._name, Key=_packed({"pk": pk, "sk": sk}), ConsistentRead=True
        )
        return _row(answer["Item"]) if "Item" in answer else None

    def get_all(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that are there, by key."""
        found: dict[tuple[str, str], Row] = {}
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), _GET_MOST):
            asked = [_packed({"pk": pk, "sk": sk}) for pk, sk in wanted[start : start + _GET_MOST]]
            while asked:
                request = {self._name: {"Keys": asked, "ConsistentRead": True}}
                answer = self._dynamodb.batch_get_item(RequestItems=request)
                for item in answer["Responses"].get(self._name, ()):
                    row = _row(item)
                    found[row.key] = row
                asked = answer["UnprocessedKeys"].get(self._name, {}).get("Keys", [])
        return found

    def query(
        self,
        pk: str,
        *,
        first: str = " ",
        last: str = "\U0010ffff",
        newest_first: bool = False,
    ) -> Iterator[Row]:
        """The rows of a partition whose second key lies between `first` and `last`, in order.

        With `newest_first` in the other order: second keys that are numbers grow.
        """
        values = {":pk": pk, ":first": first, ":last": last}
        pages = self._dynamodb.pages(
            "query",
            TableName=self._name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=_packed(values),
            ScanIndexForward=not newest_first,
        )
        for page in pages:
            yield from map(_row, page["Items"])

    def find(
        self, index: str, group: str, *, above: float = -1.0, newest_first: bool = False
    ) -> Iterator[Row]:
        """Rows of an index's group whose number is above `above`, by number: only their briefs."""
        pages = self._dynamodb.pages(
            "query",
            TableName=self._name,
            IndexName=index,
            KeyConditionExpression="#i = :group AND #n > :above",
            ExpressionAttributeNames={"#i": index, "#n": f"{index}_n"},
            ExpressionAttributeValues=_packed({":group": group, ":above": above}),
            ScanIndexForward=not newest_first,
        )
        for page in pages:
            yield from map(_row, page["Items"])

    def scan(self, *, prefix: str) -> Iterator[Row]:
        """All rows whose second key starts with `prefix`: every row of the table is read."""
        pages = self._dynamodb.pages(
            "scan",
            TableName=self._name,
            ConsistentRead=True,
            FilterExpression="begins_with(sk, :prefix)",
            ExpressionAttributeValues=_packed({":prefix": prefix}),
        )
        for page in pages:
            yield from map(_row, page["Items"])

    def put(self, row: Row) -> bool:
        """Write the row, unless somebody else wrote it since it was read; whether it is written."""
        put = self._put(row)
        try:
            self._dynamodb.put_item(**put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ClientError as error:
            if code_of(error) not in _CONFLICT:
                raise
            # a call whose answer was lost is made again, and finds what it wrote itself
            there: Mapping[str, Any] = error.response.get("Item", {})
            return bool(there.get("by") == put["Item"]["by"])
        return True

    def put_all(self, rows: Sequence[Row], *, gone: Sequence[Row] = ()) -> bool:
        """Write all rows and remove those that are to be `gone`, or nothing; whether it is done.

        They are at most 100, and none of them was written by others since it was read.
        """
        if len(rows) == 1 and not gone:
            return self.put(rows[0])
        puts = [{"Put": self._put(row)} for row in rows]
        deletes = [{"Delete": self._delete(row)} for row in gone]
        try:
            self._dynamodb.transact_write_items(TransactItems=[*puts, *deletes])
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", ())
            lost = {str(reason.get("Code")) for reason in reasons} <= _LOST
            if code_of(error) not in _CONFLICT or not lost:
                raise
            return False
        return True

    def put_each(self, rows: Sequence[Row]) -> list[bool]:
        """Write rows, each for itself; which of them are written."""
        return self.each(self.put, rows)

    def each(self, do: Callable[[Any], bool], given: Sequence[Any]) -> list[bool]:
        """What `do` says of each, several at a time."""
        if len(given) < 2:  # noqa: PLR2004 (one needs no threads)
            return [do(one) for one in given]
        with ThreadPoolExecutor(min(_AT_ONCE, len(given))) as pool:
            return list(pool.map(do, given))

    def remove(self, pk: str, sk: str) -> None:
        """Remove a row; one that is not there is no error."""
        self._dynamodb.delete_item(TableName=self._name, Key=_packed({"pk": pk, "sk": sk}))

    def add(self, pk: str, sk: str, n: int) -> int:
        """Add to a counter; what it is then."""
        answer = self._dynamodb.update_item(
            TableName=self._name,
            Key=_packed({"pk": pk, "sk": sk}),
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues=_packed({":n": n}),
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["n"]["N"])

    def count(self, pk: str, sk: str) -> int:
        """What a counter is."""
        key = _packed({"pk": pk, "sk": sk})
        item = self._dynamodb.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        return int(item.get("Item", {}).get("n", {"N": "0"})["N"])

    def _put(self, row: Row) -> dict[str, Any]:
        item: dict[str, Any] = {
            "pk": row.pk,
            "sk": row.sk,
            "rev": row.rev + 1,
            "by": secrets.token_hex(8),
            "doc": json.dumps(row.doc),
            "brief": json.dumps(row.brief),
        }
        for index, (group, number) in row.index.items():
            item |= {index: group, f"{index}_n": number}
        found: dict[str, Any] = {"TableName": self._name, "Item": _packed(item)}
        if row.rev:
            return found | _unchanged(row)
        return found | {"ConditionExpression": "attribute_not_exists(pk)"}

    def _delete(self, row: Row) -> dict[str, Any]:
        key = _packed({"pk": row.pk, "sk": row.sk})
        return {"TableName": self._name, "Key": key, **_unchanged(row)}


def _unchanged(row: Row) -> dict[str, Any]:
    values = _packed({":rev": row.rev})
    return {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": values}


def tries() -> Iterator[int]:
    """The tries of a change that others may come before, with a growing pause between them.

    Raises: Throttled when there were too many.
    """
    for n in range(_TRIES):
        yield n
        time.sleep(min(0.5, 0.002 * 2**n))
    raise Throttled("others changed the same item again and again; try again later")


def changed(row: Row, **doc: object) -> Row:
    """The row with some of its document changed."""
    return replace(row, doc={**row.doc, **doc})


_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def _packed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item as DynamoDB has it; numbers as Python writes them, so that floats stay exact."""
    return {
        name: {"N": repr(value)} if isinstance(value, (int, float)) else _serialize(value)
        for name, value in item.items()
    }


def _row(item: Mapping[str, Any]) -> Row:
    plain = {name: _deserialize(value) for name, value in item.items()}
    return Row(
        pk=plain["pk"],
        sk=plain["sk"],
        doc=json.loads(plain.get("doc", "{}")),
        brief=json.loads(plain.get("brief", "{}")),
        index={name: (plain[name], float(plain[f"{name}_n"])) for name in INDEXES if name in plain},
        rev=int(plain.get("rev", 0)),
    )
