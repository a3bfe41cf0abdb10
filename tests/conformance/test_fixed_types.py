"""Fixed types: the files that came first decide a column's type, and every file stores it.

Readers such as Athena read each file with the table's types, and cast nothing.
"""

from collections.abc import Collection, Iterator, Mapping

import pytest
from hypothesis import strategies as st

from edp.catalog.port import Catalog, Change
from edp.core.errors import StaleSnapshot
from edp.core.files import DataFile, ProfileColumn
from edp.core.types import Admits, declared_admits, public
from tests.conformance.catalogs import (
    BIG_INTS,
    DATES,
    DAY_FIRST,
    FIXED,
    FLAGS,
    FRACTIONS,
    INTS,
    MONTH_FIRST,
    NOTHING,
    TIMES,
    WORDS,
    adopt,
    commit,
    file,
    ingest,
    paths,
    profiles,
    told,
    types,
)
from tests.conformance.examples import over


@pytest.fixture(params=FIXED)
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    with FIXED[request.param]() as catalog:
        yield catalog


def come(catalog: Catalog, path: str, key: str, stored: Mapping[str, str]) -> frozenset[str]:
    """What has to be read again where a file comes that stores these types."""
    column = dict.fromkeys(stored, WORDS)
    return catalog.plan(
        Change("orders", add=(file(path, {key: 1}, stored),), profiles=profiles({key: column}))
    ).reread


# the first decides -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (INTS, FRACTIONS, "bigint"),
        (FRACTIONS, INTS, "double"),
        (WORDS, INTS, "string"),
        (INTS, WORDS, "bigint"),
        (NOTHING, INTS, "string"),
        (DATES, MONTH_FIRST, "date"),
        (MONTH_FIRST, DAY_FIRST, "date:mdy"),
        (FLAGS, NOTHING, "boolean"),
    ],
)
def test_the_order_of_commits_decides_a_columns_type(
    catalog: Catalog, first: Admits, second: Admits, kept: str
) -> None:
    ingest(catalog, "p1", {"a": {"n": first}})

    plan = ingest(catalog, "p2", {"b": {"n": second}})

    assert types(catalog) == {"n": kept}
    assert (plan.reread, plan.rewrite, told(catalog)) == (frozenset(), (), [])


def test_the_files_of_the_first_commit_decide_together(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": FRACTIONS}})

    assert types(catalog) == {"n": "double"}


def test_a_column_that_comes_later_is_decided_by_the_files_it_comes_with(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "m": FRACTIONS}})
    ingest(catalog, "p3", {"c": {"m": WORDS}})

    assert types(catalog) == {"m": "double", "n": "bigint"}


def test_files_to_come_are_told_the_types_with_their_readings(catalog: Catalog) -> None:
    before = catalog.fixed_types("orders")

    plan = ingest(catalog, "p1", {"a": {"d": MONTH_FIRST, "n": INTS}})

    own = {"_source_file": "string", "_loaded_at": "timestamptz"}
    assert before == {}
    assert catalog.fixed_types("orders") == {"d": "date:mdy", "n": "bigint", **own}
    assert plan.fixed == catalog.fixed_types("orders")
    assert catalog.fixed_types("other") == {}


# a type stays ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "other", "kept"),
    [(WORDS, INTS, "string"), (FRACTIONS, INTS, "double"), (TIMES, DATES, "timestamp")],
)
def test_a_type_stays_when_the_file_that_made_it_leaves(
    catalog: Catalog, made: Admits, other: Admits, kept: str
) -> None:
    ingest(catalog, "p1", {"a": {"n": made}})
    ingest(catalog, "p2", {"b": {"n": other}})

    plan = commit(catalog, Change("orders", remove=frozenset({"a"})))

    assert (types(catalog), paths(catalog)) == ({"n": kept}, {"p2"})
    assert (plan.reread, plan.rewrite, told(catalog)) == (frozenset(), (), [])


@pytest.mark.parametrize("new", [INTS, BIG_INTS, WORDS, NOTHING])
def test_a_type_stays_when_the_only_file_is_overwritten(catalog: Catalog, new: Admits) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}})

    ingest(catalog, "p2", {"a": {"n": new}})

    assert (types(catalog), paths(catalog)) == ({"n": "double"}, {"p2"})


def test_a_column_that_no_file_has_any_more_is_decided_anew(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS, "m": WORDS}})
    ingest(catalog, "p2", {"b": {"n": INTS}})
    commit(catalog, Change("orders", remove=frozenset({"a"})))

    ingest(catalog, "p3", {"c": {"m": FRACTIONS}})

    assert types(catalog) == {"m": "double", "n": "bigint"}


def test_a_file_that_loses_a_source_is_rewritten_as_it_is_stored(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}, "b": {"n": INTS}})

    plan = catalog.plan(Change("orders", remove=frozenset({"a"})))

    (rewriting,) = plan.rewrite
    assert (rewriting.without, dict(rewriting.types), plan.reread) == (
        frozenset("a"),
        {},
        frozenset(),
    )


# every file stores it ----------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["double", "string", "int", "boolean"])
def test_a_file_that_stores_another_type_is_read_again_though_a_cast_were_exact(
    catalog: Catalog, stored: str
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})

    assert come(catalog, "p2", "b", {"n": stored}) == {"b"}
    assert come(catalog, "p2", "b", {"n": "bigint"}) == frozenset()


