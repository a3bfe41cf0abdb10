"""A catalog: tables change by `replace` alone.

How the types of their columns come about is in suites of its own, as catalogs differ in that.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from edp.catalog.port import Catalog, Change, Column, Crowd, Rewriting
from edp.core.errors import EdpError, StaleSnapshot
from edp.core.files import ADOPTED, ProfileColumn
from edp.core.types import Admits, declared_admits
from tests.conformance.catalogs import (
    BIG_INTS,
    CATALOGS,
    DATES,
    DAY_FIRST,
    EITHER,
    FLAGS,
    FRACTIONS,
    INTS,
    MONTH_FIRST,
    NOTHING,
    REJECT,
    TIMES,
    WORDS,
    adopt,
    commit,
    file,
    ingest,
    paths,
    profiles,
    rejects,
    table,
    told,
    types,
)
from tests.conformance.ticking import Tick


@pytest.fixture(params=CATALOGS)
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    with CATALOGS[request.param]() as catalog:
        yield catalog


# replace -----------------------------------------------------------------------------------------


def test_at_first_there_are_no_tables(catalog: Catalog) -> None:
    assert catalog.tables() == []
    assert catalog.snapshot() == []
    assert catalog.schema_changes() == []
    assert catalog.versions("orders") == []
    assert set(catalog.named()) == set()


def test_a_first_commit_makes_the_table(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS, "s": WORDS}, "b": {"n": INTS}})

    found = table(catalog)
    assert (found.database, found.dataset, found.kind) == ("shop", "orders", "data")
    assert (found.version, found.rows, found.files) == (1, 20, 1)
    assert paths(catalog) == {"p1"}


def test_a_plan_changes_nothing(catalog: Catalog) -> None:
    come = profiles({"a": {"n": INTS}})

    catalog.plan(Change("orders", add=(file("p1", {"a": 1}, {"n": "bigint"}),), profiles=come))

    assert catalog.tables() == []


def test_a_file_is_read_back_as_it_was_committed(catalog: Catalog) -> None:
    add = file("p1", {"a": 3}, {"n": "bigint"}, partition="year=2026")
    change = Change("orders", add=(add,), profiles=profiles({"a": {"n": INTS}}))

    commit(catalog, change)

    ((_, (found,)),) = catalog.snapshot()
    assert found == replace(add, sources={})


def test_a_tables_columns_do_not_depend_on_the_order_of_its_files(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"x": WORDS, "y": INTS}})
    ingest(catalog, "p2", {"b": {"new": WORDS, "x": WORDS}})
    ingest(catalog, "q1", {"b": {"new": WORDS, "x": WORDS}}, dataset="other")
    ingest(catalog, "q2", {"a": {"x": WORDS, "y": INTS}}, dataset="other")

    assert table(catalog).columns == table(catalog, "other").columns
    assert list(types(catalog)) == ["new", "x", "y"]


def test_a_table_has_edps_own_columns_last(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"x": WORDS}})

    own = [(c.name, c.resolved) for c in table(catalog).columns[-2:]]
    assert own == [("_source_file", "string"), ("_loaded_at", "timestamptz")]


def test_a_columns_comment_tells_how_files_write_its_name(catalog: Catalog) -> None:
    columns = (ProfileColumn("n", "n", INTS), ProfileColumn("grosse", "Größe", WORDS))
    other = (ProfileColumn("grosse", "GROSSE", WORDS),)

    commit(catalog, Change("orders", profiles={"a": columns, "b": other}))

    assert table(catalog).columns[:2] == (
        Column("grosse", "string", "GROSSE, Größe"),
        Column("n", "bigint", ""),
    )


def test_a_declared_type_is_the_columns_type(catalog: Catalog) -> None:
    declared = {"n": "decimal(10,2)", "empty": "date", "absent": "date"}
    add = file("p1", {"a": 1}, {"n": "decimal(10,2)", "empty": "date"})
    profile = (
        ProfileColumn("n", "n", declared_admits("decimal(10,2)"), declared=True),
        ProfileColumn("empty", "empty", Admits(), declared=True),
    )

    commit(catalog, Change("orders", add=(add,), profiles={"a": profile}, declared=declared))

    assert types(catalog) == {"n": "decimal(10,2)", "empty": "date"}


def test_a_source_of_which_every_row_was_rejected_has_a_say_and_no_file(
    catalog: Catalog,
) -> None:
    change = Change("orders", profiles=profiles({"a": {"n": INTS}}), add=(rejects("j1", {"a": 2}),))

    commit(catalog, change)

    assert types(catalog) == {"n": "bigint"}
    assert (table(catalog).rows, table(catalog).files) == (0, 0)
    assert table(catalog, "orders__rejects").rows == 2


def test_a_file_without_rows_is_not_kept(catalog: Catalog) -> None:
    add = file("p1", {"a": 0}, {"n": "bigint"})

    commit(catalog, Change("orders", add=(add,), profiles=profiles({"a": {"n": INTS}})))

    assert paths(catalog) == set()


def test_rejects_are_a_table_beside_the_table(catalog: Catalog) -> None:
    add = (file("p1", {"a": 3}, {"n": "bigint"}), rejects("j1", {"a": 2}))

    commit(catalog, Change("orders", add=add, profiles=profiles({"a": {"n": INTS}})))

    found = table(catalog, "orders__rejects")
    assert (found.kind, found.dataset, found.rows) == ("rejects", "orders", 2)
    assert {c.name: c.resolved for c in found.columns} == REJECT
    assert paths(catalog, "orders__rejects") == {"j1"}


def test_a_commit_without_rejects_leaves_the_rejects_table_alone(catalog: Catalog) -> None:
    add = (file("p1", {"a": 3}, {"n": "bigint"}), rejects("j1", {"a": 2}))
    commit(catalog, Change("orders", add=add, profiles=profiles({"a": {"n": INTS}})))

    ingest(catalog, "p2", {"b": {"n": INTS}})

    assert table(catalog, "orders__rejects").version == 1
    assert table(catalog).version == 2


def test_a_source_that_comes_again_replaces_its_rows_and_its_rejects(catalog: Catalog) -> None:
    add = (file("p1", {"a": 3}, {"n": "bigint"}), rejects("j1", {"a": 2}))
    commit(catalog, Change("orders", add=add, profiles=profiles({"a": {"n": INTS}})))

    plan = ingest(catalog, "p2", {"a": {"n": INTS}})

    assert {one.path for one in plan.drop} == {"p1", "j1"}
    assert paths(catalog) == {"p2"}
    assert paths(catalog, "orders__rejects") == set()


def test_a_removed_source_takes_its_files_and_its_say_with_it(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "s": WORDS}})

    commit(catalog, Change("orders", remove=frozenset({"b"})))

    assert paths(catalog) == {"p1"}
    assert types(catalog) == {"n": "bigint"}


def test_removing_a_source_that_is_not_there_changes_no_file(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})

    plan = commit(catalog, Change("orders", remove=frozenset({"b"})))

    assert (plan.drop, plan.rewrite, paths(catalog)) == ((), (), {"p1"})


def test_one_datasets_change_leaves_another_alone(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"a": {"n": INTS}}, dataset="other")

    commit(catalog, Change("orders", remove=frozenset({"a"})))

    assert (paths(catalog), paths(catalog, "other")) == (set(), {"p2"})


# copy on write -----------------------------------------------------------------------------------


def test_a_file_that_loses_one_of_its_sources_is_rewritten_without_it(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})

    plan = catalog.plan(Change("orders", remove=frozenset({"a"})))

    (rewriting,) = plan.rewrite
    assert (rewriting.file.path, set(rewriting.without)) == ("p1", {"a"})
    assert dict(rewriting.file.sources) == {"a": 10, "b": 10}
    assert plan.drop == ()


def test_the_rewritten_file_takes_the_place_of_the_old_one(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})

    commit(
        catalog,
        Change("orders", remove=frozenset({"a"})),
        [file("p1-without", {"b": 10}, {"n": "bigint"})],
    )

    assert paths(catalog) == {"p1-without"}
    assert table(catalog).rows == 10


def test_a_rewritten_file_can_be_rewritten_and_then_dropped(catalog: Catalog) -> None:
    ingest(catalog, "p1", {key: {"n": INTS} for key in "abc"})
    commit(
        catalog,
        Change("orders", remove=frozenset({"a"})),
        [file("p2", {"b": 10, "c": 10}, {"n": "bigint"})],
    )

    plan = commit(
        catalog,
        Change("orders", remove=frozenset({"b"})),
        [file("p3", {"c": 10}, {"n": "bigint"})],
    )
    last = commit(catalog, Change("orders", remove=frozenset({"c"})))

    assert [one.file.path for one in plan.rewrite] == ["p2"]
    assert [one.path for one in last.drop] == ["p3"]
    assert paths(catalog) == set()


def test_a_rejects_file_is_rewritten_too(catalog: Catalog) -> None:
    add = (rejects("j1", {"a": 2, "b": 1}),)
    commit(catalog, Change("orders", add=add, profiles=profiles({k: {"n": INTS} for k in "ab"})))

    plan = catalog.plan(Change("orders", remove=frozenset({"a"})))

    (rewriting,) = plan.rewrite
    assert (rewriting.file.path, rewriting.file.kind) == ("j1", "rejects")


def test_a_file_whose_sources_all_go_at_once_is_dropped(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})

    plan = catalog.plan(Change("orders", remove=frozenset({"a"}), profiles=profiles({"b": {}})))

    assert ([one.path for one in plan.drop], plan.rewrite) == (["p1"], ())


# reshaping ---------------------------------------------------------------------------------------


def test_files_become_one_and_the_sources_stay_what_they_are(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "s": WORDS}})
    before, said = table(catalog), told(catalog)

    plan = catalog.reshape("orders", drop=["p1", "p2"])
    merged = file("p3", {"a": 10, "b": 10}, {"n": "bigint"})
    catalog.replace(plan, rewritten=[merged], run_id="r", operation="compact")

    after = table(catalog)
    assert {one.path: dict(one.sources) for one in plan.drop} == {"p1": {"a": 10}, "p2": {"b": 10}}
    assert (after.columns, after.rows, after.files) == (before.columns, 20, 1)
    assert catalog.holders(["a", "b"]) == {"orders": {"a", "b"}}
    assert told(catalog) == said
    assert catalog.versions("orders")[-1]["operation"] == "compact"


def test_a_file_that_is_in_no_table_any_more_cannot_be_reshaped(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS}})
    held = {one.path: one for one in catalog.files("orders")}
    commit(catalog, Change("orders", remove=frozenset({"b"})))

    with pytest.raises(StaleSnapshot):
        catalog.reshape("orders", drop=["p1", "p2"])
    with pytest.raises(StaleSnapshot):
        catalog.reshape("orders", drop=[], rewrite=[Rewriting(held["p2"], frozenset("b"))])
    with pytest.raises(StaleSnapshot):
        catalog.reshape("other", drop=["p1"])


def test_a_plan_to_reshape_is_stale_after_another_commit(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    plan = catalog.reshape("orders", drop=["p1"])
    ingest(catalog, "p2", {"b": {"n": INTS}})

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=[], run_id="r", operation="compact")


def test_reshaping_rejects_gives_the_table_itself_no_version(catalog: Catalog) -> None:
    add = (rejects("j1", {"a": 2}), rejects("j2", {"b": 1}))
    commit(catalog, Change("orders", add=add, profiles=profiles({k: {"n": INTS} for k in "ab"})))

    plan = catalog.reshape("orders", drop=["j1", "j2"])
    catalog.replace(
        plan, rewritten=[rejects("j3", {"a": 2, "b": 1})], run_id="r", operation="compact"
    )

    assert paths(catalog, "orders__rejects") == {"j3"}
    assert (table(catalog).version, table(catalog, "orders__rejects").version) == (1, 2)


def test_partitions_with_many_small_files_are_told_the_fullest_first(catalog: Catalog) -> None:
    sizes = {"p1": 10, "p2": 20, "p3": 100, "q1": 10, "r1": 1, "r2": 1, "r3": 1}
    for path, size in sizes.items():
        place = f"of={path[0]}"
        add = replace(file(path, {path: 1}, {"n": "bigint"}, partition=place), bytes=size)
        commit(catalog, Change("orders", add=(add,), profiles=profiles({path: {"n": INTS}})))
    adopt(catalog, "theirs", {"n": INTS})

    found = catalog.crowds(below=50, more_than=1)
    files = catalog.small(found[1], below=50)

    assert found == [Crowd("orders", "orders", "of=r", 3), Crowd("orders", "orders", "of=p", 2)]
    assert [(one.path, one.bytes, one.sources) for one in files] == [("p1", 10, 1), ("p2", 20, 1)]
    assert len({one.schema for one in files}) == 1
    assert catalog.crowds(below=50, more_than=3) == []
    assert catalog.crowds(below=50, more_than=1, table="other") == []


def test_small_files_that_store_other_types_are_told_apart(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "s": WORDS}})

    (crowd,) = catalog.crowds(below=1000, more_than=1)

    assert [one.schema for one in catalog.small(crowd, below=1000)] == [1, 2]


def test_files_are_told_with_their_sources_and_only_while_they_are_the_tables(
    catalog: Catalog,
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS}, "c": {"n": INTS}})
    commit(catalog, Change("orders", remove=frozenset({"a"})))

    found = {one.path: dict(one.sources) for one in catalog.files("orders")}

    assert found == {"p2": {"b": 10, "c": 10}}
    assert catalog.files("orders__rejects") == []


# stale snapshots ---------------------------------------------------------------------------------


def _nothing_happened(catalog: Catalog, before: object) -> None:
    assert [(t, list(files)) for t, files in catalog.snapshot()] == before


def test_a_plan_that_another_commit_overtook_is_stale(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    come = profiles({"b": {"n": INTS}})
    plan = catalog.plan(
        Change("orders", add=(file("p2", {"b": 1}, {"n": "bigint"}),), profiles=come)
    )
    ingest(catalog, "p3", {"c": {"n": INTS}})
    before = [(t, list(files)) for t, files in catalog.snapshot()]

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")

    _nothing_happened(catalog, before)


def test_a_plan_that_another_commit_of_rejects_overtook_is_stale(catalog: Catalog) -> None:
    add = (file("p1", {"a": 3}, {"n": "bigint"}), rejects("j1", {"a": 2, "b": 1}))
    come = profiles({k: {"n": INTS} for k in "ab"})
    commit(catalog, Change("orders", add=add, profiles=come))
    plan = catalog.plan(Change("orders", remove=frozenset({"a"})))
    commit(
        catalog,
        Change("orders", remove=frozenset({"b"})),
        [rejects("j2", {"a": 2})],
    )
    before = [(t, list(files)) for t, files in catalog.snapshot()]

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=[rejects("j3", {"b": 1})], run_id="r", operation="retract")

    _nothing_happened(catalog, before)


def test_two_first_commits_cannot_both_make_the_table(catalog: Catalog) -> None:
    plan = catalog.plan(Change("orders", profiles=profiles({"a": {"n": INTS}})))
    ingest(catalog, "p1", {"b": {"n": INTS}})

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")

    assert table(catalog).version == 1


def test_a_plan_can_be_committed_once(catalog: Catalog) -> None:
    plan = ingest(catalog, "p1", {"a": {"n": INTS}})

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")

    assert table(catalog).rows == 10


def test_a_commit_to_another_table_makes_no_plan_stale(catalog: Catalog) -> None:
    plan = catalog.plan(Change("orders", profiles=profiles({"a": {"n": INTS}})))
    ingest(catalog, "p1", {"b": {"n": INTS}}, dataset="other")

    catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")

    assert types(catalog) == {"n": "bigint"}


def test_a_plan_that_wants_files_read_again_cannot_be_committed(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": WORDS}})
    add = file("p2", {"b": 1}, {"n": "double"})
    plan = catalog.plan(Change("orders", add=(add,), profiles=profiles({"b": {"n": FRACTIONS}})))

    with pytest.raises(StaleSnapshot):
        catalog.replace(plan, rewritten=(), run_id="r1", operation="ingest")

    assert plan.reread == {"b"}
    assert paths(catalog) == {"p1"}


# types -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (INTS, INTS, "bigint"),
        (INTS, FRACTIONS, "double"),
        (BIG_INTS, FRACTIONS, "string"),
        (INTS, WORDS, "string"),
        (FLAGS, INTS, "string"),
        (DATES, TIMES, "timestamp"),
        (EITHER, NOTHING, "string"),
        (EITHER, DAY_FIRST, "date:dmy"),
        (MONTH_FIRST, DAY_FIRST, "string"),
        (MONTH_FIRST, DATES, "date:mdy"),
        (NOTHING, NOTHING, "string"),
        (NOTHING, FLAGS, "boolean"),
    ],
)
def test_a_columns_type_is_the_most_specific_that_all_live_files_admit(
    catalog: Catalog, first: Admits, second: Admits, both: str
) -> None:
    for dataset, order in (("orders", (first, second)), ("other", (second, first))):
        come = profiles({str(n): {"n": admits} for n, admits in enumerate(order)})
        plan = catalog.plan(Change(dataset, profiles=come))
        assert plan.columns[0] == Column("n", both)


def test_what_the_live_files_admit_is_told_by_column_without_those_left_out(
    catalog: Catalog,
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS, "s": WORDS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "d": DATES}})

    assert catalog.live_admits("orders", without=()) == {"n": INTS, "s": WORDS, "d": DATES}
    assert catalog.live_admits("orders", without={"a"}) == {"n": INTS, "d": DATES}
    assert catalog.live_admits("nothing", without=()) == {}


# what readers are told ---------------------------------------------------------------------------


def test_the_columns_of_a_new_table_are_no_changes(catalog: Catalog) -> None:
    plan = ingest(catalog, "p1", {"a": {"n": INTS}})

    assert (plan.changes, catalog.schema_changes()) == ((), [])


def test_columns_that_come_and_go_are_told(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS, "s": WORDS}})
    commit(catalog, Change("orders", remove=frozenset({"b"})), run_id="r9")

    assert told(catalog) == [
        (2, "s", "added", None, "string", "none"),
        (3, "s", "removed", "string", None, "none"),
    ]
    assert [row["table"] for row in catalog.schema_changes()] == ["orders", "orders"]
    assert [row["run_id"] for row in catalog.schema_changes()] == ["r1", "r9"]


def test_a_commit_that_changes_no_column_tells_nothing(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})

    ingest(catalog, "p2", {"b": {"n": INTS}})

    assert catalog.schema_changes() == []


def test_every_commit_is_a_version_of_the_table(catalog: Catalog, tick: Tick) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})
    tick(60)
    commit(
        catalog,
        Change("orders", remove=frozenset({"a"})),
        [file("p2", {"b": 10}, {"n": "bigint"})],
        run_id="r2",
        operation="retract",
    )

    assert catalog.versions("orders") == [
        {
            "version": 1,
            "at": "2026-01-09T12:00:00.000Z",
            "run_id": "r1",
            "operation": "ingest",
            "files_added": 1,
            "files_removed": 0,
            "rows": 20,
        },
        {
            "version": 2,
            "at": "2026-01-09T12:01:00.000Z",
            "run_id": "r2",
            "operation": "retract",
            "files_added": 1,
            "files_removed": 1,
            "rows": 10,
        },
    ]


def test_tables_are_listed_by_name_with_their_partitions(catalog: Catalog) -> None:
    for name in ("zebra", "apple"):
        adds = tuple(
            file(f"{name}-{n}", {"a": 1}, {"n": "bigint"}, partition=f"year={n}") for n in (1, 2)
        )
        commit(catalog, Change(name, add=adds, profiles=profiles({"a": {"n": INTS}})))

    assert [one.name for one in catalog.tables()] == ["apple", "zebra"]
    assert sorted(table(catalog, "apple").partitions) == ["year=1", "year=2"]
    assert table(catalog, "apple").rows == 2


def test_a_commit_that_is_made_again_keeps_the_files_that_it_had(catalog: Catalog) -> None:
    for _ in range(2):
        ingest(catalog, "p1", {"a": {"n": INTS}, "b": {"n": INTS}})

    assert paths(catalog) == {"p1"}
    assert table(catalog).rows == 20
    assert set(catalog.retired(removed_for_s=0)) == set()


def test_a_file_that_came_back_is_not_retired(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"a": {"n": INTS}})

    ingest(catalog, "p1", {"a": {"n": INTS}})

    assert paths(catalog) == {"p1"}
    assert set(catalog.retired(removed_for_s=0)) == {"p2"}


def test_a_removed_file_is_retired_once_no_query_may_read_it_and_then_forgotten(
    catalog: Catalog, tick: Tick
) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    ingest(catalog, "p2", {"b": {"n": INTS}})
    commit(catalog, Change("orders", remove=frozenset({"a"})))
    tick(100)

    early = set(catalog.retired(removed_for_s=101))
    before = set(catalog.named())
    retired = set(catalog.retired(removed_for_s=99))
    again = set(catalog.retired(removed_for_s=99))

    assert (early, before, retired, again) == (set(), {"p1", "p2"}, {"p1"}, set())
    assert set(catalog.named()) == {"p2"}


# adopted files -----------------------------------------------------------------------------------


def test_an_adopted_file_is_part_of_the_table_and_is_told_as_adopted(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})

    adopt(catalog, "target/orders/x.parquet", {"n": BIG_INTS})

    ((_, files),) = catalog.snapshot()
    assert {one.path: dict(one.sources) for one in files} == {
        "p1": {},
        "target/orders/x.parquet": {"//target/orders/x.parquet": 5},
    }
    assert catalog.adopted()["target/orders/x.parquet"].dataset == "orders"
    assert table(catalog).rows == 15


def test_an_adopted_file_that_is_gone_leaves_the_table(catalog: Catalog) -> None:
    ingest(catalog, "p1", {"a": {"n": INTS}})
    adopt(catalog, "x.parquet", {"m": WORDS}, stored="string")

    commit(catalog, Change("orders", remove=frozenset({ADOPTED + "x.parquet"})))

    assert (catalog.adopted(), paths(catalog)) == ({}, {"p1"})
    assert types(catalog) == {"n": "bigint"}


def test_an_adopted_file_that_left_can_come_back_under_its_name(catalog: Catalog) -> None:
    adopt(catalog, "x.parquet", {"n": BIG_INTS})
    commit(catalog, Change("orders", remove=frozenset({ADOPTED + "x.parquet"})))

    adopt(catalog, "x.parquet", {"n": BIG_INTS})

    assert catalog.adopted()["x.parquet"].dataset == "orders"


def test_a_folder_named_as_anothers_rejects_does_not_change_those(catalog: Catalog) -> None:
    add = (file("p1", {"a": 3}, {"n": "bigint"}), rejects("j1", {"a": 2}))
    commit(catalog, Change("orders", add=add, profiles=profiles({"a": {"n": INTS}})))
    other = file("x.parquet", {ADOPTED + "x.parquet": 1}, {"z": "bigint"})

    with suppress(EdpError):  # to refuse the folder would do
        commit(
            catalog,
            Change(
                "orders__rejects",
                add=(other,),
                profiles=profiles({ADOPTED + "x.parquet": {"z": BIG_INTS}}),
            ),
        )

    found = [one for one in catalog.tables() if one.name == "orders__rejects"]
    assert [(one.kind, one.rows) for one in found if one.kind == "rejects"] == [("rejects", 2)]
    assert {c.name for c in found[0].columns} == set(REJECT)
