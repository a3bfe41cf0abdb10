"""Names of columns and objects; the examples are design.md's."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edp.core.errors import BadKey
from edp.core.names import RESERVED, check_key, column_names, is_ignored, normalise


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("name", "name"),
        ("Name", "name"),
        ("\ufeffName", "name"),
        ("  Outer Spaces\t", "outer_spaces"),
        ("Case-Fatality_Ratio", "case_fatality_ratio"),
        ("Größe", "grosse"),
        ("GRÖSSE", "grosse"),
        ("Größe (cm)", "grosse_cm_"),
        ("é", "e"),
        ("e\u0301", "e"),
        ("İ", "i"),
        ("ﬁle", "file"),
        ("\uff26\uff35\uff2c\uff2c", "full"),  # full width
        ("x²", "x2"),
        ("価格", "u4fa1u683c"),
        ("цена", "u446u435u43du430"),
        ("٣", "u663"),
        ("2020", "_2020"),
        ("2 b", "_2_b"),
        ("a--b", "a_b"),
        ("a__b", "a__b"),
        ("_loaded_at", "_loaded_at"),
        ("%", ""),
        ("___", ""),
        ("", ""),
        (" \ufeff ", ""),
        ("\U0001f600", ""),
    ],
)
def test_a_column_is_named(written: str, name: str) -> None:
    assert normalise(written) == name


@given(st.text())
@example("ß\u0345")
@example("\u1e9e")
def test_a_name_is_ascii_or_nothing(written: str) -> None:
    assert re.fullmatch(r"([a-z_][a-z0-9_]*)?", normalise(written), re.ASCII)


@given(st.text())
def test_a_name_is_its_own_name(written: str) -> None:
    name = normalise(written)

    assert normalise(name) == name


@given(st.text(st.characters(codec="ascii")))
def test_case_and_outer_spaces_do_not_matter(written: str) -> None:
    assert normalise(f" \ufeff{written.upper()} ") == normalise(written.lower())


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "A", "a_2"], ["a", "a_2", "a_2_2"]),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["", "x", "--"], ["column_1", "x", "column_3"]),
        (["column_2", ""], ["column_2", "column_2_2"]),
        (["_source_file", "_loaded_at"], ["_source_file_2", "_loaded_at_2"]),
        (["_Source File", "_source_file_2"], ["_source_file_2", "_source_file_2_2"]),
        ([], []),
    ],
)
def test_a_clash_gets_the_first_free_number(header: list[str], names: list[str]) -> None:
    assert column_names(header) == names


HEADERS = st.lists(st.text(max_size=6) | st.sampled_from(["a", "A", "a_2", "", "_loaded_at"]))


@given(HEADERS)
def test_the_columns_of_a_file_have_names_of_their_own(header: list[str]) -> None:
    names = column_names(header)

    assert len(names) == len(header)
    assert len(set(names)) == len(names)
    assert RESERVED.isdisjoint(names)
    assert all(re.fullmatch(r"[a-z0-9_]+", name, re.ASCII) for name in names)


@given(HEADERS, st.text(max_size=5))
def test_a_column_added_at_the_end_renames_none_before_it(header: list[str], more: str) -> None:
    assert column_names([*header, more])[:-1] == column_names(header)


@given(HEADERS)
def test_names_that_are_names_already_are_kept(header: list[str]) -> None:
    names = column_names(header)

    assert column_names(names) == names


# keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["a", "a/b.csv", "größe/価格.csv", ".hidden/a", "...", "a/..b", "a b", "x" * 1024, "é" * 512],
)
def test_these_are_keys(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize(
    "key",
    ["", "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/../b", "a\0", "a\nb", "a\x7f",
     "a\x85", "\ud800", "x" * 1025, "é" * 513],
)  # fmt: skip
def test_these_are_none(key: str) -> None:
    with pytest.raises(BadKey):
        check_key(key)


@pytest.mark.parametrize(
    ("key", "ignored"),
    [
        ("orders/_SUCCESS", True),
        ("orders/.tmp", True),
        ("orders/", True),
        ("_x", True),
        ("_orders/a.csv", False),
        (".x/a.csv", False),
        ("a_b.csv", False),
    ],
)
def test_markers_and_temporary_files_are_ignored(key: str, *, ignored: bool) -> None:
    assert is_ignored(key) == ignored