def test_files_of_the_first_commit_that_store_different_types_are_read_again(
    catalog: Catalog,
) -> None:
    adds = (file("p1", {"a": 1}, {"n": "bigint"}), file("p2", {"b": 1}, {"n": "double"}))
    come = profiles({"a": {"n": INTS}, "b": {"n": FRACTIONS}})

    plan = catalog.plan(Change("orders", add=adds, profiles=come))

    assert (set(plan.reread), plan.fixed["n"]) == ({"a"}, "double")


def test_dates_that_needed_no_reading_are_like_those_that_did(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"d": MONTH_FIRST}})

    assert come(catalog, "p2", "b", {"d": "date"}) == frozenset()
    assert come(catalog, "p2", "b", {"d": "date:dmy"}) == {"b"}


def test_dates_are_not_read_with_a_reading_that_the_table_has_not(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"d": DATES}})

    assert come(catalog, "p2", "b", {"d": "date:mdy"}) == {"b"}


def test_of_two_first_commits_at_once_the_later_reads_its_files_again(catalog: Catalog) -> None:
    late = Change(
        "orders",
        add=(file("p1", {"a": 1}, {"n": "string"}),),
        profiles=profiles({"a": {"n": WORDS}}),
    )
    plan = catalog.plan(late)
    ingest(catalog, "p2", {"b": {"n": INTS}})

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")
    again = catalog.plan(late)

    assert plan.reread == frozenset()
    assert (set(again.reread), again.fixed["n"]) == ({"a"}, "bigint")


def test_an_adopted_file_leaves_a_type_as_it_is_and_is_never_read_again(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})

    adopt(catalog, "x.parquet", {"n": FRACTIONS}, stored="double")

    assert types(catalog) == {"n": "bigint"}
    assert paths(catalog) == {"p1", "x.parquet"}


# a contract that changes -------------------------------------------------------------------------


def declaring(kind: str, *, stored: str = "", gone: Collection[str] = ()) -> Change:
    """A file `z` comes that was read with a contract which declares the column."""
    add = file("p9", {"z": 1}, {"n": stored or kind})
    profile = (ProfileColumn("n", "n", declared_admits(kind), declared=True),)
    return Change(
        "orders",
        add=(add,),
        profiles={"z": profile},
        declared={"n": kind},
        gone=frozenset(gone),
    )


@pytest.mark.parametrize("kind", ["decimal(5,1)", "double", "string", "int"])
def test_a_newly_declared_type_has_all_files_read_again_with_the_first_that_was_read_so(
    catalog: Catalog, kind: str
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})
    ingest(catalog, "p2", {"c": {"m": INTS}})

    plan = catalog.plan(declaring(kind))

    assert (set(plan.reread), plan.fixed["n"]) == ({"a", "b"}, kind)
    assert [one.path for one in plan.drop] == ["p1"]


def test_a_newly_declared_type_changes_nothing_as_long_as_no_file_brings_it(
    catalog: Catalog,
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS}})

    plan = commit(catalog, Change("orders", remove=frozenset({"a"}), declared={"n": "string"}))

    assert (plan.reread, types(catalog)) == (frozenset(), {"n": "bigint"})


def test_dates_that_are_declared_now_stay_as_they_were_read(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": MONTH_FIRST}})

    plan = commit(catalog, declaring("date"))

    assert (plan.reread, types(catalog), told(catalog)) == (frozenset(), {"n": "date"}, [])


# every sequence ----------------------------------------------------------------------------------

ADMITS = [NOTHING, WORDS, INTS, BIG_INTS, FRACTIONS, DATES, TIMES, MONTH_FIRST, DAY_FIRST]
COLUMNS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(ADMITS), min_size=1)
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcd"), COLUMNS, max_size=2),
        st.sets(st.sampled_from("abcd"), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


def settle(
    catalog: Catalog, live: Mapping[str, Mapping[str, Admits]], remove: Collection[str]
) -> None:
    """Commit each source in a file of its own, typed by itself; read again what has to be."""
    adds = {
        key: stored(key, columns, {name: one.resolved for name, one in columns.items()})
        for key, columns in live.items()
    }
    while True:
        change = Change(
            "orders",
            remove=frozenset(remove) - live.keys(),
            add=tuple(adds.values()),
            profiles=profiles(live),
        )
        plan = catalog.plan(change)
        if not plan.reread:
            break
        assert plan.reread <= live.keys()
        adds |= {key: stored(key, live[key], plan.fixed) for key in plan.reread}
    catalog.replace(plan, rewritten=(), run_id="r", operation="ingest")


NUMBER = iter(range(1_000_000))


def stored(key: str, columns: Collection[str], kinds: Mapping[str, str]) -> DataFile:
    return file(f"{key}-{next(NUMBER)}", {key: 1}, {name: kinds[name] for name in columns})


@over(FIXED, 60, steps=STEPS)
def test_types_never_change_while_a_file_has_the_column_and_all_files_store_them(
    adapter: str,
    steps: list[tuple[dict[str, dict[str, Admits]], set[str]]],
) -> None:
    with FIXED[adapter]() as catalog:
        before: dict[str, str] = {}
        for live, remove in steps:
            settle(catalog, live, remove)

            now = types(catalog) if catalog.tables() else {}
            assert {n: k for n, k in now.items() if n in before} == {
                n: k for n, k in before.items() if n in now
            }
            for one in catalog.files("orders"):
                assert {n: public(k) for n, k in one.schema.items()} == {
                    n: public(now[n]) for n in one.schema
                }
            before = now
