"""What is in a folder's name: values that part a table, and columns that a key holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.pipeline import feed
from tests.workspaces import ask, receipts, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace


def put(here: Workspace, key: str, text: str) -> None:
    path = here.path / "incoming.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, key, path)


def test_values_too_long_for_a_folder_part_the_table_all_the_same(tmp_path: Path) -> None:
    columns = "columns: {id: {type: bigint}, k: {type: string}}"
    here = workspace(tmp_path, f"datasets: {{t: {{partition_by: [k], {columns}}}}}\n")
    values = ["x" * 300, "x" * 300 + "y", "日" * 80, "short"]
    rows = "".join(f"{n},{value}\n" for n, value in enumerate(values))

    put(here, "t/a.csv", f"id,k\n{rows}")
    work_off(here)

    assert ask(here, "SELECT k FROM t ORDER BY id") == [(value,) for value in values]
    (table,) = here.stages.catalog.tables()
    assert len(table.partitions) == 4
    assert all(len(name.encode()) <= 255 for name in table.partitions)


def test_a_key_that_holds_a_masked_column_is_dead_as_nothing_can_mask_it(tmp_path: Path) -> None:
    columns = "columns: {id: {type: bigint}, card: {type: string, mask: drop}}"
    here = workspace(tmp_path, f"datasets: {{t: {{{columns}}}}}\n")

    put(here, "t/card=1234/a.csv", "id\n1\n")
    put(here, "t/b.csv", "id,card\n2,1234\n")
    work_off(here)

    found = receipts(here)
    assert {key: r.state for key, r in found.items()} == {
        "t/card=1234/a.csv": "dead",
        "t/b.csv": "committed",
    }
    error = found["t/card=1234/a.csv"].error
    assert error is not None
    assert "masked column 'card'" in error.message
