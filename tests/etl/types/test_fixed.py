"""A table's type for a column that nothing declares: what does not fit it is a reject, row by row.

Until the very end its values stay texts, as they are where the type is inferred, so that an
expression means the same for every file.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from edp.core.types import declared_admits
from tests.etl.jobs import Ran, run_job
from tests.etl.oracle import HOSTILE, admits
from tests.etl.steps.test_rows import dataset, job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FITTING = [
    ("bigint", "-7", -7),
    ("double", "1e3", 1000.0),
    ("double", "007", 7.0),
    ("boolean", "yes", True),
    ("date", "2026-1-5", date(2026, 1, 5)),
    ("date:mdy", "12/31/24", date(2024, 12, 31)),
    ("date:dmy", "31/12/2024", date(2024, 12, 31)),
    ("date:dmy", "2024-12-31", date(2024, 12, 31)),
    ("timestamp:mdy", "12/31/2024 9:15", datetime(2024, 12, 31, 9, 15)),  # noqa: DTZ001
    ("string", "007", "007"),
    ("decimal(10,2)", "3.5", 3.5),
    ("json", '{"a": [1.50]}', '{"a": [1.50]}'),
    ("array<int>", "[1, 2]", [1, 2]),
]
MISFITS = [
    ("bigint", "007", "not a bigint: write digits only"),
    ("bigint", "9223372036854775808", "out of range: a bigint"),
    ("double", "nan", "not a double"),
    ("boolean", "maybe", "not a boolean: write true or false"),
    ("date", "31/12/2024", "ambiguous date"),
    ("date:mdy", "31/12/2024", "not a date: write a real day as YYYY-MM-DD, or with the month"),
    ("timestamp:dmy", "12/31/2024", "not a timestamp: write a real time"),
    ("timestamptz", "2024-12-31", "not a timestamptz"),
    ("decimal(3,1)", "1.25", "out of range: a decimal(3,1)"),
    ("json", "{'a': 1}", "not a json"),
    ("array<int>", "[x]", "not JSON"),
]


def run(
    folder: Path,
    data: bytes,
    fixed: Mapping[str, str],
    key: str = "a.csv",
    **rules: Any,  # noqa: ANN401
) -> Ran:
    """A job over one file, under a contract with these settings."""
    return job(folder / "job", {key: data}, dataset(**rules), fixed=fixed)


def one_by_one(folder: Path, kind: str, text: str, **contract: Any) -> Ran:  # noqa: ANN401
    quoted = text.replace('"', '""')
    data = f'id,n\n1,"{quoted}"\n2,\n3,\n'.encode()
    return run(folder, data, {"n": kind}, **contract)


@pytest.mark.parametrize(("kind", "text", "value"), FITTING)
def test_a_text_that_fits_the_tables_type_is_its_value(
    tmp_path: Path, kind: str, text: str, value: object
) -> None:
    ran = one_by_one(tmp_path, kind, text)

    assert ran.rows("id, n") == [(1, value), (2, None), (3, None)]
    assert ran.schema["n"] == kind
    assert {one.name: one.admits for one in ran.outcome.profile}["n"] == declared_admits(kind)


@pytest.mark.parametrize(("kind", "text", "reason"), MISFITS)
def test_a_text_that_does_not_is_a_reject_that_says_why(
    tmp_path: Path, kind: str, text: str, reason: str
) -> None:
    ran = one_by_one(tmp_path, kind, text)

    assert ran.rows("id, n") == [(2, None), (3, None)]
    ((name, value, why),) = ran.rejects("column_name, value, reason")
    assert (name, value) == ("n", text)
    assert why.startswith(reason)
    assert ran.outcome.counts.rows_rejected == 1


def test_a_reason_says_that_the_type_is_the_tables(tmp_path: Path) -> None:
    ran = one_by_one(tmp_path, "bigint", "x")

    ((why,),) = ran.rejects("reason")
    assert why.endswith("(the table's type, as its first files made it)")


def test_a_declared_type_stands_before_the_tables(tmp_path: Path) -> None:
    ran = one_by_one(tmp_path, "bigint", "x", columns={"n": {"type": "string"}})

    assert (ran.schema["n"], ran.rows("n")[0]) == ("string", ("x",))


def test_a_declared_column_without_a_type_has_the_tables_under_its_name_there(
    tmp_path: Path,
) -> None:
    data = b"Some N\n1\nx\n3\n"
    columns = {"some_n": {"rename": "m"}}

    ran = run(tmp_path, data, {"m": "bigint"}, columns=columns)

    assert ran.rows("m") == [(1,), (3,)]
    assert ran.rejects("column_name") == [("m",)]


def test_expressions_and_keys_see_texts_as_where_the_type_is_inferred(tmp_path: Path) -> None:
    data = b"n,t\n1,01\n2,\n2.0,x\n"
    contract: dict[str, Any] = {
        "derive": {"text": "n || '!'"},
        "where": "regexp_matches(n, '^[0-9.]+$')",
        "deduplicate": {"keys": ["n"]},
    }

    first = run_job(tmp_path, {"a.csv": data}, **contract)
    later = run(tmp_path, data, {"n": "double", "text": "bigint"}, **contract)

    assert later.rows("n, text") == [(1.0, "1!"), (2.0, "2!"), (2.0, "2.0!")]
    assert later.rows("n, text") == first.rows("n, text")
    assert later.schema == first.schema


def test_what_a_transform_makes_is_its_own(tmp_path: Path) -> None:
    contract = dataset(transform="t.sql").with_transform("SELECT n || '!' AS m FROM input")

    ran = job(
        tmp_path / "job",
        {"a.csv": b"n\n1\nx\n"},
        contract,
        fixed={"n": "bigint", "m": "bigint"},
    )

    assert ran.rows("m") == [("1!",), ("x!",)]


def test_json_strings_stay_json_in_a_json_column(tmp_path: Path) -> None:
    data = b'{"j": "5"}\n{"j": 5}\n{"j": {"a": "x"}}\n{"j": "x"}\n{"j": null}\n'

    ran = run(tmp_path, data, {"j": "json"}, "a.json")

    assert ran.rows("j") == [('"5"',), ("5",), ('{"a": "x"}',), ('"x"',), (None,)]


def test_json_values_are_rejected_one_by_one(tmp_path: Path) -> None:
    data = b'{"n": 5}\n{"n": {"a": 1}}\n{"n": 1.5}\n{"n": 6}\n{"n": 7}\n'

    ran = run(tmp_path, data, {"n": "bigint"}, "a.json")

    assert ran.rows("n") == [(5,), (6,), (7,)]
    assert ran.rejects("line, value") == [(2, '{"a": 1}'), (3, "1.5")]


@pytest.mark.parametrize(
    ("sql", "kind", "kept"),
    [
        ("(1), (2), (3)", "double", [1.0, 2.0, 3.0]),
        ("(1::DOUBLE), (1.5), (2.5)", "bigint", []),
        ("(DATE '2024-12-31'), (NULL)", "date:dmy", [date(2024, 12, 31), None]),
        ("(TIMESTAMP '2024-12-31'), (NULL)", "date", [None]),
        ("('x'), ('1'), (NULL)", "bigint", [1, None]),
    ],
)
def test_parquet_values_have_the_tables_type_or_are_rejects(
    tmp_path: Path, sql: str, kind: str, kept: list[object]
) -> None:
    path = tmp_path / "in.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * FROM (VALUES {sql}) t (n)) TO '{path}' (FORMAT parquet)")

    ran = run(tmp_path, path.read_bytes(), {"n": kind}, "a.parquet", max_reject_ratio=1.0)

    assert [row for (row,) in ran.rows("n")] == kept
    assert all(file.schema["n"] == kind for file in ran.files("data"))
    if any(value is not None for value in kept):
        assert ran.outcome.profile[0].admits == declared_admits(kind)
    assert ran.outcome.counts.conserved


def test_files_without_the_column_and_without_a_value_say_nothing_of_it(tmp_path: Path) -> None:
    files = {"a.csv": b"id,n\n1,\n", "b.csv": b"id\n2\n"}

    ran = job(tmp_path / "job", files, dataset(), fixed={"n": "date:mdy"})

    admits = {one.name: one.admits.types for one in ran.outcomes["a.csv"].profile}
    assert admits["n"] is None
    assert {tuple(file.schema) for file in ran.files("data")} == {("id", "n"), ("id",)}


TEXTS = "CAST(COLUMNS(* EXCLUDE (_loaded_at)) AS VARCHAR)"
KINDS = ["boolean", "bigint", "double", "date", "timestamp", "timestamptz", "decimal(10,2)", "json"]


def as_csv(*rows: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


TYPED = [text for text in HOSTILE if len(admits(text)[0]) > 1]
"""Those that make their column something else than a string, if they are alone in it."""


def test_a_text_that_made_a_type_fits_it_with_the_same_value(tmp_path: Path) -> None:
    data = as_csv([f"n{n}" for n in range(len(TYPED))], TYPED)
    first = run_job(tmp_path, {"a.csv": data})
    later = run(tmp_path, data, first.schema)

    assert {"date:mdy", "timestamp:dmy", "double"} <= set(first.schema.values())
    assert later.schema == first.schema
    assert later.rows(TEXTS) == first.rows(TEXTS)
    assert later.outcome.counts == first.outcome.counts


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_type_takes_what_a_declared_one_does(tmp_path: Path, kind: str) -> None:
    data = as_csv(["n"], *([text] for text in HOSTILE))
    declared = run_job(
        tmp_path, {"a.csv": data}, columns={"n": {"type": kind}}, max_reject_ratio=1.0
    )
    fixed = run(tmp_path, data, {"n": kind}, max_reject_ratio=1.0)

    assert 0 < len(declared.rejects("line")) < len(HOSTILE)
    assert fixed.rejects("line, value") == declared.rejects("line, value")
    assert fixed.rows(TEXTS) == declared.rows(TEXTS)
    assert fixed.outcome.counts == declared.outcome.counts
