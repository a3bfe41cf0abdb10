"""Crawls on AWS: Glue's are few for many changes and none forgotten; EDP's own measure files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import duckdb
from moto.glue.models import glue_backends

from edp.backends.dynamo import Table
from edp.core.contract import S3Url
from edp.core.files import DataFile
from edp.crawler.aws import GlueCrawler, S3Crawler
from edp.crawler.port import Measured, Unreadable
from edp.target.aws import S3Target
from tests.aws_sim import REGION, bucket, client, service, unique
from tests.conformance.ledgers import dynamo_table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from edp.backends.dynamo import Row
    from edp.core.files import Kind
    from tests.conformance.ticking import Tick

GAP_S = 600.0


def crawler(table: Table | None = None, name: str | None = None) -> GlueCrawler:
    if name is None:
        name = unique("crawler")
        targets = {"S3Targets": [{"Path": "s3://lake/tables/"}]}
        client("glue").create_crawler(Name=name, Role="r", DatabaseName="db", Targets=targets)
    return GlueCrawler(service("glue"), table or dynamo_table(), name, gap_s=GAP_S)


def crawls(one: GlueCrawler) -> int:
    return len(glue_backends["123456789012"][REGION].crawlers[one._name].crawls)  # noqa: SLF001


def finish(one: GlueCrawler) -> None:
    """The crawl that is under way ends; moto's ends only when it is told to."""
    glue_backends["123456789012"][REGION].crawlers[one._name].crawls[-1].status = "COMPLETED"  # noqa: SLF001


def test_a_change_starts_the_crawler(tick: Tick) -> None:
    del tick
    one = crawler()

    assert one.touched()
    assert crawls(one) == 1


def test_changes_during_a_crawl_are_one_more_crawl_after_it(tick: Tick) -> None:
    one = crawler()
    one.touched()
    tick(GAP_S)
    during = [one.touched() for _ in range(3)]
    finish(one)

    after = [one.ended(succeeded=True), one.ended(succeeded=True)]

    assert (during, after, crawls(one)) == ([False] * 3, [True, False], 2)


def test_a_crawler_that_was_started_lately_waits_and_is_not_forgotten(tick: Tick) -> None:
    one = crawler()
    one.touched()
    finish(one)
    tick(GAP_S - 1)

    early = [one.touched(), one.start_if_due()]
    tick(1)
    late = [one.start_if_due(), one.start_if_due()]

    assert (early, late, crawls(one)) == ([False, False], [True, False], 2)


def test_a_crawl_that_failed_is_due_again_but_not_at_once(tick: Tick) -> None:
    one = crawler()
    one.touched()
    finish(one)
    tick(GAP_S)

    at_once = one.ended(succeeded=False)
    later = one.start_if_due()

    assert (at_once, later, crawls(one)) == (False, True, 2)


def test_without_a_change_there_is_no_crawl(tick: Tick) -> None:
    del tick
    one = crawler()

    assert not one.start_if_due()
    assert crawls(one) == 0


def test_a_change_while_the_crawler_is_being_started_is_not_lost(
    tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dynamo_table()
    one = crawler(table)
    other = crawler(table, one._name)  # noqa: SLF001
    one._mark()  # noqa: SLF001
    put = Table.put

    def beaten(self: Table, row: Row) -> bool:
        monkeypatch.setattr(Table, "put", put)
        other._mark()  # noqa: SLF001
        return put(self, row)

    monkeypatch.setattr(Table, "put", beaten)
    one.start_if_due()
    finish(one)
    tick(GAP_S)

    assert one.ended(succeeded=True)
    assert crawls(one) == 2


def test_files_on_s3_are_measured_by_what_is_in_them(tmp_path: Path) -> None:
    name = bucket("target")
    places: dict[Kind, S3Url] = {"data": S3Url(name, "t/"), "rejects": S3Url(name, "r/")}
    target = S3Target(service("s3"), places, work=S3Url(name, "work/"))
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 'a' AS _source_file FROM range(7)) TO '{tmp_path}/x' (FORMAT parquet)"
        )
    data = (tmp_path / "x").read_bytes()
    client("s3").put_object(Bucket=name, Key="t/orders/x.parquet", Body=data)
    client("s3").put_object(Bucket=name, Key="t/orders/bad.parquet", Body=b"no")
    files = [
        DataFile(f"target/orders/{one}.parquet", "data", 7, 1, "h", {}, {"a": 7})
        for one in ("x", "bad", "gone")
    ]

    found = S3Crawler(target.list, target.fetch).measure(files, deep=True)

    assert found[files[0].path] == Measured(
        len(data), 7, hashlib.sha256(data).hexdigest(), {"a": 7}
    )
    assert isinstance(found[files[1].path], Unreadable)
    assert found[files[2].path] == Unreadable(files[2].path, "it is not there")
