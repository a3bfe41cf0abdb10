"""A reader that sees what Athena sees: Glue's tables, and every object below their locations.

It knows nothing of EDP: no ledger, no catalog of EDP's, no list of files. Where Athena would answer
with an error, it raises; so a file that nobody names, or one of another type, does not go unseen.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow.parquet
from botocore.exceptions import ClientError

from tests.aws_sim import client
from tests.glue_types import glue_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    Row = tuple[tuple[str, object], ...]

_NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"
_WIDER: Final = {("int", "bigint"), ("float", "double")}
"""What Athena reads as a wider type, by what is in the file."""


class Unreadable(Exception):
    """What Athena would answer with, by its own name for it."""


def tables(database: str) -> dict[str, Mapping[str, Any]]:
    """Every table of a database, by name, as Glue has it."""
    pages = client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    return {one["Name"]: one for page in pages for one in page["TableList"]}


def columns(database: str, table: str) -> dict[str, str]:
    """The columns of a table, partitions' among them, with Glue's types.

    Raises: Unreadable where a name is there twice.
    """
    found = tables(database)[table]
    every = [*found["StorageDescriptor"]["Columns"], *found.get("PartitionKeys", ())]
    twice = [name for name, n in Counter(one["Name"] for one in every).items() if n > 1]
    if twice:
        raise Unreadable(f"HIVE_INVALID_METADATA: {table} has duplicate columns: {twice}")
    return {one["Name"]: one["Type"] for one in every}


def rows(database: str, table: str, *, without: tuple[str, ...] = ("_loaded_at",)) -> Counter[Row]:
    """The rows of a table as a multiset, by column name.

    Raises: Unreadable.
    """
    types = columns(database, table)
    shown = [name for name in types if name not in without]
    found: Counter[Row] = Counter()
    with duckdb.connect() as con:
        for location, values in _places(database, table):
            for bucket, key in _objects(location):
                content = _content(bucket, key, types, values)
                con.register("content", content)
                listed = [_column(name, types[name], content.schema, values) for name in shown]
                for row in con.sql(f"SELECT {', '.join(listed)} FROM content").fetchall():
                    found[tuple(sorted(zip(shown, row, strict=True)))] += 1
    return found


def files(database: str, table: str) -> list[str]:
    """The keys of all objects that a query reads."""
    return [key for location, _ in _places(database, table) for _, key in _objects(location)]


def _places(database: str, table: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a query looks: the partitions, with their values, or the table's own location."""
    found = tables(database)[table]
    keys = [one["Name"] for one in found.get("PartitionKeys", ())]
    if not keys:
        yield found["StorageDescriptor"]["Location"], {}
        return
    api = client("glue").get_paginator("get_partitions")
    for page in api.paginate(DatabaseName=database, TableName=table):
        for one in page["Partitions"]:
            values = dict(zip(keys, one["Values"], strict=True))
            yield one["StorageDescriptor"]["Location"], values


def _objects(location: str) -> Iterator[tuple[str, str]]:
    """Every object below a location, but for those that Hive hides."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", ()):
            if not entry["Key"].rpartition("/")[2].startswith(("_", ".")):
                yield bucket, entry["Key"]


def _content(
    bucket: str, key: str, types: Mapping[str, str], values: Mapping[str, str]
) -> pa.Table:
    """What is in one file, which has to be of the table's types."""
    try:
        data = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise Unreadable(f"HIVE_CANNOT_OPEN_SPLIT: s3://{bucket}/{key}: {error}") from error
    try:
        content = pyarrow.parquet.ParquetFile(io.BytesIO(data)).read()
    except pyarrow.ArrowInvalid as error:
        raise Unreadable(f"HIVE_BAD_DATA: s3://{bucket}/{key}: {error}") from error
    _check(f"s3://{bucket}/{key}", content.schema, types, values)
    return content


def _check(
    place: str, schema: pa.Schema, types: Mapping[str, str], values: Mapping[str, str]
) -> None:
    for name, kind in types.items():
        if name in values or name not in schema.names:
            continue
        there = glue_type(schema.field(name).type)
        if there != kind and (there, kind) not in _WIDER:
            raise Unreadable(f"HIVE_BAD_DATA: {place}: {name} is {there}, not {kind}")


def _column(name: str, kind: str, schema: pa.Schema, values: Mapping[str, str]) -> str:
    """The SQL of a column: a partition's value goes before what the file has of that name."""
    if name in values:
        value = values[name]
        text = "NULL" if value == _NOTHING else "'" + value.replace("'", "''") + "'"
        return f'CAST({text} AS {_sql(kind)}) AS "{name}"'
    return f'"{name}"' if name in schema.names else f'NULL AS "{name}"'


def _sql(kind: str) -> str:
    return {"string": "varchar"}.get(kind, kind)
