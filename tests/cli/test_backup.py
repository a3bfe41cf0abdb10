"""`edp backup` says what is in the backup, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran


def test_a_backup_says_what_it_holds_and_opens_as_a_workspace(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", "utf-8")
    (tmp_path / ".env").write_text("A=canary\n", "utf-8")
    edp("ingest", "a.csv", "--dataset", "t")

    told = edp("backup", "one")
    for_scripts = edp("backup", "two", "--without-source", "--json")
    there = edp("--workspace", "one", "query", "SELECT id FROM t", "--json")

    assert told.status == 0
    assert f"{tmp_path}/one: 1 commit, 1 data file, 1 source file" in told.out
    assert "not in it: .env" in told.out
    assert "canary" not in told.out
    assert for_scripts.json | {"bytes": 0, "linked": 0} == {
        "folder": f"{tmp_path}/two",
        "commits": 1,
        "files": 1,
        "linked": 0,
        "objects": 0,
        "bytes": 0,
        "damaged": [],
        "left_out": [],
    }
    assert there.json == [{"id": 1}]


def test_a_backup_of_a_damaged_workspace_is_made_and_says_so(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", "utf-8")
    edp("ingest", "a.csv", "--dataset", "t")
    (lost,) = (tmp_path / "lake/target/t").iterdir()
    lost.unlink()

    ran = edp("backup", "kept")

    assert ran.status == 1
    assert f"missing or damaged in this workspace: target/t/{lost.name}" in ran.out


def test_a_folder_that_is_not_empty_is_refused(edp: Callable[..., Ran], tmp_path: Path) -> None:
    ran = edp("backup", str(tmp_path))

    assert ran.status == 2
    assert "name a new folder, or an empty one" in ran.err
