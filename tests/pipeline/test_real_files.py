"""The main job on real files: every row once, whatever the order and the batches."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from edp.core.names import column_names
from edp.pipeline import feed
from tests.workspaces import DATA, ask, receipts, rows, work_off, workspace

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from edp.wiring import Workspace

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there"),
]

DAILY = DATA / "csse_daily" / "daily"


def put_all(here: Workspace, dataset: str, paths: list[Path]) -> None:
    for path in paths:
        feed.put(here.stages, f"{dataset}/{path.name}", path)


def test_orders_without_a_contract_are_typed_and_deduplicated(tmp_path: Path) -> None:
    here = workspace(tmp_path)

    put_all(here, "orders", sorted((DATA / "seed_orders").glob("*.csv")))
    work_off(here)

    counts = {(r.counts.rows_read, r.counts.rows_written, r.counts.rows_duplicate)
              for r in receipts(here).values() if r.counts}  # fmt: skip
    described = "SELECT column_name, column_type FROM (DESCRIBE orders)"
    types = {str(name): kind for name, kind in ask(here, described)}
    assert counts == {(110, 100, 10)}
    assert ask(here, "SELECT count(*), count(DISTINCT order_id) FROM orders") == [(300, 300)]
    assert (types["order_id"], types["order_date"]) == ("BIGINT", "TIMESTAMP")


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    here = workspace(tmp_path_factory.mktemp("in-order"))
    put_all(here, "daily", sorted(DAILY.glob("*.csv")))
    work_off(here)
    return here


@pytest.fixture(scope="module")
def expected_table(in_order: Workspace) -> Counter[tuple[tuple[str, object], ...]]:
    return rows(in_order, "daily")


def test_every_row_of_sixty_files_with_four_schemas_is_in_the_table(in_order: Workspace) -> None:
    expected = json.loads((DATA / "csse_daily" / "expected.json").read_text("utf-8"))["files"]

    found = receipts(in_order)

    assert {
        k.removeprefix("daily/"): r.counts and r.counts.rows_read for k, r in found.items()
    } == {name: facts["records"] for name, facts in expected.items()}
    assert all(r.counts and r.counts.rows_rejected == 0 for r in found.values())
    confirmed = ask(in_order, "SELECT sum(confirmed), sum(deaths), count(*) FROM daily")
    assert [tuple(int(str(n)) for n in confirmed[0])] == [(100_795_792, 5_897_074, 101_769)]


def test_the_columns_of_all_schemas_stand_side_by_side(in_order: Workspace) -> None:
    expected = json.loads((DATA / "csse_daily" / "expected.json").read_text("utf-8"))["files"]

    (table,) = in_order.stages.catalog.tables()

    wanted = {name for facts in expected.values() for name in column_names(facts["header"])}
    found = {c.name: c.resolved for c in table.columns if not c.name.startswith("_")}
    assert found.keys() == wanted
    assert len(found) == 16
    assert (found["fips"], found["last_update"]) == ("string", "timestamp:mdy")
    assert ask(in_order, "SELECT count(*) FROM daily WHERE fips = '08001'") != [(0,)]


@pytest.mark.parametrize(("seed", "max_files"), [(1, 1000), (2, 7), (3, 1)])
def test_order_and_batches_do_not_change_the_table(
    tmp_path: Path,
    expected_table: Counter[tuple[tuple[str, object], ...]],
    seed: int,
    max_files: int,
) -> None:
    here = workspace(tmp_path, f"batch: {{max_files: {max_files}}}\n")
    paths = sorted(DAILY.glob("*.csv"))
    random.Random(seed).shuffle(paths)

    for half in (paths[:31], paths[31:]):
        put_all(here, "daily", half)
        work_off(here)

    assert rows(here, "daily") == expected_table


def test_what_the_files_admit_does_not_depend_on_how_they_came(in_order: Workspace) -> None:
    live = in_order.stages.catalog.live_admits("daily", without=())

    assert live["confirmed"].resolved == "bigint"
