"""Types that follow the live files: whatever the order in which files came, and which left.

What is stored with another type is cast at read where that is exact, else read again.
"""

import random
from collections.abc import Collection, Iterator, Mapping

import pytest
from hypothesis import strategies as st

from edp.catalog.port import Catalog, Change
from edp.core.files import ProfileColumn
from edp.core.types import Admits, declared_admits
from tests.conformance.catalogs import (
    BIG_INTS,
    DATES,
    DAY_FIRST,
    EITHER,
    FLAGS,
    FOLLOWING,
    FRACTIONS,
    INTS,
    MONTH_FIRST,
    NOTHING,
    TIMES,
    WORDS,
    Sources,
    adopt,
    commit,
    file,
    ingest,
    paths,
    profiles,
    table,
    texts,
    told,
    types,
)
from tests.conformance.examples import over


@pytest.fixture(params=FOLLOWING)
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    with FOLLOWING[request.param]() as catalog:
        yield catalog


def test_no_type_is_fixed(catalog: Catalog) -> None:
    plan = ingest(catalog, "p1", {"a": {"n": INTS}})

    assert (plan.fixed, catalog.fixed_types("orders")) == ({}, {})


WIDER = [
    (INTS, FRACTIONS, "bigint", "double"),
    (INTS, WORDS, "bigint", "string"),
    (DATES, TIMES, "date", "timestamp"),
    (NOTHING, INTS, "string", "bigint"),
    (EITHER, MONTH_FIRST, "string", "date:mdy"),
    (DATES, DAY_FIRST, "date", "date:dmy"),
]


@pytest.mark.parametrize(("old", "new", "before", "after"), WIDER)
def test_a_change_that_a_cast_gives_exactly_reads_nothing_again(
    catalog: Catalog, old: Admits, new: Admits, before: str, after: str
) -> None:
    ingest(catalog, "p1", {"a": {"n": old}})
    assert types(catalog) == {"n": before}

    ingest(catalog, "p2", {"b": {"n": new}})

    assert types(catalog) == {"n": after}
    assert paths(catalog) == {"p1", "p2"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FRACTIONS, WORDS),  # '1.50' is 1.5 now
        (FLAGS, WORDS),  # 'TRUE' is true now
        (DATES, WORDS),
        (TIMES, WORDS),
        (MONTH_FIRST, DAY_FIRST),
        (texts("timestamptz"), WORDS),
    ],
)
def test_a_change_that_a_cast_does_not_give_exactly_reads_the_old_files_again(
    catalog: Catalog, old: Admits, new: Admits
) -> None:
    ingest(catalog, "p1", {"a": {"n": old}, "b": {"n": old}})
    ingest(catalog, "p2", {"c": {"other": WORDS}})

    plan = catalog.plan(Change("orders", profiles=profiles({"d": {"n": new}})))

    assert plan.reread == {"a", "b"}


def test_a_file_that_is_read_again_is_replaced_in_the_same_commit(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}})
    come = {"b": {"n": WORDS}}
    first = catalog.plan(Change("orders", profiles=profiles(come)))

    plan = commit(
        catalog,
        Change(
            "orders",
            add=(file("p2", {"a": 10, "b": 1}, {"n": "string"}),),
            profiles=profiles({"a": {"n": FRACTIONS}, **come}),
            methods=first.methods,
        ),
    )

    assert [one.path for one in plan.drop] == ["p1"]
    assert paths(catalog) == {"p2"}
    assert told(catalog) == [(2, "n", "type", "double", "string", "re-read")]


def test_a_file_read_again_because_its_neighbour_leaves_is_not_rewritten_as_well(
    catalog: Catalog,
) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}, "b": {"n": FRACTIONS}})

    plan = catalog.plan(
        Change("orders", remove=frozenset({"b"}), profiles=profiles({"c": {"n": WORDS}}))
    )

    assert plan.reread == {"a"}
    assert ([one.path for one in plan.drop], plan.rewrite) == (["p1"], ())


