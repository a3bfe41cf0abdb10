"""What is compiled for a contract and a header is compiled once, and never for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edp.etl.engine import express, verdict
from tests.etl.jobs import run_job

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT: dict[str, Any] = {
    "columns": {"n": {"type": "int"}},
    "derive": {"twice": "n * 2"},
    "where": "n > 1",
}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The expressions whose type was asked of DuckDB, with nothing known before."""
    asked: list[str] = []

    def noted(*args: object) -> str:
        asked.append(str(args[2]))
        return express.type_of(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(verdict, "type_of", noted)
    monkeypatch.setattr(verdict, "_compiled", {})
    return asked


def ran(folder: Path, text: bytes, **contract: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
    folder.mkdir()
    return run_job(folder, {"t/a.csv": text}, **contract).rows("* EXCLUDE (_loaded_at)")


def test_a_second_file_with_the_same_header_is_not_compiled_again(
    tmp_path: Path, typed: list[str]
) -> None:
    first = ran(tmp_path / "a", b"n,m\n1,x\n2,y\n", **CONTRACT)
    asked = len(typed)

    second = ran(tmp_path / "b", b"n,m\n3,z\n", **CONTRACT)

    assert len(typed) == asked > 0
    assert (first, second) == ([(2, "y", 4, "t/a.csv")], [(3, "z", 6, "t/a.csv")])


def test_another_header_or_contract_is_compiled_by_itself(tmp_path: Path, typed: list[str]) -> None:
    ran(tmp_path / "a", b"n,m\n2,y\n", **CONTRACT)

    turned = ran(tmp_path / "b", b"m,n\nx,3\n", **CONTRACT)
    tripled = ran(tmp_path / "c", b"n,m\n2,y\n", **{**CONTRACT, "derive": {"twice": "n * 3"}})

    assert turned == [("x", 3, 6, "t/a.csv")]
    assert tripled == [(2, "y", 6, "t/a.csv")]
    assert "n * 3" in typed
