"""Each fault of the matrix is proved by tests that are there, and the page tells of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.__main__ import PAGE, ROOT
from tests.faults.matrix import MATRIX, Row

ROWS = [row for rows in MATRIX.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_each_test_of_a_row_is_there(row: Row) -> None:
    assert row.tests
    for one in row.ids:
        path, _, name = one.partition("::")
        assert re.search(rf"^def {name}\(", Path(ROOT, path).read_text("utf-8"), re.MULTILINE), one


def test_the_page_has_every_row_and_every_test_of_it_passed() -> None:
    page = PAGE.read_text("utf-8")

    for row in ROWS:
        assert f"| {row.fault} | {row.comes}" in page, "make faults"
    assert "| 0 |" not in page