def test_where_the_source_is_gone_the_values_are_rendered(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}, "b": {"n": FRACTIONS}})
    come = profiles({"c": {"n": WORDS}})

    plan = commit(
        catalog,
        Change("orders", profiles=come, gone=frozenset({"a", "b"})),
        [file("p2", {"a": 10, "b": 10}, {"n": "string"})],
    )

    (rewriting,) = plan.rewrite
    assert (rewriting.file.path, rewriting.without) == ("p1", frozenset())
    assert rewriting.types["n"] == "string"
    assert told(catalog) == [(2, "n", "type", "double", "string", "rendered")]


def test_where_one_of_a_files_sources_is_gone_the_other_is_read_again(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}, "b": {"n": FRACTIONS}})
    come = {"c": {"n": WORDS}}
    gone = frozenset({"a"})

    first = catalog.plan(Change("orders", profiles=profiles(come), gone=gone))
    again = profiles({"b": {"n": FRACTIONS}, **come})
    second = catalog.plan(Change("orders", profiles=again, gone=gone))

    assert first.reread == {"b"}
    assert second.reread == frozenset()
    ((rewriting,), drop) = second.rewrite, second.drop
    assert (set(rewriting.without), rewriting.types["n"], drop) == ({"b"}, "string", ())


def test_of_a_file_only_the_sources_are_read_again_that_a_cast_would_change(
    catalog: Catalog,
) -> None:
    old = profiles({"a": {"n": FRACTIONS}, "b": {"n": NOTHING}})
    new = (ProfileColumn("n", "n", declared_admits("double"), declared=True),)
    add = file("p1", {"a": 10, "b": 10, "c": 10}, {"n": "double"})
    commit(catalog, Change("orders", add=(add,), profiles=old | {"c": new}))

    come = profiles({"d": {"n": WORDS}})
    first = catalog.plan(Change("orders", profiles=come))
    gone = catalog.plan(Change("orders", profiles=come, gone=frozenset({"a"})))

    assert first.reread == {"a"}
    assert [one.without for one in first.rewrite] == [{"a"}]
    assert gone.reread == set()
    assert [(set(one.without), bool(one.types)) for one in gone.rewrite] == [
        ({"b", "c"}, True),
        ({"a"}, False),
    ]


def test_a_file_that_is_written_as_two_is_replaced_by_both(catalog: Catalog) -> None:
    old = profiles({"a": {"n": FRACTIONS}, "b": {"n": NOTHING}})
    add = file("p1", {"a": 10, "b": 10}, {"n": "double"})
    commit(catalog, Change("orders", add=(add,), profiles=old))

    come = profiles({"c": {"n": WORDS}})
    change = Change(
        "orders",
        add=(file("p2", {"c": 10}, {"n": "string"}),),
        profiles=come,
        gone=frozenset({"a"}),
    )
    parts = [file("r1", {"a": 10}, {"n": "string"}), file("r2", {"b": 10}, {"n": "double"})]
    commit(catalog, change, parts)

    assert paths(catalog) == {"p2", "r1", "r2"}
    assert catalog.versions("orders")[-1]["files_removed"] == 1


def test_a_narrower_type_after_a_removal_is_a_cast_of_the_kept_text(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": WORDS}})
    ingest(catalog, "p2", {"b": {"n": FRACTIONS}})

    plan = commit(catalog, Change("orders", remove=frozenset({"a"})))

    assert (plan.reread, types(catalog)) == (frozenset(), {"n": "double"})
    assert told(catalog) == [(3, "n", "type", "string", "double", "cast at read")]


def test_a_narrower_type_is_a_cast_where_the_stored_values_allow_it(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}})
    ingest(catalog, "p2", {"b": {"n": INTS}})

    commit(catalog, Change("orders", remove=frozenset({"a"})))

    assert types(catalog) == {"n": "bigint"}
    assert paths(catalog) == {"p2"}


