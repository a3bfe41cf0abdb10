"""The types of columns and their one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.contract.datatype import PLAIN, canonical
from tests.core.contract.refusal import refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bigint", "bigint"),
        (" BigInt ", "bigint"),
        ("decimal( 10 ,2 )", "decimal(10,2)"),
        ("DECIMAL(38,38)", "decimal(38,38)"),
        ("decimal(1,0)", "decimal(1,0)"),
        ("array<bigint>", "array<bigint>"),
        ("array < decimal(4,2) >", "array<decimal(4,2)>"),
        ("struct<a:bigint,b :string>", "struct<a: bigint, b: string>"),
        ('struct<"user id": int, "plain": json>', 'struct<"user id": int, plain: json>'),
        ("array<struct<A: array<int>>>", "array<struct<A: array<int>>>"),
    ],
)
def test_a_type_has_one_spelling(text: str, expected: str) -> None:
    assert canonical(text) == expected


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    fields = st.dictionaries(st.sampled_from(["a", "B", '"c d"']), inner, min_size=1)
    structs = fields.map(lambda f: f"struct<{', '.join(f'{n}: {t}' for n, t in f.items())}>")
    return inner.map("array<{}>".format) | structs


DECIMALS = st.integers(1, 38).flatmap(
    lambda p: st.integers(0, p).map(lambda s: f"decimal({p},{s})")
)
TYPES = st.recursive(st.sampled_from(sorted(PLAIN)) | DECIMALS, grown, max_leaves=6)


@given(TYPES)
def test_the_one_spelling_stays(text: str) -> None:
    assert canonical(text) == text


@given(TYPES)
def test_spaces_between_words_and_signs_do_not_matter(text: str) -> None:
    spaced = text
    for sign in "<>(),:":
        spaced = spaced.replace(sign, f"  {sign} ")

    assert canonical(spaced) == text


def test_a_type_that_says_nothing_is_told_all_types() -> None:
    lines = refused("datasets: {a: {columns: {b: {type: xyz}}}}")

    assert "unknown type: 'xyz'; the types are bigint, boolean, date, double, int" in lines[0]


def test_types_nest_only_so_deep() -> None:
    lines = refused(f"datasets: {{a: {{columns: {{b: {{type: '{'array<' * 10_000}'}}}}}}}}")

    assert "nested more than 16 deep" in lines[0]
