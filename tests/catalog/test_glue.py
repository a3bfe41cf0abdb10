"""Tables as the Glue Data Catalog shows them: columns in Hive's words, partitions and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edp.backends.boto import Service
from edp.catalog.aws import GlueTables
from edp.catalog.port import Column, Shown
from edp.core.errors import ConfigError, StoreUnavailable
from tests.aws_sim import client, service, unique

ORDERS = Shown(
    "orders",
    (
        Column("id", "bigint", "Order ID"),
        Column("day", "date:mdy"),
        Column("seen", "timestamptz"),
        Column("items", "array<struct<sku: string, n: int>>"),
        Column("odd", 'struct<"unit price": int>'),
    ),
    "s3://lake/tables/orders/",
    ("day",),
    frozenset({"day=2026-01-09", "day=__HIVE_DEFAULT_PARTITION__"}),
)


class Counted:
    """Glue, with the operations that wrote something."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (boto3's)
        found = getattr(client("glue"), name)
        if not name.startswith(("get_", "meta")):
            self.written.append(name)
        return found


def database() -> str:
    client("glue").create_database(DatabaseInput={"Name": (name := unique("db"))})
    return name


def partitions(name: str, table: str = "orders") -> dict[tuple[str, ...], str]:
    pages = client("glue").get_paginator("get_partitions")
    return {
        tuple(one["Values"]): one["StorageDescriptor"]["Location"]
        for page in pages.paginate(DatabaseName=name, TableName=table)
        for one in page["Partitions"]
    }


def test_a_table_is_shown_with_hives_types_and_where_its_files_are() -> None:
    GlueTables(service("glue"), name := database()).show(ORDERS)

    table = client("glue").get_table(DatabaseName=name, Name="orders")["Table"]
    columns = {one["Name"]: one["Type"] for one in table["StorageDescriptor"]["Columns"]}
    assert columns == {
        "id": "bigint",
        "seen": "timestamp",
        "items": "array<struct<sku:string,n:int>>",
    }
    assert table["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    assert table["StorageDescriptor"]["Location"] == "s3://lake/tables/orders/"
    assert table["StorageDescriptor"]["Columns"][0]["Comment"] == "Order ID"
    assert table["Parameters"]["classification"] == "parquet"


def test_each_partition_is_where_its_folder_is() -> None:
    GlueTables(service("glue"), name := database()).show(
        replace(
            ORDERS,
            columns=(*ORDERS.columns, Column("shop", "string")),
            partitioned_by=("day", "shop"),
            partitions=frozenset({"day=2026-01-09/shop=a%2Fb"}),
        )
    )

    assert partitions(name) == {
        ("2026-01-09", "a/b"): "s3://lake/tables/orders/day=2026-01-09/shop=a%2Fb/"
    }


def test_partitions_that_came_and_went_are_followed() -> None:
    tables = GlueTables(service("glue"), name := database())
    many = frozenset(f"day=d{n:03}" for n in range(130))
    tables.show(replace(ORDERS, partitions=many))
    before = partitions(name)

    tables.show(replace(ORDERS, partitions=frozenset({"day=d000", "day=new"})))

    assert len(before) == 130
    assert set(partitions(name)) == {("d000",), ("new",)}


def test_a_changed_column_changes_in_the_partitions_too() -> None:
    tables = GlueTables(service("glue"), name := database())
    tables.show(ORDERS)

    tables.show(replace(ORDERS, columns=(Column("id", "double"), *ORDERS.columns[1:])))

    table = client("glue").get_table(DatabaseName=name, Name="orders")["Table"]
    found = client("glue").get_partitions(DatabaseName=name, TableName="orders")["Partitions"]
    shown = [table, *found]
    assert [one["StorageDescriptor"]["Columns"][0]["Type"] for one in shown] == ["double"] * 3


def test_showing_the_same_again_writes_nothing() -> None:
    glue = Counted()
    tables = GlueTables(Service(glue), database())
    tables.show(ORDERS)
    first = list(glue.written)

    tables.show(ORDERS)

    assert first == ["create_table", "batch_create_partition"]
    assert glue.written == first


def test_what_glue_says_beside_what_it_was_told_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    glue = Counted()
    tables = GlueTables(Service(glue), database())
    tables.show(ORDERS)
    first, find = list(glue.written), tables._find  # noqa: SLF001

    def found(name: str) -> dict[str, Any]:
        table = dict(find(name) or {})
        more = {"Compressed": False, "NumberOfBuckets": -1}
        table["StorageDescriptor"] = {**table["StorageDescriptor"], **more}
        return table | {"Retention": 0}

    monkeypatch.setattr(tables, "_find", found)
    tables.show(ORDERS)

    assert glue.written == first


def test_a_hidden_table_is_gone_and_hiding_it_again_is_no_error() -> None:
    tables = GlueTables(service("glue"), name := database())
    tables.show(ORDERS)

    tables.hide("orders")
    tables.hide("orders")

    assert client("glue").get_tables(DatabaseName=name)["TableList"] == []


def test_a_database_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="is not there; deploy it"):
        GlueTables(service("glue"), "missing").show(ORDERS)


def test_a_partition_that_glue_does_not_take_is_tried_again_later() -> None:
    class Refusing(Counted):
        def batch_create_partition(self, **_: object) -> dict[str, Any]:
            why = {"ErrorCode": "InternalServiceException"}
            return {"Errors": [{"PartitionValues": ["x"], "ErrorDetail": why}]}

    with pytest.raises(StoreUnavailable, match="InternalServiceException"):
        GlueTables(Service(Refusing()), database()).show(ORDERS)


def test_a_partition_that_others_showed_meanwhile_is_no_error() -> None:
    name = database()

    class Late(Counted):
        """Somebody else creates the partitions after it was asked which there are."""

        def batch_create_partition(self, **asked: object) -> dict[str, Any]:
            client("glue").batch_create_partition(**asked)
            answer: dict[str, Any] = client("glue").batch_create_partition(**asked)
            return answer

    GlueTables(Service(Late()), name).show(ORDERS)

    assert len(partitions(name)) == 2
