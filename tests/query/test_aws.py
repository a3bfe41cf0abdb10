"""Queries by Athena: typed answers from all pages, errors by who can mend them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import duckdb
import pytest

from edp.backends.boto import Service
from edp.core.errors import ConfigError, StoreUnavailable
from edp.query.aws import AthenaQuery
from edp.query.port import Snapshot
from tests.aws_sim import client, endpoint, service, unique

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOTHING = Snapshot({}, {})
COLUMNS = (
    ("n", "bigint"), ("price", "decimal"), ("ok", "boolean"), ("day", "date"), ("at", "timestamp"),
    ("seen", "timestamp with time zone"), ("name", "varchar"), ("tags", "array"),
)  # fmt: skip
ROW = ("7", "1.50", "true", "2026-01-09", "2026-01-09 12:00:00.250", "2026-01-09 12:00:00.000 UTC",
       "ü\n", "[a, b]")  # fmt: skip


def info(name: str, kind: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Precision": 10, "Scale": 2}


@dataclass
class Athena:
    """Athena as it answers, a page at a time; moto has neither pages nor types nor failures."""

    rows: Sequence[Sequence[str | None]] = (ROW,)
    columns: Sequence[tuple[str, str]] = COLUMNS
    states: list[dict[str, Any]] = field(default_factory=lambda: [{"State": "SUCCEEDED"}])
    stopped: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def meta(self) -> Any:  # noqa: ANN401 (boto3's)
        return client("athena").meta

    def start_query_execution(self, **asked: object) -> dict[str, str]:
        self.asked.append(asked)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        assert QueryExecutionId == "q-1"
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": status, "Statistics": {"DataScannedInBytes": 1234}}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:  # noqa: N803 (boto3's)
        self.stopped.append(QueryExecutionId)

    def get_paginator(self, operation: str) -> Athena:
        assert operation == "get_query_results"
        return self

    def paginate(self, QueryExecutionId: str) -> Iterator[dict[str, Any]]:  # noqa: N803 (boto3's)
        assert QueryExecutionId == "q-1"
        told = {"ColumnInfo": [info(*column) for column in self.columns]}
        lines: list[Sequence[str | None]] = [[name for name, _ in self.columns], *self.rows]
        for start in range(0, len(lines), 2):
            data = [
                {"Data": [{} if value is None else {"VarCharValue": value} for value in line]}
                for line in lines[start : start + 2]
            ]
            yield {"ResultSet": {"Rows": data, "ResultSetMetadata": told}}


def query(athena: Athena, *, timeout_s: float = 5.0) -> AthenaQuery:
    return AthenaQuery(Service(athena), workgroup="wg", database="db", timeout_s=timeout_s)


def test_an_answer_has_python_values_by_athenas_types_and_says_what_it_scanned() -> None:
    answer = query(Athena()).ask("SELECT * FROM t", NOTHING)

    assert answer.columns == tuple(name for name, _ in COLUMNS)
    assert answer.types[:2] == ("BIGINT", "DECIMAL(10,2)")
    assert list(answer.rows) == [
        (
            7,
            Decimal("1.50"),
            True,
            date(2026, 1, 9),
            datetime(2026, 1, 9, 12, 0, 0, 250_000),  # noqa: DTZ001 (it has no offset)
            datetime(2026, 1, 9, 12, tzinfo=UTC),
            "ü\n",
            "[a, b]",
        )
    ]
    assert answer.scanned == 1234


def test_all_pages_are_read_and_only_the_first_has_a_heading() -> None:
    rows = [[str(n), None] for n in range(7)]

    answer = query(Athena(rows, [("n", "integer"), ("name", "varchar")])).ask("SELECT 1", NOTHING)

    assert list(answer.rows) == [(n, None) for n in range(7)]


def test_an_empty_text_is_no_null() -> None:
    answer = query(Athena([[""], [None]], [("name", "varchar")])).ask("SELECT 1", NOTHING)

    assert list(answer.rows) == [("",), (None,)]


def test_an_answer_without_rows_has_its_columns() -> None:
    answer = query(Athena([], [("n", "integer")])).ask("SELECT 1", NOTHING)

    assert (answer.columns, answer.types, list(answer.rows)) == (("n",), ("INTEGER",), [])


def test_a_query_that_still_runs_is_waited_for() -> None:
    athena = Athena(states=[{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}])

    assert len(query(athena).ask("SELECT 1", NOTHING).rows) == 1
    assert athena.stopped == []


def test_the_answer_is_exported_as_parquet(tmp_path: Path) -> None:
    rows = [[str(n)] for n in range(5)]

    n = query(Athena(rows, [("n", "bigint")])).export("SELECT 1", NOTHING, tmp_path / "out.parquet")

    with duckdb.connect() as con:
        found = con.read_parquet(str(tmp_path / "out.parquet")).fetchall()
    assert (n, found) == (5, [(n,) for n in range(5)])


def test_the_answer_is_an_arrow_stream() -> None:
    pyarrow = pytest.importorskip("pyarrow")

    table = query(Athena()).arrow("SELECT 1", NOTHING, pyarrow.table)

    assert table.column("n").to_pylist() == [7]


def failed(why: str, *, category: int) -> dict[str, Any]:
    error = {"ErrorCategory": category}
    return {"State": "FAILED", "StateChangeReason": why, "AthenaError": error}


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (
            failed("COLUMN_NOT_FOUND: line 1:8", category=2),
            ConfigError,
            "COLUMN_NOT_FOUND: line 1:8",
        ),
        (
            failed("exhausted resources", category=1),
            StoreUnavailable,
            "could not answer: exhausted resources",
        ),
        (
            {"State": "CANCELLED", "StateChangeReason": "Bytes scanned limit was exceeded"},
            ConfigError,
            "Bytes scanned limit was exceeded; ask for less, or raise the limit",
        ),
    ],
    ids=["user", "system", "limit"],
)  # fmt: skip
def test_a_query_that_fails_is_an_error_of_whoever_can_mend_it(
    status: dict[str, Any], error: type[Exception], told: str
) -> None:
    athena = Athena(states=[status])

    with pytest.raises(error, match=told):
        query(athena).ask("SELECT 1", NOTHING)

    assert athena.stopped == []


def test_a_query_that_takes_too_long_is_stopped() -> None:
    athena = Athena(states=[{"State": "RUNNING"}])

    with pytest.raises(StoreUnavailable, match="took longer than 0 s and was stopped"):
        query(athena, timeout_s=0.0).ask("SELECT 1", NOTHING)

    assert athena.stopped == ["q-1"]


def test_a_query_that_nobody_waits_for_any_more_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    athena = Athena(states=[{"State": "RUNNING"}])

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        query(athena).ask("SELECT 1", NOTHING)

    assert athena.stopped == ["q-1"]


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE t", "-- SELECT\nDELETE FROM t", "/* SELECT */ CREATE TABLE x AS SELECT 1",
     "UNLOAD (SELECT 1) TO 's3://b'", "INSERT INTO t SELECT 1"],
)  # fmt: skip
def test_what_would_do_more_than_read_is_refused_unasked(sql: str) -> None:
    athena = Athena()

    with pytest.raises(ConfigError, match="one SELECT"):
        query(athena).ask(sql, NOTHING)

    assert athena.asked == []


@pytest.mark.parametrize("sql", ["", "  -- nothing\n"])
def test_an_empty_query_is_refused(sql: str) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        query(Athena()).ask(sql, NOTHING)


@pytest.mark.parametrize("sql", ["select 1", "(SELECT 1)", "-- x\nWITH a AS (SELECT 1) TABLE a"])
def test_a_query_is_asked_as_it_was_written_in_the_workgroup(sql: str) -> None:
    athena = Athena()

    query(athena).ask(sql, NOTHING)

    (asked,) = athena.asked
    assert asked == {
        "QueryString": sql,
        "QueryExecutionContext": {"Database": "db"},
        "WorkGroup": "wg",
    }


def test_the_calls_are_those_that_a_server_takes() -> None:
    workgroup = unique("wg")
    output = {"ResultConfiguration": {"OutputLocation": "s3://results/"}}
    client("athena").create_work_group(Name=workgroup, Configuration=output)
    results = {
        "region": "us-east-2",
        "results": [
            {
                "rows": [
                    {"Data": [{"VarCharValue": "n"}]},
                    {"Data": [{"VarCharValue": "7"}]},
                ],
                "column_info": [info("n", "bigint")],
            }
        ],
    }
    place = f"{endpoint()}/moto-api/static/athena/query-results"
    urlopen(place, data=json.dumps(results).encode()).close()  # noqa: S310 (on loopback)

    answer = AthenaQuery(service("athena"), workgroup=workgroup, database="db").ask(
        "SELECT 7 AS n", NOTHING
    )

    assert (answer.columns, list(answer.rows)) == (("n",), [(7,)])
