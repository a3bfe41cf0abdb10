"""Every guard that can be taken away is where the table says, and so are the tests for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, mutated
from tests.mutants.table import MUTANTS, Mutant


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_a_guard_is_there_once_and_its_file_is_a_program_without_it(one: Mutant) -> None:
    text = mutated(one)

    assert text != one.path.read_text("utf-8")
    if one.path.suffix == ".py":
        ast.parse(text)
    for name in one.tests.split():
        assert Path(ROOT, name).exists(), f"{name} is not there"


def test_no_two_guards_have_one_name() -> None:
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)
