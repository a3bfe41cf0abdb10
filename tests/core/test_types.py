"""What texts admit, what a column is, and which casts are exact."""

import functools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.nested import spelled
from edp.core.types import ADMISSIBLE, Admits, castable, declared_admits, intersection, public
from tests.core.test_nested import trees

TYPES = st.frozensets(st.sampled_from((*ADMISSIBLE, "decimal(10,2)", "json"))).map(
    lambda types: types | {"string"}
)
ADMITS = st.builds(Admits, st.none() | TYPES, st.booleans())
SCALARS = [*("boolean", "int", "bigint", "double", "string", "date", "timestamp", "json")]
NESTED = trees([*SCALARS, "decimal(4,2)", "decimal(5,2)"], st.sampled_from(["a", "B", "b", "c d"]))
DECLARED = NESTED.map(spelled).map(declared_admits)


@given(ADMITS | DECLARED, ADMITS | DECLARED)
def test_the_intersection_has_no_order(a: Admits, b: Admits) -> None:
    assert a & b == b & a


@given(ADMITS | DECLARED, ADMITS | DECLARED, ADMITS | DECLARED)
def test_the_intersection_has_no_grouping(a: Admits, b: Admits, c: Admits) -> None:
    assert (a & b) & c == a & (b & c)


@given(ADMITS | DECLARED)
def test_a_file_heard_of_twice_has_one_say(a: Admits) -> None:
    assert a & a == a
    assert a & Admits() == a
    assert Admits() & a == a


@given(st.lists(ADMITS), st.randoms(use_true_random=False))
def test_a_columns_type_does_not_depend_on_the_order_of_its_files(
    admits: list[Admits], order: random.Random
) -> None:
    shuffled = list(admits)
    order.shuffle(shuffled)

    assert intersection(admits) == intersection(shuffled)
    assert intersection(admits).resolved == intersection(shuffled).resolved


@given(st.lists(ADMITS, min_size=1))
def test_the_intersection_of_many_is_that_of_two_again_and_again(admits: list[Admits]) -> None:
    assert intersection(admits) == functools.reduce(lambda a, b: a & b, admits)


@given(ADMITS)
def test_a_columns_type_is_one_that_its_texts_admit(admits: Admits) -> None:
    kinds = {public(name) for name in admits.types or {"string"}}

    assert public(admits.resolved) in kinds


@given(ADMITS)
def test_more_files_never_make_a_type_that_one_of_them_does_not_admit(admits: Admits) -> None:
    both = admits & Admits(frozenset({"bigint", "string"}))

    assert both.resolved in ("bigint", "string")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("array<int>", "array<int>", "array<int>"),
        ("array<int>", "array<double>", "array<double>"),
        ("array<bigint>", "array<double>", "array<string>"),  # beyond 2**53
        ("array<date>", "array<timestamp>", "array<timestamp>"),
        ("array<int>", "array<array<int>>", "array<json>"),
        ("array<int>", "struct<a: int>", "json"),
        ("array<int>", "json", "json"),
        ("array<int>", "string", "string"),
        ("array<int>", "int", "string"),
        ("struct<b: int>", "struct<b: int, a: date>", "struct<a: date, b: int>"),
        ("struct<b: int, a: int>", "struct<b: int, a: int>", "struct<b: int, a: int>"),
        ("struct<b: int, a: int>", "struct<a: int, b: int>", "struct<a: int, b: int>"),
        ("struct<a: int>", "struct<A: int>", "json"),
        ("array<struct<a: struct<b: int>>>", "array<struct<a: json>>", "array<struct<a: json>>"),
    ],
)
def test_a_changed_nested_type_meets_the_old_one_in_what_holds_both(
    one: str, other: str, both: str
) -> None:
    assert (declared_admits(one) & declared_admits(other)).resolved == both


DATES = {"date:mdy", "date:dmy", "timestamp:mdy", "timestamp:dmy"}
STAMPS = {"timestamp:mdy", "timestamp:dmy"}


