"""The catalog as an object: two at once, a kill before it is current, a copy out of date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edp.backends.boto import Service
from edp.backends.dynamo import Row, Table
from edp.catalog.aws import S3Catalog
from edp.catalog.port import Change
from edp.core.contract import S3Url
from edp.core.errors import StaleSnapshot
from edp.core.files import DataFile, ProfileColumn
from edp.core.types import Admits
from tests.aws_sim import bucket, client, service
from tests.conformance.ledgers import dynamo_table

if TYPE_CHECKING:
    from edp.catalog.port import Plan

PROFILE = (ProfileColumn("n", "n", Admits(frozenset({"bigint", "double", "string"}))),)


class Place:
    """Where a catalog is, for as many processes as a test wants."""

    def __init__(self) -> None:
        self.bucket = bucket("lake")
        self.rows = dynamo_table()

    def catalog(self, s3: Service | None = None) -> S3Catalog:
        place = S3Url(self.bucket, "catalog/")
        return S3Catalog(s3 or service("s3"), self.rows, place, "shop")

    def objects(self) -> list[str]:
        listed = client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [one["Key"] for one in listed]


def plan(catalog: S3Catalog, key: str, dataset: str = "orders") -> Plan:
    path = f"target/{dataset}/{key}.parquet"
    file = DataFile(path, "data", 1, 10, f"hash of {path}", {"n": "bigint"}, {key: 1})
    return catalog.plan(Change(dataset, add=(file,), profiles={key: PROFILE}))


def commit(catalog: S3Catalog, planned: Plan) -> None:
    catalog.replace(planned, rewritten=(), run_id=None, operation="ingest")


def paths(catalog: S3Catalog, table: str = "orders") -> list[str]:
    return sorted(file.path for file in catalog.files(table))


def test_what_one_process_commits_another_sees_at_once() -> None:
    place = Place()
    one, other = place.catalog(), place.catalog()
    before = other.tables()

    commit(one, plan(one, "a"))

    assert (before, paths(other)) == ([], ["target/orders/a.parquet"])


def test_of_two_who_planned_upon_the_same_table_one_has_to_plan_again() -> None:
    place = Place()
    one, other = place.catalog(), place.catalog()
    first, second = plan(one, "a"), plan(other, "b")
    commit(one, first)

    with pytest.raises(StaleSnapshot):
        commit(other, second)
    commit(other, plan(other, "b"))

    assert paths(one) == ["target/orders/a.parquet", "target/orders/b.parquet"]


def test_of_two_who_commit_to_different_tables_at_once_none_has_to_plan_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place()
    one, other = place.catalog(), place.catalog()
    first, second = plan(one, "a"), plan(other, "b", "people")
    put = Table.put

    def beaten(self: Table, row: Row) -> bool:
        """Just before the first one is current, the other one is."""
        monkeypatch.setattr(Table, "put", put)
        commit(other, second)
        return put(self, row)

    monkeypatch.setattr(Table, "put", beaten)
    commit(one, first)

    for catalog in (one, other):
        assert paths(catalog) == ["target/orders/a.parquet"]
        assert paths(catalog, "people") == ["target/people/b.parquet"]


def test_a_commit_that_did_not_become_current_has_not_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place()
    one = place.catalog()
    commit(one, plan(one, "a"))

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Table, "put", killed)
        planned = plan(one, "b")
        with pytest.raises(KeyboardInterrupt):
            commit(one, planned)

    assert paths(one) == paths(place.catalog()) == ["target/orders/a.parquet"]
    commit(one, plan(one, "b"))
    assert len(paths(place.catalog())) == 2


def test_old_objects_go_but_the_one_that_somebody_may_be_reading_stays() -> None:
    place = Place()
    one = place.catalog()

    for n in range(5):
        commit(one, plan(one, f"k{n}"))

    assert len(place.objects()) == 2


def test_what_never_became_current_is_collected_once_it_is_old() -> None:
    place = Place()
    one = place.catalog()
    for n in range(2):
        commit(one, plan(one, f"k{n}"))
    commits = place.objects()
    client("s3").put_object(Bucket=place.bucket, Key="catalog/0000000009-x.db.zst", Body=b"killed")

    young, old = one.collect(older_than_s=1000.0), one.collect(older_than_s=-1000.0)

    assert (young, old) == (0, 1)
    assert place.objects() == commits
    assert len(paths(place.catalog())) == 2


def test_a_reader_whose_object_was_replaced_meanwhile_reads_the_new_one() -> None:
    place = Place()
    one = place.catalog()
    commit(one, plan(one, "a"))
    asked: list[str] = []

    class Late:
        """S3, which loses the object that it is first asked for."""

        meta = client("s3").meta

        def get_object(self, **given: str) -> Any:  # noqa: ANN401 (boto3's)
            asked.append(given["Key"])
            if len(asked) == 1:
                for n in range(2):
                    commit(one, plan(one, f"k{n}"))
            return client("s3").get_object(**given)

    late = place.catalog(Service(Late()))

    assert len(paths(late)) == 3
    assert len(asked) == 2


def test_forgetting_nothing_writes_nothing() -> None:
    place = Place()
    one = place.catalog()
    commit(one, plan(one, "a"))
    before = place.objects()

    assert list(one.retired(removed_for_s=0)) == []
    assert place.objects() == before


def test_a_catalog_that_is_no_longer_used_leaves_nothing_on_the_disk() -> None:
    place = Place()
    one = place.catalog()
    commit(one, plan(one, "a"))
    folder = one._folder  # noqa: SLF001
    there = len(list(folder.glob("*.db")))

    one.close()

    assert there == 1
    assert not folder.exists()
