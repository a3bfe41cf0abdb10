"""Tables in a database of the Glue Data Catalog, which Athena reads.

A reader sees every file below a table's location. So files need no word here; columns and
partitions do, and only what has changed of them is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.nested import Array, Struct, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.catalog.port import Column, Shown
    from edp.core.nested import Type

_FORMAT: Final[Mapping[str, Any]] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
_TYPES: Final = {"timestamptz": "timestamp", "json": "string"}
"""Types that Hive calls otherwise; both are stored as Athena reads them."""
_KEYS: Final = frozenset({"string", "int", "bigint", "date"})
"""Types that a partition's value may have; others are shown as the text in the folder's name."""
_FIELD = re.compile(r"[a-z_][a-z0-9_]*")
_UNFIT = re.compile(r"[^\t\x20-\ud7ff\ue000-\ufffd]")
_COMMENT: Final = 255
_CREATED: Final = 100
_DELETED: Final = 25
"""Partitions that Glue creates or updates, and deletes, in one call."""
_MISSING: Final = "EntityNotFoundException"


class GlueTables:
    """Tables of the database `name`."""

    def __init__(self, glue: Service, name: str) -> None:
        self._glue = glue
        self._database = name

    def show(self, table: Shown) -> None:
        """Have readers see the table so: with these columns and partitions, and no others.

        A column that Hive cannot name stays in the files and is not shown.
        """
        wanted = _table(table)
        found = self._find(table.name)
        if found is None:
            self._create(wanted)
        elif not _says(found, wanted):
            self._glue.update_table(
                DatabaseName=self._database, TableInput=wanted, SkipArchive=True
            )
        if table.partitioned_by:
            self._show_partitions(table)

    def hide(self, name: str) -> None:
        """Have readers see the table no more; its files stay. One not shown is no error."""
        try:
            self._glue.delete_table(DatabaseName=self._database, Name=name)
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise

    def _find(self, name: str) -> Mapping[str, Any] | None:
        try:
            answer = self._glue.get_table(DatabaseName=self._database, Name=name)
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise
            return None
        found: Mapping[str, Any] = answer["Table"]
        return found

    def _create(self, wanted: Mapping[str, Any]) -> None:
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=wanted)
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise
            why = f"the Glue database {self._database!r} is not there; deploy it"
            raise ConfigError(why) from error

    def _show_partitions(self, table: Shown) -> None:
        wanted = {tuple(values_of(folder)): folder for folder in table.partitions}
        there = {tuple(one["Values"]): one for one in self._partitions(table.name)}
        inputs = {values: _partition(table, folder) for values, folder in wanted.items()}
        new = [inputs[values] for values in inputs.keys() - there.keys()]
        other = [
            {"PartitionValueList": list(values), "PartitionInput": inputs[values]}
            for values in inputs.keys() & there.keys()
            if not _says(there[values], inputs[values])
        ]
        gone = [{"Values": list(values)} for values in there.keys() - inputs.keys()]
        place = {"DatabaseName": self._database, "TableName": table.name}
        for some in _batches(new, _CREATED):
            answer = self._glue.batch_create_partition(**place, PartitionInputList=some)
            _check(answer, but="AlreadyExistsException")
        for some in _batches(other, _CREATED):
            _check(self._glue.batch_update_partition(**place, Entries=some), but=_MISSING)
        for some in _batches(gone, _DELETED):
            answer = self._glue.batch_delete_partition(**place, PartitionsToDelete=some)
            _check(answer, but=_MISSING)

    def _partitions(self, table: str) -> Iterator[Mapping[str, Any]]:
        pages = self._glue.pages("get_partitions", DatabaseName=self._database, TableName=table)
        for page in pages:
            yield from page["Partitions"]


def values_of(folder: str) -> list[str]:
    """The values in a partition's folder.

    >>> values_of("day=2026-01-09/shop=a%2Fb")
    ['2026-01-09', 'a/b']
    """
    return [unquote(part.partition("=")[2]) for part in folder.split("/")]


def hive_type(name: str) -> str | None:
    """How Hive spells a type of EDP's; None where a field in it has no name there.

    >>> hive_type("array<struct<a: timestamptz, b: decimal(4,2)>>")
    'array<struct<a:timestamp,b:decimal(4,2)>>'
    >>> hive_type('struct<"unit price": int>')
    """
    return _spelled(parsed(name))


def _spelled(kind: Type) -> str | None:
    match kind:
        case Array():
            element = _spelled(kind.element)
            return element and f"array<{element}>"
        case Struct():
            parts = [(name, _spelled(part)) for name, part in kind.fields]
            if not all(part and _FIELD.fullmatch(name) for name, part in parts):
                return None
            return f"struct<{','.join(f'{name}:{part}' for name, part in parts)}>"
        case str():
            return _TYPES.get(kind, kind)
    return None


def _table(table: Shown) -> dict[str, Any]:
    by_name = {column.name: column for column in table.columns}
    keys = []
    for name in table.partitioned_by:
        kind = by_name[name].type if name in by_name else "string"
        keys.append({"Name": name, "Type": kind if kind in _KEYS else "string"})
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": keys,
        "StorageDescriptor": _storage(table, table.location),
    }


def _partition(table: Shown, folder: str) -> dict[str, Any]:
    place = f"{table.location.rstrip('/')}/{folder}/"
    return {"Values": values_of(folder), "StorageDescriptor": _storage(table, place)}


def _storage(table: Shown, location: str) -> dict[str, Any]:
    """Where files are and what is in them; a partition's columns are those of its folder."""
    columns = [
        {"Name": column.name, "Type": kind, **_comment(column)}
        for column in table.columns
        if column.name not in table.partitioned_by and (kind := hive_type(column.type))
    ]
    return {"Columns": columns, "Location": location, **_FORMAT}


def _comment(column: Column) -> dict[str, str]:
    text = _UNFIT.sub(" ", column.comment)[:_COMMENT]
    return {"Comment": text} if text else {}


def _says(found: Any, wanted: Any) -> bool:  # noqa: ANN401 (as JSON)
    """Whether Glue says what is wanted, whatever it says beside that."""
    if isinstance(wanted, dict):
        return all(name in found and _says(found[name], one) for name, one in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_says, found, wanted))
    return bool(found == wanted)


def _batches(given: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(given), size):
        yield given[start : start + size]


def _check(answer: Mapping[str, Any], *, but: str) -> None:
    """Raise StoreUnavailable for an entry that Glue did not take, but for what is done already."""
    for one in answer.get("Errors", ()):
        why = one["ErrorDetail"]
        if why.get("ErrorCode") != but:
            values = one.get("PartitionValues") or one.get("PartitionValueList")
            raise StoreUnavailable(f"Glue did not take the partition {values}: {why}")
