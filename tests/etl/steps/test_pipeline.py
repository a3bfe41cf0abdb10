"""Partitions, masks and transforms through the whole local flow: put, commit, query, retract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edp.core.errors import ConfigError
from edp.pipeline.reconcile import reconcile
from edp.wiring import open_workspace
from tests.workspaces import ask, receipts, rows, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace

CONTRACT = """
runtimes: {local: {settle: 0s}}
batch: {max_partitions: 3}
datasets:
  orders:
    columns:
      id: {type: bigint, required: true}
      shop: {type: string, trim: false}
      card: {type: string, mask: last4}
      Amount: {type: "decimal(8,2)", min: 0, rename: amt}
    derive: {double_amt: amt * 2}
    checks: [{name: small, expr: amt < 1000, action: warn}]
    deduplicate: {keys: [id]}
    partition_by: [shop]
    max_reject_ratio: 1
"""


def put(here: Workspace, key: str, text: str) -> None:
    path = here.lake / "source" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_partitioned_table_lives_through_overwriting_and_reading(tmp_path: Path) -> None:
    here = workspace(tmp_path, CONTRACT)
    put(
        here,
        "orders/a.csv",
        "id,shop,card,amount\n1,a/b,canary1111,5\n2,,canary2222,5000\n1,a/b,x,6\n",
    )
    put(here, "orders/b.csv", "id,shop,card,amount\n3,a/b,canary3333,-1\n4,a/b,canary4444,7\n")

    reconcile(here.stages)
    work_off(here)

    folders = {
        path.parent.relative_to(here.lake / "target").as_posix()
        for path in (here.lake / "target").rglob("*.parquet")
    }
    assert folders == {"orders/shop=a%2Fb", "orders/shop=__HIVE_DEFAULT_PARTITION__"}
    found = ask(
        here, "SELECT id, shop, card, amt::DOUBLE, double_amt::DOUBLE FROM orders ORDER BY id"
    )
    assert found == [
        (1, "a/b", "****", 6.0, 12.0),
        (2, None, "****2222", 5000.0, 10000.0),
        (4, "a/b", "****4444", 7.0, 14.0),
    ]
    assert ask(here, "SELECT value, raw FROM edp.rejects") == [("-1", "3,a/b,****3333,-1")]
    warned = "SELECT detail->>'$.warnings.small' AS n FROM edp.events WHERE n IS NOT NULL"
    assert ask(here, warned) == [("1",)]
    assert all(receipt.counts and receipt.counts.conserved for receipt in receipts(here).values())

    put(here, "orders/a.csv", "id,shop,card,amount\n9,c,canary9999,1\n")
    reconcile(here.stages)
    work_off(here)

    assert ask(here, "SELECT id, shop FROM orders ORDER BY id") == [(4, "a/b"), (9, "c")]
    (table,) = [t for t in here.stages.catalog.tables() if t.name == "orders"]
    assert {"shop=a%2Fb", "shop=c"} <= set(table.partitions)
    files = [
        f.path for t, found in here.stages.catalog.snapshot() for f in found if t.kind == "data"
    ]
    here.target.collect(named=files, older_than_s=0)
    assert len(list((here.lake / "target").rglob("*.parquet"))) == 2


def test_a_run_of_too_many_partitions_is_split_until_its_files_fit(tmp_path: Path) -> None:
    here = workspace(tmp_path, CONTRACT)
    for n in range(5):
        put(here, f"orders/{n}.csv", f"id,shop,card,amount\n{n},s{n},,1\n")
    put(
        here,
        "orders/wide.csv",
        "id,shop,card,amount\n" + "".join(f"{n},w{n},,1\n" for n in range(4)),
    )

    reconcile(here.stages)
    work_off(here)

    states = {key: receipt.state for key, receipt in receipts(here).items()}
    assert states.pop("orders/wide.csv") == "dead"
    assert set(states.values()) == {"committed"}
    assert sum(rows(here, "orders").values()) == 5


def test_a_transform_s_columns_are_the_table_s_and_its_text_is_read_at_the_start(
    tmp_path: Path,
) -> None:
    contract = """
runtimes: {local: {settle: 0s}}
datasets:
  orders:
    columns: {id: {type: bigint}, note: {}}
    transform: transforms/o.sql
"""
    with pytest.raises(ConfigError, match=r"transforms/o\.sql cannot be read"):
        workspace(tmp_path, contract)
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms" / "o.sql").write_text("SELECT 'é' || id AS id, note FROM input;")
    here = open_workspace(tmp_path, environ={})
    put(here, "orders/a.csv", "id,note\n1,2\n")

    reconcile(here.stages)
    work_off(here)

    assert ask(here, "SELECT id, note FROM orders") == [("é1", "2")]


def test_a_mask_key_comes_from_the_environment_or_dot_env(tmp_path: Path) -> None:
    text = "datasets: {a: {columns: {b: {mask: sha256}}}}"
    with pytest.raises(ConfigError, match="EDP_MASK_KEY"):
        workspace(tmp_path, text)
    (tmp_path / ".env").write_text("EDP_MASK_KEY=secret-of-the-tests\n")

    here = open_workspace(tmp_path, environ={})

    assert here.stages.mask_key == "secret-of-the-tests"
    assert "secret-of-the-tests" not in repr(here.stages)


def test_a_partition_s_value_is_read_from_its_file_and_not_from_the_folder(tmp_path: Path) -> None:
    here = workspace(
        tmp_path,
        'datasets: {o: {nulls: ["NULL"], columns: {p: {type: string}, n: {}}, partition_by: [p]}}',
    )
    put(here, "o/a.csv", 'p,n\n"",1\nNULL,2\n')
    reconcile(here.stages)
    work_off(here)

    assert ask(here, "SELECT p, n FROM o ORDER BY n") == [("", 1), (None, 2)]
