"""Nested types as trees, and their spellings."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.contract.datatype import canonical
from edp.core.nested import Array, Map, Struct, Type, from_duck, parsed, spelled
from edp.core.sql import identifier

NAMES = st.sampled_from(["a", "B_1", "b c", "é", "a,b", "a: int>", "<", "order", "(", "]", "'"])


def trees(leaves: list[str], names: st.SearchStrategy[str]) -> st.SearchStrategy[Type]:
    def grown(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
        fields = st.lists(
            st.tuples(names, inner), min_size=1, max_size=3, unique_by=lambda f: f[0].lower()
        )
        return st.builds(Array, inner) | fields.map(tuple).map(Struct)

    return st.recursive(st.sampled_from(leaves), grown, max_leaves=6)


@given(trees(["int", "decimal(10,2)", "json", "string", "timestamptz"], NAMES))
def test_a_type_is_read_back_from_its_spelling(kind: Type) -> None:
    assert parsed(spelled(kind)) == kind
    assert canonical(spelled(kind)) == spelled(kind)


@pytest.mark.parametrize("text", ["array<int", "array<int>>", "struct<a int>", "struct<>", "int>"])
def test_what_is_no_type_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no type"):
        parsed(text)


DUCK = ["INTEGER", "DECIMAL(10,2)", "TIMESTAMP WITH TIME ZONE", "ENUM('a', 'b) '']')"]


def in_duck(kind: Type) -> str:
    match kind:
        case Array():
            return f"{in_duck(kind.element)}[]"
        case Map():
            return f"MAP({in_duck(kind.key)}, {in_duck(kind.value)})"
        case Struct():
            fields = (f"{identifier(name)} {in_duck(part)}" for name, part in kind.fields)
            return f"STRUCT({', '.join(fields)})"
        case _:
            return kind


@settings(max_examples=50, deadline=None)
@given(trees(DUCK, NAMES | st.just('a "b"')), trees(DUCK, NAMES))
def test_a_type_is_read_as_duckdb_spells_it(key: Type, value: Type) -> None:
    kind = Map(key, Array(value))

    with duckdb.connect() as con:
        spelling = con.execute(f"SELECT typeof(NULL::{in_duck(kind)})").fetchall()[0][0]

    assert from_duck(spelling) == kind


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("INTEGER[3][]", Array(Array("INTEGER"))),
        ("UNION(a INTEGER[], b STRUCT(c DATE))[]", Array("UNION(a INTEGER[], b STRUCT(c DATE))")),
        ("VARIANT", "VARIANT"),
    ],
)
def test_what_is_no_list_struct_or_map_is_a_leaf(spelling: str, kind: Type) -> None:
    assert from_duck(spelling) == kind
