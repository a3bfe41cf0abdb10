"""Derive, checks and where: one row in, one value out, and no row takes another down with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edp.core.contract import Dataset
from edp.core.errors import ConfigError
from edp.etl.engine import compile_contract
from tests.etl.jobs import run_job

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = {"n": {"type": "bigint"}, "d": {"type": "bigint"}}


def test_derived_columns_have_stable_types_and_may_build_on_each_other(tmp_path: Path) -> None:
    derive = {
        "twice": "n * 2",
        "more": "twice + 1",
        "huge": "n::HUGEINT",
        "text": "'n=' || n",
        "day": "date '2025-01-01' + interval (n) day",
        "nothing": "NULL",
    }

    ran = run_job(tmp_path, {"a": b"n,d\n1,1\n", "b": b"d,n\n1,\n"}, columns=NUMBERS, derive=derive)

    types = {
        "twice": "bigint", "more": "bigint", "huge": "decimal(38,0)", "text": "string",
        "day": "timestamp", "nothing": "string",
    }  # fmt: skip
    for file in ran.files("data"):
        assert {k: v for k, v in file.schema.items() if k in derive} == types
    assert sorted(ran.rows("twice, more, text"), key=str) == [(2, 3, "n=1"), (None, None, None)]


@pytest.mark.parametrize(
    ("setting", "column", "reason"),
    [
        ({"derive": {"x": "n * 2"}}, "x", "cannot be computed: derive: n * 2"),
        ({"derive": {"x": "n % d"}, "where": "d <> 5"}, None, None),
        ({"checks": [{"name": "c", "expr": "n + n > 0"}]}, None, "check c: n + n > 0"),
        ({"where": "n + n > 0"}, None, "cannot be computed: where: n + n > 0"),
    ],
)
def test_a_row_that_an_expression_fails_on_is_rejected_alone(
    tmp_path: Path, setting: dict[str, Any], column: str | None, reason: str | None
) -> None:
    data = b"n,d\n1,1\n9223372036854775807,7\n2,3\n"

    ran = run_job(tmp_path, {"k": data}, columns=NUMBERS, **setting)

    if reason is None:
        assert ran.outcome.counts.rows_written == 3
        return
    assert [n for (n,) in ran.rows("n")] == [1, 2]
    assert ran.rejects("line, column_name, value, reason") == [(3, column, None, reason)]


def test_null_passes_a_check_and_fails_where(tmp_path: Path) -> None:
    data = b"n,d\n,1\n-1,2\n1,3\n"

    checks = [{"name": "c", "expr": "n > 0"}]
    checked = run_job(tmp_path, {"k": data}, columns=NUMBERS, checks=checks).rows("d")
    wanted = run_job(tmp_path, {"k": data}, columns=NUMBERS, where="n > 0")

    assert [d for (d,) in checked] == [1, 3]
    assert [d for (d,) in wanted.rows("d")] == [3]
    assert (wanted.outcome.counts.rows_filtered, wanted.outcome.counts.rows_rejected) == (2, 0)


def test_a_check_may_warn_or_fail_the_file(tmp_path: Path) -> None:
    files = {"good": b"n,d\n1,1\n", "bad": b'n,d\n1,"1"\n\n0,1\n-1,1\nx,1\n'}
    warn = [{"name": "w", "expr": "n > 0", "action": "warn"}]
    fail = [{"name": "f", "expr": "n > 0", "action": "fail"}]

    warned = run_job(tmp_path, files, columns=NUMBERS, checks=warn)
    failed = run_job(tmp_path, files, columns=NUMBERS, checks=fail)

    assert warned.outcomes["good"].warnings == {}
    assert warned.outcomes["bad"].warnings == {"w": 2}
    assert warned.outcomes["bad"].counts.rows_written == 3
    failure = failed.outcomes["bad"].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("check failed", True)
    assert failure.message == "bad: check f: n > 0 is false for 2 of its rows; the first is line 4"
    assert failed.rows("n, _source_file") == [(1, "good")]


def test_outcomes_apply_in_order(tmp_path: Path) -> None:
    """Equal records: rejected before filtered, filtered before duplicate."""
    data = b"n,d\nx,1\nx,1\n5,1\n5,1\n1,1\n1,1\n"

    ran = run_job(tmp_path, {"k": data}, columns=NUMBERS, where="n < 5", max_reject_ratio=1)

    counts = ran.outcome.counts
    assert (counts.rows_rejected, counts.rows_filtered, counts.rows_duplicate) == (2, 2, 1)
    assert counts.rows_written == 1


def test_expressions_see_undeclared_columns_as_text_where_none_is_declared(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"a,b\n10,x\n9,y\n", "lacks": b"b\nx\n"}, where="a < '9'")

    assert ran.rows("a, b") == [(10, "x")]
    failure = ran.outcomes["lacks"].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("config", True)


@pytest.mark.parametrize("name", ["t", "v", "f", "value", "line", "x"])
def test_no_name_of_the_engine_s_own_hides_a_column_from_an_expression(
    tmp_path: Path, name: str
) -> None:
    ran = run_job(
        tmp_path, {"a.csv": f"id,{name}\n1,abc\n".encode()}, derive={"long": f"length({name})"}
    )

    assert ran.rows("long") == [(3,)]


def test_a_column_that_a_file_lacks_is_null_in_expressions(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"n\n1\n"}, columns=NUMBERS, derive={"x": "coalesce(d, 7)"})

    assert ran.rows("n, x") == [(1, 7)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"where": "amout > 1"}, "where"),
    ({"where": "n"}, "where"),
    ({"where": "(SELECT true)"}, "where"),
    ({"where": "n IN (SELECT 1)"}, "where"),
    ({"where": "now() > '2025-01-01'"}, "where"),
    ({"where": "random() > 0.5"}, "where"),
    ({"where": "true) OR (true"}, ""),
    ({"where": "n > ?"}, "where"),
    ({"where": "n > 1; DROP TABLE texts"}, "where"),
    ({"where": '"$row" > 1'}, "where"),
    ({"where": "getvariable('edp_inner') IS NOT NULL"}, "where"),
    ({"derive": {"x": "sum(n)"}}, "derive.x"),
    ({"derive": {"x": "lag(n) OVER ()"}}, "derive.x"),
    ({"derive": {"x": "n AS y"}}, "derive.x"),
    ({"derive": {"x": "*"}}, "derive.x"),
    ({"derive": {"x": "map {n: n}"}}, "derive.x"),
    ({"derive": {"x": "n) FROM texts --"}}, "derive.x"),
    ({"derive": {"x": "read_text('/etc/passwd')"}}, "derive.x"),
    ({"derive": {"x": "getenv('HOME')"}}, "derive.x"),
    ({"checks": [{"name": "c", "expr": "n + 1"}]}, "checks.0.expr"),
    ({"deduplicate": {"keys": ["m"]}}, "deduplicate.keys.0"),
    ({"deduplicate": {"keys": ["n"], "order_by": ["m"]}}, "deduplicate.order_by.0"),
    ({"partition_by": ["m"]}, "partition_by.0"),
    ({"columns": {"a": {"regex": "("}}}, "columns.a.regex"),
    ({"columns": {"a": {"type": "date", "one_of": ["x"]}}}, "columns.a.one_of.0"),
    ({"columns": {"a": {"type": "double"}}, "partition_by": ["a"]}, "partition_by.0"),
    (
        {"columns": {"a": {"type": "string", "mask": "drop"}}, "partition_by": ["a"]},
        "partition_by.0",
    ),
]


@pytest.mark.parametrize(("settings", "setting"), WRONG, ids=str)
def test_what_cannot_work_is_refused_by_the_setting_s_name(
    settings: dict[str, Any], setting: str
) -> None:
    if not setting:  # one expression after all
        compile_contract(Dataset(**{"columns": NUMBERS} | settings))
        return
    with pytest.raises(ConfigError) as caught:
        compile_contract(Dataset(**{"columns": NUMBERS} | settings))

    assert str(caught.value).startswith(f"{setting}: ")


def test_a_contract_that_does_not_compile_kills_its_files_and_says_why(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"n\n1\n"}, columns=NUMBERS, where="m > 1")

    failure = ran.outcome.failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("config", True)
    assert failure.message.startswith("edp.yaml: datasets.things.where: ")
