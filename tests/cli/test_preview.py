"""A preview shows what a run would make of a file, and keeps nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Ran


def test_rows_rejects_and_types_are_shown_and_nothing_is_kept(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id,day\n1,2025-01-02\n2,x,y\n", "utf-8")

    shown = edp("preview", "a.csv", "--dataset", "t", "--json")
    people = edp("preview", "a.csv", "--dataset", "t")

    assert shown.status == 0
    assert shown.json["rows"] == [{"id": 1, "day": "2025-01-02"}]
    assert shown.json["columns"] == {"id": "bigint", "day": "date"}
    assert [(r["line"], r["raw"]) for r in shown.json["rejects"]] == [(3, "2,x,y")]
    assert "1 written" in people.out
    assert any("read_csv" in statement for statement in shown.json["sql"])
    assert edp("files", "--json").json == {"files": []}
    assert edp("tables", "--json").json == {"tables": []}


def test_a_file_that_would_be_dead_is_an_exit_of_1_with_the_reason(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\x00\n")

    shown = edp("preview", "a.csv", "--dataset", "t", "--json")

    assert shown.status == 1
    assert "NUL" in shown.json["error"]


def test_a_preview_takes_the_types_of_the_table_into_account(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("code\nA7\n", "utf-8")
    (tmp_path / "b.csv").write_text("code\n8\n", "utf-8")
    edp("ingest", "a.csv", "--dataset", "t")

    shown = edp("preview", "b.csv", "--dataset", "t", "--json")

    assert shown.json["rows"] == [{"code": "8"}]


def test_a_file_that_is_not_there_is_wrong_usage(edp: Callable[..., Ran]) -> None:
    ran = edp("preview", "none.csv", "--dataset", "t")

    assert (ran.status, "none.csv" in ran.err) == (2, True)


def test_a_masked_value_and_the_key_are_in_no_part_of_a_preview(
    edp: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDP_MASK_KEY", "canary-of-the-key")
    (tmp_path / "edp.yaml").write_text(
        "datasets: {t: {columns: {card: {type: string, mask: sha256}, n: {type: bigint}},"
        " max_reject_ratio: 0.9}}\n",
        "utf-8",
    )
    (tmp_path / "a.csv").write_text("card,n\ncanary-card,1\ncanary-card,x\n", "utf-8")

    shown = edp("preview", "a.csv", "--dataset", "t", "--json")
    people = edp("preview", "a.csv", "--dataset", "t", "--sql")

    assert len(shown.json["rows"]) == len(shown.json["rejects"]) == 1
    said = shown.out + shown.err + people.out + people.err
    assert "canary" not in said
    assert "SET VARIABLE" not in said, "the key in another form"
