"""A contract that changes counts for files that come; the others wait for a backfill, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.pipeline import feed
from edp.pipeline.reprocess import chosen, reprocess
from tests.workspaces import ask, receipts, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace


def put(here: Workspace, name: str, text: str) -> None:
    path = here.path / "incoming.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, f"t/{name}.csv", path)


def contract(column: str) -> str:
    text = f"datasets: {{t: {{columns: {{{column}}}}}}}\n"
    return f"runtimes: {{local: {{settle: 0s}}}}\n{text}"


def test_values_that_a_newer_contract_refuses_stay_as_they_are(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "a", "id,code\n1,A7\n2,B9\n")
    work_off(here)

    here = workspace(tmp_path, contract("code: {type: bigint}"))
    put(here, "b", "id,code\n3,7\n")
    work_off(here)

    assert ask(here, "SELECT id, code FROM t ORDER BY id") == [(1, "A7"), (2, "B9"), (3, "7")]


def test_a_declared_type_holds_once_every_file_was_read_with_it(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    put(here, "a", "id,code\n1,08\n2,9\n")
    work_off(here)
    here = workspace(tmp_path, contract("code: {type: double}"))
    put(here, "b", "id,code\n3,7.5\n")
    work_off(here)
    before = ask(here, "SELECT code FROM t ORDER BY id")

    reprocess(here.stages, chosen(here.stages, prefix="t/").again)
    work_off(here)

    assert before == [("08",), ("9",), ("7.5",)]
    assert ask(here, "SELECT code FROM t ORDER BY id") == [(8.0,), (9.0,), (7.5,)]


def test_a_date_declared_over_texts_of_two_readings_makes_no_value_disappear(
    tmp_path: Path,
) -> None:
    here = workspace(tmp_path)
    put(here, "a", "id,day\n1,1/2/2024\n2,3/4/2024\n")
    work_off(here)

    here = workspace(tmp_path, contract("day: {type: date}"))
    put(here, "b", "id,day\n3,2024-05-06\n")
    work_off(here)

    assert ask(here, "SELECT count(day) FROM t") == [(3,)]


def test_a_contract_that_old_values_cannot_follow_holds_no_new_file_up(tmp_path: Path) -> None:
    here = workspace(tmp_path, contract("flag: {type: boolean}"))
    put(here, "a", "id,flag\n1,yes\n")
    work_off(here)

    here = workspace(tmp_path, contract("flag: {type: int}"))
    for name in "bcd":
        put(here, name, "id,flag\n2,5\n")
    work_off(here)

    assert {receipt.state for receipt in receipts(here).values()} == {"committed"}
    assert ask(here, "SELECT flag FROM t ORDER BY id, flag") == [
        ("true",),
        ("5",),
        ("5",),
        ("5",),
    ]


def test_a_declared_column_without_a_value_has_its_declared_type(tmp_path: Path) -> None:
    here = workspace(tmp_path, contract('"Order ID": {type: bigint}'))
    put(here, "a", "Order ID,n\n,1\n")
    work_off(here)

    assert ask(here, "SELECT typeof(order_id) FROM t") == [("BIGINT",)]