def test_another_reading_of_dates_reads_the_old_files_again(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"d": EITHER}, "m": {"d": MONTH_FIRST}})
    assert types(catalog) == {"d": "date:mdy"}

    plan = catalog.plan(
        Change("orders", remove=frozenset({"m"}), profiles=profiles({"n": {"d": DAY_FIRST}}))
    )

    assert plan.reread == {"a"}
    assert plan.columns[0].resolved == "date:dmy"


def test_a_new_declared_type_leaves_the_files_that_were_inferred_as_they_are(
    catalog: Catalog,
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    add = file("p2", {"b": 1}, {"n": "decimal(5,1)"})
    profile = (ProfileColumn("n", "n", declared_admits("decimal(5,1)"), declared=True),)

    change = Change("orders", add=(add,), profiles={"b": profile}, declared={"n": "decimal(5,1)"})
    plan = commit(catalog, change)

    assert plan.reread == set()
    assert types(catalog) == {"n": "string"}


def test_a_change_of_one_column_leaves_files_without_it_alone(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": FRACTIONS}})
    ingest(catalog, "p2", {"b": {"m": FRACTIONS}})

    plan = catalog.plan(Change("orders", profiles=profiles({"c": {"n": WORDS}})))

    assert plan.reread == {"a"}


def test_a_type_is_told_without_the_reading_of_its_dates(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"d": EITHER}})
    ingest(catalog, "p2", {"b": {"d": MONTH_FIRST}})

    assert told(catalog) == [(2, "d", "type", "string", "date", "cast at read")]


def test_an_adopted_file_has_a_say_in_the_types_and_is_never_read_again(
    catalog: Catalog,
) -> None:
    adopt(catalog, "x.parquet", {"n": FRACTIONS}, stored="double")

    plan = ingest(catalog, "p1", {"a": {"n": WORDS}})

    assert (plan.reread, plan.rewrite, types(catalog)) == (frozenset(), (), {"n": "string"})


# every sequence ----------------------------------------------------------------------------------

ADMITS = [NOTHING, WORDS, INTS, BIG_INTS, FRACTIONS, DATES, TIMES, EITHER, MONTH_FIRST, DAY_FIRST]
COLUMNS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(ADMITS), min_size=1)


def settle(catalog: Catalog, sources: Sources, *, remove: Collection[str] = ()) -> None:
    """Commit `sources`, each in a file of its own, and whatever has to be read again with them."""
    everything = dict(sources)
    while True:
        come = profiles(everything)
        first = catalog.plan(Change("orders", remove=frozenset(remove), profiles=come))
        if not first.reread:
            break
        # the sources of a story are all still there to be read again
        everything |= {key: STORY[key] for key in first.reread}
    resolved = {column.name: column.resolved for column in first.columns}
    adds = [
        file(
            f"{key}-{random.getrandbits(64):x}",
            {key: 1},
            {name: resolved[name] for name in columns},
        )
        for key, columns in everything.items()
    ]
    change = Change("orders", remove=frozenset(remove), add=tuple(adds), profiles=come)
    commit(catalog, change)


STORY: dict[str, Mapping[str, Admits]] = {}


@over(
    FOLLOWING,
    60,
    sources=st.dictionaries(st.sampled_from("abcde"), COLUMNS, min_size=1),
    order=st.randoms(use_true_random=False),
    gone=st.sets(st.sampled_from("abcde"), max_size=2),
)
def test_a_tables_columns_are_a_function_of_its_live_files(
    adapter: str,
    sources: dict[str, dict[str, Admits]],
    order: random.Random,
    gone: set[str],
) -> None:
    STORY.clear()
    STORY.update(sources)
    live = {key: columns for key, columns in sources.items() if key not in gone}
    keys = sorted(sources)
    order.shuffle(keys)
    with FOLLOWING[adapter]() as one_by_one, FOLLOWING[adapter]() as at_once:
        for key in keys:
            settle(one_by_one, {key: sources[key]})
        settle(one_by_one, {}, remove=gone & sources.keys())
        settle(at_once, live)

        assert table(one_by_one).columns == table(at_once).columns
        assert table(one_by_one).rows == len(live)
        stored = {path.partition("-")[0] for path in paths(one_by_one)}
        assert stored == live.keys()
