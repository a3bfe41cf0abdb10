"""Commands that go over files again, when the contract has changed or a file should go."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edp.pipeline.expire import expire
from edp.wiring import open_workspace
from tests.workspaces import do

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

STRICT = "datasets: {t: {columns: {id: {type: bigint}}, max_reject_ratio: 0.9}}\n"
TEXT = "datasets: {t: {columns: {id: {type: string}}}}\n"
STRICTEST = "datasets: {t: {columns: {id: {type: bigint}}, max_reject_ratio: 0.1}}\n"


@pytest.fixture
def contract(tmp_path: Path) -> Callable[[str], int]:
    return lambda text: (tmp_path / "edp.yaml").write_text(text, "utf-8")


@pytest.fixture
def loaded(
    edp: Callable[..., Ran], contract: Callable[[str], int], tmp_path: Path
) -> Callable[..., Ran]:
    """Two files of the dataset `t`; one of them has a row that is no bigint."""
    contract(STRICT)
    (tmp_path / "a.csv").write_text("id,n\n1,x\ntwo,y\n", "utf-8")
    (tmp_path / "b.csv").write_text("id,n\n3,z\n", "utf-8")
    assert edp("ingest", "a.csv", "b.csv", "--dataset", "t").status == 0
    return edp


def ids(edp: Callable[..., Ran]) -> list[object]:
    rows = edp("query", "SELECT id FROM t ORDER BY id::varchar", "--json").json
    return [row["id"] for row in rows]


def test_rejects_are_shown_with_place_and_reason_and_counted_by_it(
    loaded: Callable[..., Ran],
) -> None:
    shown = loaded("rejects", "t", "--json").json["rejects"]
    counted = loaded("rejects", "t", "--by", "reason", "--json").json["rejects"]
    people = loaded("rejects", "t")

    (one,) = shown
    assert (one["source_file"], one["line"], one["column_name"], one["value"], one["raw"]) == (
        "t/a.csv",
        3,
        "id",
        "two",
        "two,y",
    )
    assert "not a bigint" in one["reason"]
    assert [(c["column_name"], c["rows"], c["files"]) for c in counted] == [("id", 1, 1)]
    assert "two,y" in people.out


def test_rejects_that_are_gone_are_not_said_to_have_never_been(
    loaded: Callable[..., Ran], contract: Callable[[str], int], tmp_path: Path
) -> None:
    contract(f"{STRICT}retention: {{rejects: 0s}}\n")
    with closing(open_workspace(tmp_path, environ={})) as here:
        do(here, expire(here.stages, memory=here.memory))

    shown = loaded("rejects", "t")

    assert "`edp rejects t --replay`" in shown.out
    assert "past retention.rejects" in shown.out


def test_rejects_are_replayed_with_the_contract_as_it_is_now(
    loaded: Callable[..., Ran], contract: Callable[[str], int]
) -> None:
    contract(TEXT)

    ran = loaded("rejects", "t", "--replay", "--json")

    assert ran.status == 0
    assert [file["key"] for file in ran.json["files"]] == ["t/a.csv"]
    assert ids(loaded) == ["1", "3", "two"]
    assert loaded("rejects", "t", "--json").json == {"rejects": []}
    assert loaded("rejects", "t", "--replay", "--json").json == {"files": []}


def test_small_files_of_tables_are_merged_by_hand(
    loaded: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_text("id,n\n4,z\nfour,z\n", "utf-8")
    assert loaded("ingest", "c.csv", "--dataset", "t").status == 0
    before = ids(loaded)

    merged = loaded("compact", "t", "--json").json["merges"]
    people = loaded("compact").out
    nothing = loaded("compact").out
    unknown = loaded("compact", "typo")

    assert [(m["table"], m["partition"], m["files"], m["rows"]) for m in merged] == [
        ("t", "", 2, 3)
    ]
    assert "t__rejects" in people
    assert nothing == "there are no small files to be merged\n"
    assert (unknown.status, "'typo'" in unknown.err) == (2, True)
    assert ids(loaded) == before


def test_a_backfill_reads_every_file_again_and_doubles_no_row(
    loaded: Callable[..., Ran], contract: Callable[[str], int]
) -> None:
    before = {f["key"]: f["contract"] for f in loaded("files", "--json").json["files"]}
    contract(TEXT)

    outlook = loaded("plan", "--json").json["tables"]
    dry = loaded("backfill", "--prefix", "t/", "--dry-run", "--json").json
    ran = loaded("backfill", "--prefix", "t/", "--json")

    after = {f["key"]: f["contract"] for f in ran.json["files"]}
    assert [(t["dataset"], t["older"]) for t in outlook] == [("t", 2)]
    assert dry["files"] == ["t/a.csv", "t/b.csv"]
    assert ran.status == 0
    assert before.keys() == after.keys()
    assert set(before.values()).isdisjoint(after.values())
    assert ids(loaded) == ["1", "3", "two"]
    assert loaded("plan", "--json").json["tables"][0]["older"] == 0


def test_a_backfill_takes_only_what_was_modified_since(loaded: Callable[..., Ran]) -> None:
    none = loaded("backfill", "--prefix", "t/", "--since", "2999-01-01", "--json")
    wrong = loaded("backfill", "--prefix", "t/", "--since", "yesterday")

    assert none.json == {"files": []}
    assert (wrong.status, "--since" in wrong.err) == (2, True)


def test_a_file_that_dies_when_it_is_read_again_keeps_its_rows_until_it_is_retracted(
    loaded: Callable[..., Ran], contract: Callable[[str], int]
) -> None:
    contract(STRICTEST)

    ran = loaded("backfill", "--prefix", "t/a", "--json")
    kept = ids(loaded)
    retracted = loaded("retract", "t/a.csv")

    assert (ran.status, ran.json["files"][0]["state"]) == (1, "dead")
    assert kept == [1, 3]
    assert retracted.status == 0
    assert ids(loaded) == [3]
    assert loaded("dlq", "list", "--json").json == {"items": []}


def test_a_retracted_file_stays_out_of_backfills_and_comes_back_when_it_is_put(
    loaded: Callable[..., Ran],
) -> None:
    retracted = loaded("retract", "t/a.csv", "--json")
    left = loaded("backfill", "--prefix", "t/", "--dry-run", "--json").json["left"]
    again = loaded("retract", "t/a.csv")
    out = ids(loaded)

    put = loaded("ingest", "a.csv", "--dataset", "t")

    assert retracted.json["files"][0]["state"] == "discarded"
    assert left.keys() == {"t/a.csv"}
    assert (again.status, "no rows" in again.err) == (2, True)
    assert (out, put.status) == ([3], 0)
    assert ids(loaded) == [1, 3]


def test_the_schema_for_editors_is_json(edp: Callable[..., Ran]) -> None:
    schema = edp("schema").json

    assert "datasets" in schema["properties"]
