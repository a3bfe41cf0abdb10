"""Tables for people: nothing is lost, and a terminal's width is kept to where it can be."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from edp.cli.tabular import lines

WORDS = st.text("abc xyz", max_size=60).map(lambda text: " ".join(text.split()))
ROWS = st.lists(st.tuples(WORDS, WORDS, st.integers(0, 10**6).map(str)), max_size=5)
HEAD = ("source_file", "reason", "n")


def letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)


@given(ROWS)
def test_into_a_pipe_every_row_is_one_line_and_whole(rows: list[tuple[str, str, str]]) -> None:
    _, _, *body = lines(HEAD, rows, right=["n"])

    assert [letters(line) for line in body] == [letters("".join(row)) for row in rows]
    assert all(text in line for line, row in zip(body, rows, strict=True) for text in row)


@given(ROWS, st.integers(44, 120))
def test_on_a_terminal_no_line_is_longer_than_it_is_wide(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    shown = list(lines(HEAD, rows, right=["n"], width=width))

    assert max(map(len, shown)) <= width
    assert sorted(letters("".join(shown))) == sorted(
        letters("".join(HEAD) + "".join("".join(row) for row in rows))
    )


def test_numbers_are_never_broken() -> None:
    shown = "\n".join(lines(("text", "n"), [("words " * 9, "123456789")], right=["n"], width=20))

    assert "123456789" in shown


def test_columns_that_can_be_spared_go_first_and_only_as_far_as_needed() -> None:
    head = ("key", "version", "ms")
    row = ("orders/a.csv", "1", "250")

    def shown(width: int | None) -> list[str]:
        first, *_ = lines(head, [row], right=["ms"], spare=["ms", "version"], width=width)
        return first.split()

    assert [shown(None), shown(80), shown(24), shown(15)] == [
        ["key", "version", "ms"],
        ["key", "version", "ms"],
        ["key", "version"],
        ["key"],
    ]


def test_wide_letters_take_two_places() -> None:
    first, _, body = lines(("name", "n"), [("価格", "7")], right=["n"])

    assert (first, body) == (" name   n", " 価格   7")


def test_a_table_without_rows_has_its_head() -> None:
    assert list(lines(("a", "b"), [])) == [" a   b", " ─────"]