@pytest.mark.parametrize(
    ("types", "year_last", "resolved"),
    [
        (None, False, "string"),
        (None, True, "string"),
        (set(), False, "string"),
        ({"boolean"}, False, "boolean"),
        ({"bigint", "double"}, False, "bigint"),
        ({"double"}, False, "double"),
        (DATES, False, "date"),
        (DATES, True, "string"),
        (DATES - {"date:dmy", "timestamp:dmy"}, True, "date:mdy"),
        (DATES - {"date:mdy", "timestamp:mdy"}, True, "date:dmy"),
        (DATES - {"date:mdy", "timestamp:mdy"}, False, "date"),
        (STAMPS, False, "timestamp"),
        (STAMPS, True, "string"),
        ({"timestamp:dmy"}, True, "timestamp:dmy"),
        ({"timestamptz"}, False, "timestamptz"),
        ({"decimal(10,2)"}, False, "decimal(10,2)"),
        ({"json"}, False, "json"),
    ],
)
def test_the_most_specific_type_is_the_columns(
    types: set[str] | None, resolved: str, *, year_last: bool
) -> None:
    admitted = None if types is None else frozenset({*types, "string"})

    assert Admits(admitted, year_last).resolved == resolved


@pytest.mark.parametrize(
    ("stored", "wanted", "types", "exact"),
    [
        ("bigint", "bigint", {"bigint", "double"}, True),
        ("bigint", "double", {"bigint", "double"}, True),
        ("bigint", "double", {"bigint"}, False),  # beyond 2**53
        ("bigint", "string", {"bigint"}, True),
        ("double", "bigint", {"bigint", "double"}, True),
        ("double", "bigint", {"double"}, False),
        ("double", "string", {"double"}, False),  # '1.50' is 1.5 now
        ("boolean", "string", {"boolean"}, False),  # 'TRUE' is true now
        ("date", "timestamp", DATES, True),
        ("timestamp", "date", DATES, True),
        ("timestamp", "date", STAMPS, False),
        ("date", "string", DATES, False),
        ("timestamp", "string", STAMPS, False),
        ("timestamptz", "string", {"timestamptz"}, False),
        ("timestamptz", "timestamp", {"timestamptz"}, False),
        ("string", "bigint", {"bigint"}, True),
        ("string", "bigint", {"double"}, False),
        ("string", "date:dmy", DATES, True),
        ("string", "date:dmy", {"date:mdy"}, False),
        ("date:mdy", "date:mdy", DATES, True),
        ("date:mdy", "date:dmy", DATES, True),
        ("date", "date:mdy", DATES, True),
        ("date:mdy", "timestamp:mdy", DATES, True),
        ("bigint", "boolean", {"bigint"}, False),
        ("bigint", "decimal(10,2)", {"bigint", "double"}, False),
        ("string", "array<int>", {"array<int>", "json"}, False),
        ("json", "string", {"json"}, True),
    ],
)
def test_a_cast_is_exact_or_the_file_is_read_again(
    stored: str, wanted: str, types: set[str], *, exact: bool
) -> None:
    assert castable(stored, wanted, Admits(frozenset({*types, "string"}))) == exact


@pytest.mark.parametrize(
    ("stored", "wanted", "exact"),
    [
        ("date:mdy", "date:dmy", False),
        ("date:mdy", "date:mdy", True),
        ("date:mdy", "timestamp:mdy", True),
        ("date:mdy", "timestamp:dmy", False),
        ("string", "date:dmy", True),
    ],
)
def test_another_reading_is_another_value_where_the_year_comes_last(
    stored: str, wanted: str, *, exact: bool
) -> None:
    admits = Admits(frozenset({*DATES, "string"}), year_last=True)

    assert castable(stored, wanted, admits) == exact


@pytest.mark.parametrize("stored", ["boolean", "bigint", "string", "date:mdy", "decimal(5,1)"])
@pytest.mark.parametrize("wanted", ["boolean", "bigint", "string", "date:dmy", "decimal(10,2)"])
def test_a_file_without_a_value_can_be_cast_to_anything(stored: str, wanted: str) -> None:
    assert castable(stored, wanted, Admits())


@given(ADMITS)
def test_what_is_stored_as_it_is_wanted_needs_no_cast(admits: Admits) -> None:
    assert castable(admits.resolved, admits.resolved, admits)


@given(ADMITS)
def test_kept_text_can_be_read_as_whatever_its_column_becomes(admits: Admits) -> None:
    assert castable("string", admits.resolved, admits)
