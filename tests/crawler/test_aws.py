"""A Glue crawler: many changes, few crawls, and none forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.glue.models import glue_backends

from edp.backends.dynamo import Table
from edp.crawler.aws import GlueCrawler
from tests.aws_sim import REGION, client, service, unique
from tests.conformance.ledgers import dynamo_table

if TYPE_CHECKING:
    import pytest

    from edp.backends.dynamo import Row
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
