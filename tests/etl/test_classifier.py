"""A text admits what design.md says, however it is asked; its value is the text's, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.sql import (
    MEMBERS,
    YEAR_FIRST,
    admits,
    classify_sql,
    fitting_sql,
    parse_sql,
    value_sql,
)
from edp.core.types import ADMISSIBLE
from tests.etl import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALL = sum(MEMBERS.values()) | YEAR_FIRST
EVERY_KIND = [*ADMISSIBLE, "date", "timestamp"]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


def ask(con: duckdb.DuckDBPyConnection, expression: str, texts: Sequence[str]) -> list[object]:
    query = f"SELECT {expression} FROM (SELECT unnest($texts::VARCHAR[]) AS t)"
    return [value for (value,) in con.execute(query, {"texts": list(texts)}).fetchall()]


def hostile() -> st.SearchStrategy[str]:
    digits = st.text("0123456789", min_size=1, max_size=4)
    pieces = st.sampled_from(
        [*"-+./: TZeE,_\n", "true", "FALSE", "12", "31", "2024", "२", "\uff10"]
    )
    return st.lists(digits | pieces, min_size=1, max_size=12).map("".join)


def moments() -> st.SearchStrategy[str]:
    two = st.integers(0, 61).map(str) | st.integers(0, 61).map("{:02}".format)
    year = st.integers(0, 9999).map("{:04}".format) | st.integers(0, 99).map("{:02}".format)
    first = st.tuples(year, st.sampled_from("-/"), two, st.sampled_from("-/"), two).map("".join)
    last = st.tuples(two, st.just("/"), two, st.just("/"), year).map("".join)
    second = st.tuples(st.just(":"), two, st.sampled_from(["", ".", ".5", ".000001"])).map("".join)
    clock = st.tuples(
        st.sampled_from(" T"),
        two,
        st.just(":"),
        two,
        st.just("") | second,
        st.sampled_from(["", "", "Z", "+0130", "-23:59"]),
    ).map("".join)
    return st.tuples(first | last, st.just("") | clock).map("".join)


def assert_as_told(con: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> None:
    masks = ask(con, classify_sql("t", ALL), texts)

    for text, mask in zip(texts, masks, strict=True):
        assert isinstance(mask, int)
        found = admits(mask)
        assert (found.types, found.year_last) == oracle.admits(text), text


def test_each_hostile_text_admits_what_the_oracle_says(con: duckdb.DuckDBPyConnection) -> None:
    assert_as_told(con, oracle.HOSTILE)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(hostile() | moments() | st.text(max_size=8), min_size=1, max_size=40))
def test_any_text_admits_what_the_oracle_says(
    con: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    assert_as_told(con, [text.replace("\0", "") for text in texts])


def test_the_table_of_hostile_texts_has_every_type() -> None:
    found = [oracle.admits(text) for text in oracle.HOSTILE]

    assert frozenset.union(*(types for types, _ in found)) == frozenset(ADMISSIBLE)
    assert {year_last for _, year_last in found} == {True, False}


@pytest.mark.parametrize("member", ADMISSIBLE)
def test_asking_for_one_type_alone_gives_the_same_answer_for_it(
    con: duckdb.DuckDBPyConnection, member: str
) -> None:
    bits = ask(con, f"({classify_sql('t', MEMBERS[member])}) & {MEMBERS[member]}", oracle.HOSTILE)

    assert [bool(bit) for bit in bits] == [
        member in oracle.admits(text)[0] for text in oracle.HOSTILE
    ]


@pytest.mark.parametrize("member", [name for name in ADMISSIBLE if name != "timestamptz"])
def test_a_text_that_fits_has_its_exact_value(con: duckdb.DuckDBPyConnection, member: str) -> None:
    texts = [text for text in oracle.HOSTILE if member in oracle.admits(text)[0]]
    expected = [oracle.value(text, member) for text in texts]

    assert ask(con, parse_sql("t", member), texts) == expected
    assert ask(con, fitting_sql("t", member), texts) == expected
    assert ask(con, value_sql("string", member, "t"), texts) == expected


def test_a_time_with_an_offset_is_that_moment(con: duckdb.DuckDBPyConnection) -> None:
    texts = [text for text in oracle.HOSTILE if "timestamptz" in oracle.admits(text)[0]]
    expected = [oracle.value(text, "timestamptz") for text in texts]

    for sql in (parse_sql("t", "timestamptz"), fitting_sql("t", "timestamptz")):
        micros = ask(con, f"epoch_us({sql})", texts)
        moments_ = ask(con, f"make_timestamp(epoch_us({sql}))", texts)
        assert len(micros) == len(texts) > 0
        assert moments_ == [moment.replace(tzinfo=None) for moment in expected]  # type: ignore[attr-defined]


@pytest.mark.parametrize("member", ["bigint", "date:mdy", "timestamp:dmy", "timestamptz"])
def test_a_text_that_does_not_fit_has_no_value(con: duckdb.DuckDBPyConnection, member: str) -> None:
    texts = [text for text in oracle.HOSTILE if member not in oracle.admits(text)[0]]

    assert set(ask(con, parse_sql("t", member), texts)) == {None}
