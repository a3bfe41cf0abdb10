"""What an estimate promises: sums that add up, more for more, and counts that are true."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from inspect import signature
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.receipts import Receipt
from edp.crawler.aws import GlueCrawler
from edp.infra.cost.batches import SPARK_FROM
from edp.infra.cost.estimate import Estimate, designs, estimate, savings
from edp.infra.cost.lines import CRAWL_GAP_S
from edp.infra.cost.profile import Profile, seen
from edp.infra.stack.alarms import alarms_of
from edp.wiring.deployed import MOST_BYTES
from tests.infra.templates import BARE, SHOP, SNAPSHOT, Template, contract

if TYPE_CHECKING:
    from edp.core.contract import Config

PROFILES = st.builds(
    Profile,
    files=st.decimals(0, 1_000_000, places=2),
    size=st.integers(1, 10**10),
    together=st.integers(1, 5000),
    parts=st.integers(1, 100),
    queries=st.decimals(0, 10_000, places=1),
    scan=st.integers(0, 10**13),
)
CONTRACTS = st.sampled_from(
    [
        SHOP,
        BARE,
        SHOP.replace("tags: {team: data}", "engine: spark"),
        SHOP.replace(
            "tags: {team: data}", "engine: lambda, catalog: direct".replace(", ", "\n    ")
        ),
    ]
)


def of(config: Config, profile: Profile) -> Estimate:
    assert config.runtimes.aws is not None
    return estimate(config, config.runtimes.aws, profile)


@settings(deadline=None)
@given(text=CONTRACTS, profile=PROFILES)
def test_lines_add_up_and_none_is_negative(text: str, profile: Profile) -> None:
    made = of(contract(text), profile)

    assert made.day == sum(line.usd for line in made.lines)
    assert all(min(line.quantity, line.usd) > 0 for line in made.lines)
    assert abs(sum((share for _, share in made.shares), Decimal(-1))) < Decimal("1e-20")
    assert Decimal(0) < made.fixed <= made.month


@settings(deadline=None)
@given(
    text=CONTRACTS,
    profile=PROFILES,
    name=st.sampled_from(["files", "size", "parts", "queries", "scan"]),
    more=st.integers(1, 1_000_000),
)
def test_more_never_costs_less(text: str, profile: Profile, name: str, more: int) -> None:
    before = getattr(profile, name)

    larger = Profile(**{**vars(profile), name: before + more})

    first, second = of(contract(text), profile), of(contract(text), larger)
    assert second.day >= first.day * (1 - Decimal("1e-20"))


@settings(deadline=None)
@given(text=CONTRACTS, profile=PROFILES)
def test_each_saving_is_one_on_top_of_those_before(text: str, profile: Profile) -> None:
    config = contract(text)
    assert config.runtimes.aws is not None

    months = [one.month for one in savings(config, config.runtimes.aws, profile)]

    assert all(
        later < earlier * Decimal("0.9901")
        for earlier, later in zip([of(config, profile).month, *months], months, strict=False)
    )


def test_a_saving_is_what_the_contract_with_that_setting_costs() -> None:
    config = contract(SHOP)
    assert config.runtimes.aws is not None

    found = savings(config, config.runtimes.aws, Profile())

    direct = SHOP.replace("tags: {team: data}", "catalog: direct")
    assert found[0].setting == "runtimes.aws.catalog: direct"
    assert found[0].month == of(contract(direct), Profile()).month


def test_nothing_costs_what_is_there_anyway() -> None:
    made = of(contract(SHOP), Profile(files=Decimal(0), queries=Decimal(0)))

    assert made.month == made.fixed
    assert made.thousand is None


# --- which way ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "size", "spark"),
    [
        ("auto", 1_000_000, False),
        ("auto", 3_000_000_000, True),
        ("lambda", 3_000_000_000, False),
        ("spark", 1_000_000, True),
    ],
)
def test_the_engine_and_the_bytes_decide_who_works(engine: str, size: int, spark: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    config = contract(SHOP.replace("tags: {team: data}", f"engine: {engine}"))

    made = of(config, Profile(size=size))

    assert made.batches.spark is spark
    assert ("the job" in {line.what for line in made.lines}) is spark
    assert ("settle at work" in {line.what for line in made.lines}) is spark


def test_the_bounds_are_those_of_what_is_deployed() -> None:
    gap_s = signature(GlueCrawler).parameters["gap_s"].default

    assert (MOST_BYTES, gap_s) == (SPARK_FROM, CRAWL_GAP_S)


def test_a_batch_holds_what_comes_at_once_and_no_more_than_the_contract_lets_it() -> None:
    config = contract(SHOP + "batch: {max_files: 100, max_bytes: 50MB}\n")

    def held(together: int, size: int) -> Decimal:
        return of(config, Profile(together=together, size=size)).batches.files

    assert held(1, 1_000_000) == 1
    assert held(20, 1_000_000) == 20
    assert held(80, 1_000_000) == 50
    assert held(500, 1_000) == 100
    assert held(500, 10**9) == 1


def test_what_the_usual_ways_cost_is_what_the_page_says() -> None:
    found = {one.name: round(one.thousand, 3) for one in designs()}

    assert list(found.values()) == [Decimal("176.000"), Decimal("0.235"), Decimal("0.088")]


# --- what is counted ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("alarms", "CloudWatch::Alarm"),
        ("the dashboard", "CloudWatch::Dashboard"),
        ("secrets", "SecretsManager::Secret"),
    ],
)
def test_what_stands_there_is_what_the_template_has(what: str, kind: str) -> None:
    (line,) = [one for one in of(contract(SHOP), Profile()).lines if one.what == what]

    assert round(line.quantity * 30) == len(Template.read(SNAPSHOT).of(kind))


def test_only_a_key_of_ones_own_is_paid_for() -> None:
    keys = [
        [one.what for one in of(contract(text), Profile()).lines if one.price.service == "KMS"]
        for text in (SHOP, BARE)
    ]

    assert keys == [[], ["the key"]]


def test_an_estimate_needs_no_cdk() -> None:
    code = "import sys, edp.infra.cost.estimate; print('aws_cdk' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "False"


def test_every_alarm_has_a_name_of_its_own() -> None:
    names = [one.name for one in alarms_of(contract(SHOP))]

    assert len(names) == len(set(names))


# --- what was seen --------------------------------------------------------------------------------


def receipt(size: int | None) -> Receipt:
    return Receipt("orders/a.csv", "1", "orders", "committed", bytes=size)


def run(started_at: str, files: int) -> dict[str, object]:
    return {"started_at": started_at, "files": files}


def test_a_profile_is_what_receipts_and_runs_tell() -> None:
    receipts = [receipt(size) for size in (100, 200, 600, 300)]
    runs = [
        run("2026-01-01T00:00:00+00:00", 1),
        run("2026-01-02T00:00:00+00:00", 2),
        run("2026-01-03T00:00:00+00:00", 1),
    ]

    found = seen(receipts, runs)

    assert found == Profile(files=Decimal(2), size=300, together=1, source="seen in 2.0 days")


def test_files_of_one_hour_are_a_days() -> None:
    runs = [run("2026-01-01T00:00:00+00:00", 3)]

    found = seen([receipt(9)] * 3, runs)

    assert found is not None
    assert (found.files, found.together) == (Decimal(3), 3)


def test_where_nothing_was_loaded_there_is_nothing_to_tell() -> None:
    assert seen([], []) is None
    assert seen([receipt(None)], [run("2026-01-01T00:00:00+00:00", 1)]) is None
