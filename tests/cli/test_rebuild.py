"""A lost, damaged or older state is made again from the commits beside it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

FORGOTTEN = ("queryable_ms",)


@pytest.fixture
def lived(edp: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """A workspace with a past: overwritten, retracted, dead and given-up files."""
    files = {"a.csv": "id,n\n1,x\n", "b.csv": "id,n\n2,y\n2,y\n3\n", "gone.csv": "id,n\n9,z\n"}
    for name, text in {**files, "dead.csv": "id\0\n", "given-up.csv": "id\0n\n"}.items():
        (tmp_path / name).write_text(text, "utf-8")
        edp("ingest", name, "--dataset", "t")
    (tmp_path / "a.csv").write_text("id,n\n1,x\n4,w\n", "utf-8")
    edp("ingest", "a.csv", "--dataset", "t")
    assert edp("retract", "t/gone.csv").status == 0
    (item,) = (one for one in edp("dlq", "list", "--json").json["items"] if "given" in one["key"])
    assert edp("dlq", "discard", item["id"]).status == 0
    return edp


def looks(edp: Callable[..., Ran]) -> dict[str, Any]:
    """What a person sees of a workspace that has to be given back."""
    return {
        "rows": edp("query", "SELECT id, n, _source_file FROM t ORDER BY ALL", "--json").json,
        "rejects": edp("query", "SELECT * FROM edp.rejects ORDER BY ALL", "--json").json,
        "files": edp("files", "--json").json,
        "runs": edp("runs", "--json").json,
        "tables": edp("tables", "--json").json,
        "dead": edp("dlq", "list", "--json").json,
    }


def state(folder: Path) -> list[Path]:
    return list((folder / "lake").glob("state.db*"))


def test_a_lost_state_is_refused_and_made_again(lived: Callable[..., Ran], tmp_path: Path) -> None:
    before = looks(lived)
    for part in state(tmp_path):
        part.unlink()

    refused = lived("status")
    made = lived("rebuild", "--json")

    assert refused.status == 2
    assert "`edp rebuild`" in refused.err
    assert (made.status, made.json["damages"], made.json["aside"]) == (0, [], None)
    assert made.json["new"] == 0  # the retracted, the dead and the given-up stay what they are
    assert looks(lived) == before


def test_a_workspace_goes_on_after_it(lived: Callable[..., Ran], tmp_path: Path) -> None:
    assert lived("rebuild").status == 0
    (tmp_path / "b.csv").write_text("id,n\n7,q\n", "utf-8")

    again = lived("ingest", "a.csv", "b.csv", "--dataset", "t", "--json").json["files"]
    second = lived("rebuild", "--json")

    assert [(one["key"], one.get("unchanged", False)) for one in again] == [
        ("t/a.csv", True),
        ("t/b.csv", False),
    ]
    rows = lived("query", "SELECT id FROM t ORDER BY id", "--json").json
    assert [row["id"] for row in rows] == [1, 4, 7]
    assert second.json["damages"] == []


def test_an_older_state_that_was_put_back_is_refused_and_made_again(
    lived: Callable[..., Ran], tmp_path: Path
) -> None:
    here = open_workspace(tmp_path, environ={})
    here.close()  # so that all of it is in one file
    shutil.copy(tmp_path / "lake" / "state.db", tmp_path / "old.db")
    for n in range(3):
        (tmp_path / "more.csv").write_text(f"id,n\n{n},m\n", "utf-8")
        lived("ingest", "more.csv", "--dataset", "t")
    before = looks(lived)
    for part in state(tmp_path):
        part.unlink()
    shutil.copy(tmp_path / "old.db", tmp_path / "lake" / "state.db")

    refused = lived("query", "SELECT 1")
    made = lived("rebuild")

    assert (refused.status, made.status) == (2, 0)
    assert "the state before is now" in made.out
    assert looks(lived) == before


def test_a_damaged_state_is_made_again_and_kept_aside(
    lived: Callable[..., Ran], tmp_path: Path
) -> None:
    before = looks(lived)
    for part in state(tmp_path):
        part.unlink()
    (tmp_path / "lake" / "state.db").write_bytes(b"no database" * 1000)

    refused = lived("status")
    made = lived("rebuild", "--json")

    assert refused.status != 0
    assert "`edp rebuild`" in refused.err
    assert (tmp_path / made.json["aside"]).read_bytes().startswith(b"no database")
    assert looks(lived) == before


def test_damaged_commits_are_named_and_the_rest_counts(
    lived: Callable[..., Ran], tmp_path: Path
) -> None:
    newest = max((tmp_path / "lake" / "commits").glob("*.jsonl"))
    lines = newest.read_bytes().splitlines(keepends=True)
    newest.write_bytes(b"".join([*lines[:-2], b"x" + lines[-2][1:], lines[-1]]))

    made = lived("rebuild")

    assert made.status == 1
    assert f"cannot be read: {newest.name}" in made.out
    assert lived("status").status == 0


def test_nothing_is_made_again_while_somebody_works(
    lived: Callable[..., Ran], tmp_path: Path
) -> None:
    with open_workspace(tmp_path, environ={}).working("edp up") as held:
        assert held
        refused = lived("rebuild")

    assert refused.status == 2
    assert "edp up" in refused.err


def test_where_nothing_is_written_down_that_is_said(edp: Callable[..., Ran]) -> None:
    refused = edp("rebuild")

    assert refused.status == 2
    assert "no commits" in refused.err


def test_a_lake_that_cannot_be_written_is_named(lived: Callable[..., Ran], tmp_path: Path) -> None:
    lock = tmp_path / "lake/.lock"
    lock.unlink()
    lock.mkdir()  # not even root may write into it

    refused = lived("rebuild")

    assert refused.status == 1
    assert f"cannot rebuild {tmp_path}/lake" in refused.err
    assert lived("query", "SELECT count(*) AS n FROM t", "--json").json == [{"n": 3}]


def test_a_state_that_cannot_be_opened_names_who_looks_for_the_cause(
    lived: Callable[..., Ran], tmp_path: Path
) -> None:
    for part in state(tmp_path):
        part.unlink()
    (tmp_path / "lake/state.db").mkdir()

    refused = lived("status")

    assert refused.status == 1
    assert "`edp doctor`" in refused.err
