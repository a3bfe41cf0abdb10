"""The Glue crawler: a crawl finds tables and partitions in the objects of its target.

Each folder at the level that the crawler is configured for is a table, each `name=value` below it a
partition, and columns are those in the files' footers. Files that differ would be a surprise on AWS
(a crawler makes one more table, or picks a type), and are an error here.
"""

from __future__ import annotations

import io
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pyarrow.parquet
from botocore.exceptions import ClientError

from tests.aws_sim import REGION, client, glue
from tests.glue_types import glue_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moto.glue.models import FakeCrawl, FakeCrawler

_PARQUET: Final = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}


@dataclass(frozen=True)
class Found:
    """A table that a crawl found: its place, its columns, and its partitions with theirs."""

    location: str
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    partitions: Mapping[tuple[str, ...], str]


@dataclass
class Crawls:
    """The crawls of the crawler `name`; while `held` none ends, and of `fails` so many fail."""

    name: str
    held: bool = False
    fails: int = 0
    lost: int = 0
    ended: deque[str] = field(default_factory=deque)
    _seen: int = 0

    def running(self) -> FakeCrawl | None:
        """The crawl that has not ended."""
        crawler = self._crawler()
        last = crawler.crawls[-1] if crawler and crawler.crawls else None
        return last if last and last.status == "RUNNING" else None

    @property
    def started(self) -> int:
        """How many crawls there were."""
        crawler = self._crawler()
        return len(crawler.crawls) if crawler else 0

    def step(self) -> bool:
        """End the crawl that runs; whether there was one to end."""
        crawl, crawler = self.running(), self._crawler()
        if self.held or crawl is None or crawler is None:
            return False
        state = "Failed" if self.fails > 0 else "Succeeded"
        if self.fails > 0:
            self.fails -= 1
        else:
            crawl_into(crawler)
        glue.end_crawl(crawl, "FAILED" if state == "Failed" else "COMPLETED")
        self.ended.append(state)
        if self.lost > 0:
            self.lost -= 1
        else:
            _tell(self.name, state)
        return True

    def _crawler(self) -> FakeCrawler | None:
        return glue.backend(REGION).crawlers.get(self.name)


def _tell(name: str, state: str) -> None:
    """Glue's own event; its numbers are texts."""
    ended = {
        "Succeeded": {
            "tablesCreated": "0",
            "tablesUpdated": "1",
            "tablesDeleted": "0",
            "partitionsCreated": "0",
            "partitionsUpdated": "0",
            "partitionsDeleted": "0",
            "warningMessage": "N/A",
            "runningTime (sec)": "62",
            "message": "Crawler Succeeded",
        },
        "Failed": {"errorMessage": "Internal Service Exception", "message": "Crawler Failed"},
    }
    detail = {"crawlerName": name, "accountId": glue.ACCOUNT, "state": state, **ended[state]}
    entry = {
        "Source": "aws.glue",
        "DetailType": "Glue Crawler State Change",
        "Detail": json.dumps(detail),
    }
    client("events").put_events(Entries=[entry])


def crawl_into(crawler: FakeCrawler) -> None:
    """Bring the crawler's database to what is in its target; what is gone stays, as `LOG` says."""
    level = json.loads(crawler.configuration)["Grouping"]["TableLevelConfiguration"]
    for target in crawler.targets["S3Targets"]:
        for name, found in look(target["Path"], level).items():
            _register(crawler.database_name, name, found)


def look(path: str, level: int) -> dict[str, Found]:
    """The tables below a path, by name; the bucket is level 1."""
    bucket, _, prefix = path.removeprefix("s3://").partition("/")
    tables: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for key in _keys(bucket, prefix):
        folders = key.split("/")[:-1]
        if len(folders) < level - 1:
            raise AssertionError(f"s3://{bucket}/{key} would be a table by itself")
        table = "/".join(folders[: level - 1])
        tables.setdefault(table, []).append((key, _columns(bucket, key)))
    return {
        folder.rpartition("/")[2].lower(): _found(bucket, folder, files)
        for folder, files in tables.items()
    }


def _keys(bucket: str, prefix: str) -> Iterable[str]:
    """The objects that are not left out, as the template's exclusions have it."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", ()):
            below = entry["Key"].removeprefix(prefix).split("/")
            if not any(part.startswith(("_", ".")) for part in below):
                yield entry["Key"]


def _columns(bucket: str, key: str) -> dict[str, str]:
    body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    schema = pyarrow.parquet.read_schema(io.BytesIO(body))
    return {column.name.lower(): glue_type(column.type) for column in schema}


def _found(bucket: str, folder: str, files: list[tuple[str, dict[str, str]]]) -> Found:
    columns: dict[str, str] = {}
    partitions: dict[tuple[str, ...], str] = {}
    keys: tuple[str, ...] = ()
    for key, its in files:
        for name, kind in its.items():
            if columns.setdefault(name, kind) != kind:
                raise AssertionError(f"s3://{bucket}/{key}: {name} is {kind}, not {columns[name]}")
        below = [part.partition("=") for part in key[len(folder) + 1 :].split("/")[:-1]]
        keys = tuple(name for name, _, _ in below)
        if below:
            values = tuple(unquote(value) for _, _, value in below)
            partitions[values] = f"s3://{bucket}/{key.rpartition('/')[0]}/"
    return Found(f"s3://{bucket}/{folder}/", columns, keys, partitions)


def _register(database: str, name: str, found: Found) -> None:
    wanted = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "UPDATED_BY_CRAWLER": "yes"},
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in found.keys],
        "StorageDescriptor": _storage(found, found.location),
    }
    api = client("glue")
    try:
        api.get_table(DatabaseName=database, Name=name)
    except ClientError:
        api.create_table(DatabaseName=database, TableInput=wanted)
    else:
        api.update_table(DatabaseName=database, TableInput=wanted)
    place = {"DatabaseName": database, "TableName": name}
    there = {tuple(one["Values"]) for one in api.get_partitions(**place)["Partitions"]}
    inputs = {
        values: {"Values": list(values), "StorageDescriptor": _storage(found, location)}
        for values, location in found.partitions.items()
    }
    for values, one in inputs.items():
        if values in there:
            api.update_partition(**place, PartitionValueList=list(values), PartitionInput=one)
        else:
            api.create_partition(**place, PartitionInput=one)


def _storage(found: Found, location: str) -> dict[str, Any]:
    columns = [{"Name": name, "Type": kind} for name, kind in found.columns.items()]
    return {"Columns": columns, "Location": location, **_PARQUET}
