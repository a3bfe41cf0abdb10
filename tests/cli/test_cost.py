"""What a person reads of the costs, and a script."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

CONTRACT = """
name: shop
runtimes:
  local: {settle: 0s}
  aws: {region: us-east-2, source: "s3://shop-in/files/", target: "s3://shop-out/tables/"}
datasets: {orders: {}}
"""


@pytest.fixture(autouse=True)
def _contract(tmp_path: Path, edp: Callable[..., Ran]) -> None:
    del edp  # it writes a contract of its own
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")


def test_lines_add_up_to_the_sums(edp: Callable[..., Ran]) -> None:
    ran = edp("cost", "--files", "5000", "--size", "2MB", "--queries", "3", "--json")

    told = ran.json
    assert ran.status == 0
    assert told["profile"]["files"] == "5000.0"
    assert (told["profile"]["size"], told["profile"]["source"]) == (2_000_000, "given")
    lines = sum(Decimal(line["month"]) for line in told["lines"])
    assert abs(lines - Decimal(told["month"])) < Decimal("0.001")
    assert told["savings"][0]["setting"] == "runtimes.aws.catalog: direct"
    assert told["prices"]["region"] == "us-east-1"
    assert next(iter(told["shares"])) == "Glue"


def test_a_person_reads_the_sum_what_most_of_it_is_and_what_would_lower_it(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = edp("cost")

    assert "1,000 files a day of 1 MB (assumed)" in ran.out
    assert "Glue" in ran.out
    assert "runtimes.aws.catalog: direct" in ran.out
    assert "a job and a crawl for each file" in ran.out
    assert "check them" in ran.out
    assert not (tmp_path / "lake").exists()


def test_without_options_the_workspace_tells_what_it_has_seen(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    for n in range(3):
        (tmp_path / f"{n}.csv").write_text("id,name\n1,x\n", "utf-8")
    edp("ingest", *(f"{n}.csv" for n in range(3)), "--dataset", "orders")

    seen, partly = edp("cost", "--json").json, edp("cost", "--files", "7", "--json").json

    assert (seen["profile"]["files"], seen["profile"]["size"]) == ("3.00", 12)
    assert seen["profile"]["source"] == "seen in 1.0 days"
    assert (partly["profile"]["files"], partly["profile"]["size"]) == ("7.0", 12)
    assert partly["profile"]["source"] == "given, the rest seen in 1.0 days"


def test_a_size_that_is_none_says_what_to_write(edp: Callable[..., Ran]) -> None:
    ran = edp("cost", "--size", "much")

    assert ran.status == 2
    assert "--size much: not a size; write" in ran.err


def test_without_aws_in_the_contract_it_says_what_to_add(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text("name: shop\n", "utf-8")

    ran = edp("cost")

    assert ran.status == 2
    assert "runtimes.aws" in ran.err
