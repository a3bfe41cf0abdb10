"""A job names every file it was given; what it stages is what the contract says of the rows."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import json
import os
import stat
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from edp.core.contract import Column, Dataset
from edp.core.errors import Failure
from edp.core.types import Admits, declared_admits
from edp.etl.engine import rewrite, run
from edp.etl.engine.running import TooLittleMemory
from edp.etl.port import Input, Job, Rewrite
from tests.etl.jobs import LOADED_AT, Ran, rows, run_inputs, run_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.files import DataFile

DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


def metadata(path: str) -> object:
    with duckdb.connect() as con:
        query = "SELECT value FROM parquet_kv_metadata($path) WHERE key = 'edp'"
        ((value,),) = con.execute(query, {"path": path}).fetchall()
    return json.loads(value)


# --- types ----------------------------------------------------------------------------------------


def test_columns_without_a_contract_have_the_type_that_all_texts_fit(tmp_path: Path) -> None:
    data = (
        b"id,price,day,at,gone,zip,ok\n"
        b"1,1.5,2025-01-02,1/13/20 10:00,,007,true\n"
        b"2,2,2025-1-3,1/2/20,NULL,1,FALSE\n"
    )

    ran = run_job(tmp_path, {"k": data})

    assert ran.schema == {
        "id": "bigint",
        "price": "double",
        "day": "date",
        "at": "timestamp:mdy",
        "gone": "string",
        "zip": "string",
        "ok": "boolean",
    }
    assert ran.rows()[1] == (
        2,
        2.0,
        dt.date(2025, 1, 3),
        dt.datetime(2020, 1, 2),  # noqa: DTZ001 (timestamps have no zone)
        None,
        "1",
        False,
        "k",
    )


def test_a_column_has_the_type_that_the_live_files_admit_too(tmp_path: Path) -> None:
    live = {"a": Admits(frozenset({"double", "string"})), "d": Admits(frozenset({"string"}))}

    ran = run_job(tmp_path, {"k": b"a,d\n1,2025-01-01\n"}, live=live)

    assert ran.schema == {"a": "double", "d": "string"}
    assert ran.rows("a, d") == [(1.0, "2025-01-01")]
    assert ran.outcome.profile[0].admits == Admits(frozenset({"bigint", "double", "string"}))


def test_files_of_one_job_meet_in_the_type_they_share(tmp_path: Path) -> None:
    files = {"a": b"n,d\n1,1/2/2020\n", "b": b"n,d\n1.5,13/2/2020\n", "c": b"d,n\n1/3/2020,2\n"}

    ran = run_job(tmp_path, files)

    assert [dict(file.schema) for file in ran.files("data")] == [
        {"n": "double", "d": "date:dmy"},
        {"d": "date:dmy", "n": "double"},
    ]
    assert ran.rows("d, n, _source_file") == [
        (dt.date(2020, 2, 1), 1.0, "a"),
        (dt.date(2020, 2, 13), 1.5, "b"),
        (dt.date(2020, 3, 1), 2.0, "c"),
    ]


def test_a_counter_example_behind_the_sample_counts(tmp_path: Path) -> None:
    ran = run_job(
        tmp_path, {"k": b"a,b\n" + b"".join(b"%d,1\n" % n for n in range(5000)) + b"x,1.5\n"}
    )

    assert ran.schema == {"a": "string", "b": "double"}


def test_a_failed_file_has_no_say_in_the_types(tmp_path: Path) -> None:
    files = {"good": b"a,b\n1,2\n", "bad": b"a,b\nx,1\n1\n2\n3\n"}

    ran = run_job(tmp_path, files)

    assert ran.outcomes["bad"].failure is not None
    assert ran.schema == {"a": "bigint", "b": "bigint"}


def test_a_rejected_row_has_no_say_in_the_types(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"n,a\n1,1\nn,a\n3,4\n"}, columns={"n": {"type": "bigint"}})

    assert ran.schema == {"n": "bigint", "a": "bigint"}
    assert ran.outcome.counts.rows_rejected == 1


DECLARED: dict[str, dict[str, object]] = {
    "boolean": {"T": True, "no": False, "1": True, "on": "not a boolean", "tru": "not a boolean"},
    "int": {"-5": -5, "2147483648": "out of range", "007": "not a int", "1.0": "not a int"},
    "bigint": {
        "9223372036854775807": 2**63 - 1,
        "9223372036854775808": "out of range",
        "+5": "not a bigint",
        "1e3": "not a bigint",
        "0x10": "not a bigint",
        "1_000": "not a bigint",
    },
    "double": {
        "007.50": 7.5,
        "1.": 1.0,
        "1e400": "out of range",
        "9007199254740993": "out of range",
        "9" * 40: "out of range",
        "NaN": "not a double",
        "1,5": "not a double",
    },
    "decimal(5,2)": {
        "012.5": Decimal("12.50"),
        "12.3400": Decimal("12.34"),
        ".5": Decimal("0.50"),
        "-0.25": Decimal("-0.25"),
        "12.345": "out of range",
        "1000": "out of range",
        "1e2": "not a decimal(5,2)",
        ".": "not a decimal(5,2)",
    },
    "decimal(4,0)": {"12.00": Decimal(12), "12.": Decimal(12), "12.5": "out of range"},
    "string": {"007": "007"},
    "date": {
        "2025/2/3": dt.date(2025, 2, 3),
        "2025-02-30": "not a date",
        "2025-02-03 10:00": "not a date",
        "13/2/2025": "ambiguous date",
        "epoch": "not a date",
    },
    "timestamp": {
        "2025-02-03T4:05": dt.datetime(2025, 2, 3, 4, 5),  # noqa: DTZ001
        "2025-02-03": dt.datetime(2025, 2, 3),  # noqa: DTZ001
        "2025-02-03 04:05Z": "not a timestamp",
        "2025-02-03 24:00": "not a timestamp",
        "13/2/20 10:00": "ambiguous timestamp",
    },
    "timestamptz": {"2025-02-03 04:05": "not a timestamptz"},
}


@pytest.mark.parametrize("wanted", DECLARED)
def test_a_declared_column_takes_a_text_exactly_or_rejects_it(tmp_path: Path, wanted: str) -> None:
    texts = DECLARED[wanted]
    data = "c,n\n" + "".join(f'"{text}",{n}\n' for n, text in enumerate(texts))

    ran = run_job(
        tmp_path, {"k": data.encode()}, columns={"c": {"type": wanted}}, max_reject_ratio=1
    )

    fine = [(v,) for v in texts.values() if not isinstance(v, str) or wanted == "string"]
    bad = {t: v for t, v in texts.items() if (v,) not in fine}
    assert (ran.rows("c") if fine else []) == fine
    found = {value: reason.partition(":")[0] for value, reason in ran.rejects("value, reason")}
    assert found == bad
    (column, *_) = ran.outcome.profile
    assert column.declared
    assert column.admits == (declared_admits(wanted) if fine else Admits())
    if fine:
        assert ran.schema["c"] == wanted


def test_a_declared_time_with_offset_is_stored_in_utc(tmp_path: Path) -> None:
    data = b"t\n2025-02-03T04:05+02:00\n"

    ran = run_job(tmp_path, {"k": data}, columns={"t": {"type": "timestamptz"}})

    assert ran.rows("epoch(t)::BIGINT") == [
        (int(dt.datetime(2025, 2, 3, 2, 5, tzinfo=dt.UTC).timestamp()),)
    ]


def test_a_reject_names_the_first_failing_column_of_the_contract(tmp_path: Path) -> None:
    columns = {"b": {"type": "bigint"}, "A": {"required": True}}

    ran = run_job(
        tmp_path, {"k": b'a,b,c\n,x,"1\n2"\n,2,3\n1,2,3\n'}, columns=columns, max_reject_ratio=1
    )

    assert ran.rejects("line, column_name, value, split_part(reason, ':', 1), raw") == [
        (2, "b", "x", "not a bigint", ',x,"1\n2"'),
        (4, "a", None, "required", ",2,3"),
    ]


# --- columns --------------------------------------------------------------------------------------


def test_columns_are_called_as_the_contract_says(tmp_path: Path) -> None:
    columns = {"Order ID": {"rename": "id", "type": "string"}, "amt": {"type": "double"}}

    ran = run_job(tmp_path, {"k": b"order id, AMT ,Other\n1,2,3\n"}, columns=columns)

    assert ran.schema == {"id": "string", "amt": "double", "other": "bigint"}
    assert [c.original for c in ran.outcome.profile] == ["order id", "AMT ", "Other"]


def test_unknown_columns_can_be_ignored_and_still_tell_rows_apart(tmp_path: Path) -> None:
    ran = run_job(
        tmp_path,
        {"k": b"a,x\n1,1\n1,2\n1,2\n"},
        columns={"a": {"type": "int"}},
        unknown_columns="ignore",
    )

    assert ran.rows() == [(1, "k"), (1, "k")]
    assert ran.outcome.counts.rows_duplicate == 1


def test_a_missing_column_fails_the_file_only_if_it_is_required(tmp_path: Path) -> None:
    columns = {"a": {"type": "int", "required": True}, "b": {"type": "int"}}

    ran = run_job(
        tmp_path, {"no a": b"b\n1\n", "no b": b"a\n1\n", "only header": b"b\n"}, columns=columns
    )

    failure = ran.outcomes["no a"].failure
    assert failure is not None
    assert (failure.code, "'a'" in failure.message) == ("unreadable file", True)
    assert ran.rows() == [(1, "no b")]
    assert ran.outcomes["only header"].failure is None


def test_a_rename_onto_another_column_fails_the_file(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"a,b\n1,2\n"}, columns={"a": {"rename": "b"}})

    assert ran.outcome.failure is not None
    assert "'b'" in ran.outcome.failure.message


def test_hostile_names_and_keys_do_no_harm(tmp_path: Path) -> None:
    key = "o'rders/[x]*{y}\"; DROP TABLE t; --.csv"
    header = '"a\'; DROP",select,"x""y",価格'

    ran = run_job(tmp_path, {key: f"{header}\n1,2,3,4\n".encode()})

    assert list(ran.schema) == ["a_drop", "select", "x_y", "u4fa1u683c"]
    assert ran.rows() == [(1, 2, 3, 4, key)]


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"a;b;c\n1;2,5;3\n", 3),
        (b"a\tb\n1\t2\n", 2),
        (b"a|b|c\n1|2|3\n", 3),
        (b"last, first;age\nSmith, J;5\nDoe, K;6\nSolo;7\n", 2),
        (b'"a;b",c\n1,2\n', 2),
        (b"alone\n1\n", 1),
    ],
)
def test_the_delimiter_is_found_for_each_file(tmp_path: Path, data: bytes, width: int) -> None:
    ran = run_job(tmp_path, {"k": data, "comma": b"p,q\n1,2\n"})

    assert len(ran.outcomes["k"].profile) == width
    assert ran.outcomes["k"].counts.rows_rejected == 0
    assert len(ran.outcomes["comma"].profile) == 2


def test_null_tokens_are_those_of_the_contract(tmp_path: Path) -> None:
    data = {"k": b'a,b\n"",x\n - ,y\nNULL,z\n'}

    assert run_job(tmp_path, data, nulls=["-"]).rows("a") == [("",), (None,), ("NULL",)]
    assert run_job(tmp_path, data).rows("a") == [(None,), ("-",), (None,)]


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "data", "said"),
    [
        ("a.csv", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cut off"),
        ("a.csv", b"BZh91AY&SY" + b"x" * 20, "bzip2"),
        ("a.csv", b"\x28\xb5\x2f\xfd1234", "zstd"),
        ("a.csv", b"PK\x03\x04....", "zip"),
        ("a.csv", b"PAR1xxxxPAR1", "Parquet"),
        ("a.csv", b"%PDF-1.7", "a PDF document"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), "NUL"),
        ("a.csv", b"a,b\n1,\0\n", "NUL"),
        ("a.csv", b'"a,b\n1,2\n', "never closed"),
        ("a.csv", b"\xe4,b\n1,2\n", "cp1252"),
        ("a.jsonl", b"a,b\n1,2\n", "not an object"),
        ("a.json", b'[{"a": 1}, {"a"', "cut off"),
        ("a.parquet", b"a,b\n1,2\n", "not Parquet"),
        ("a.parquet", b"PAR1xxxxPAR1", "Parquet"),
    ],
)
def test_what_is_no_csv_is_refused_and_leaves_the_others_alone(
    tmp_path: Path, key: str, data: bytes, said: str
) -> None:
    ran = run_job(tmp_path, {key: data, "good": b"a,b\n1,2\n"})

    failure = ran.outcomes[key].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("unreadable file", True)
    assert key in failure.message
    assert said in failure.message
    assert ran.outcomes[key].sha256 == hashlib.sha256(data).hexdigest()
    assert ran.rows("_source_file") == [("good",)]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n", b"\r\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_read_as_no_rows(tmp_path: Path, data: bytes) -> None:
    ran = run_job(tmp_path, {"k": data})

    assert ran.outcome.failure is None
    assert (ran.outcome.counts.rows_read, ran.outcome.profile) == (0, ())
    assert ran.result.staged == []


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n", b"a,b\r\n", b"a,b\n\n\n", b"\xef\xbb\xbfa,b\n"])
def test_a_header_alone_is_read_as_no_rows_of_its_columns(tmp_path: Path, data: bytes) -> None:
    ran = run_job(tmp_path, {"k": data})

    assert ran.outcome.failure is None
    assert ran.outcome.counts.rows_read == 0
    assert [(c.name, c.admits) for c in ran.outcome.profile] == [("a", Admits()), ("b", Admits())]
    assert ran.result.staged == []


def test_missing_bytes_and_changed_bytes_fail_their_file_only(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\n1\n")
    digest = hashlib.sha256(b"a\n1\n").hexdigest()

    ran = run_inputs(
        tmp_path,
        [
            Input("gone", str(tmp_path / "nowhere")),
            Input("changed", str(tmp_path / "x"), sha256="0" * 64),
            Input("good", str(tmp_path / "x"), sha256=digest),
        ],
    )

    failures = [outcome.failure for outcome in ran.result.outcomes]
    assert [(f.code, f.permanent) if f else None for f in failures] == [
        ("object missing", True),
        ("source changed", False),
        None,
    ]
    assert ran.rows() == [(1, "good")]
    assert (tmp_path / "x").read_bytes() == b"a\n1\n"


def test_a_source_with_mixed_line_ends_is_not_written_to(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"a,b\r\n1,2\n3,4\r")

    ran = run_inputs(tmp_path, [Input("k", str(source))])

    assert ran.rows("a, b") == [(1, 2), (3, 4)]
    assert source.read_bytes() == b"a,b\r\n1,2\n3,4\r"


@pytest.mark.parametrize("what", ["link", "fifo", "folder"])
def test_what_is_no_regular_file_is_missing_and_holds_nothing_up(tmp_path: Path, what: str) -> None:
    (tmp_path / "secret").write_text("a\n1\n", "utf-8")
    place = tmp_path / "x"
    if what == "link":
        place.symlink_to(tmp_path / "secret")
    elif what == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    (tmp_path / "good").write_text("a\n2\n", "utf-8")

    ran = run_inputs(tmp_path, [Input("bad", str(place)), Input("good", str(tmp_path / "good"))])

    failure = ran.outcomes["bad"].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("object missing", True)
    assert ran.rows("a") == [(2,)]


def test_too_many_rejects_fail_the_file_and_stage_nothing_of_it(tmp_path: Path) -> None:
    files = {"bad": b"a,b\n1,2\n1\n2\n", "limit": b"a,b\n1,2\n1\n", "good": b"a,b\n5,6\n"}

    ran = run_job(tmp_path, files)

    failure = ran.outcomes["bad"].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("reject limit exceeded", True)
    assert ran.outcomes["bad"].counts.rows_rejected == 2
    assert {key for (key,) in ran.rows("_source_file")} == {"limit", "good"}
    assert ran.rejects("source_file, raw") == [("limit", "1")]


def test_batching_changes_neither_rows_nor_profiles(tmp_path: Path) -> None:
    files = {
        "a": b"x,y\n1,2020-01-01\n1,2020-01-01\n2,3\n",
        "b": b"x,y\n" + b"".join(b"%d,1/2/2020\n" % n for n in range(500)) + b"z,w\n",
        "c": b"x,y\n1,13/1/2020\nbad\n",
        "d": b"y,x\n1,\n",
        "e": b"",
    }
    live = {"x": Admits(frozenset({"string"})), "y": Admits(frozenset({"string"}))}

    together = run_job(tmp_path, files, live=live)
    apart = []
    for key, data in files.items():
        (tmp_path / key).mkdir()
        apart.append(run_job(tmp_path / key, {key: data}, live=live))

    assert list(together.result.outcomes) == [one.outcome for one in apart]
    alone = Counter(row for one in apart for row in [*one_rows(one)])
    assert Counter(one_rows(together)) == alone


def one_rows(ran: Ran) -> list[tuple[object, ...]]:
    return [*ran.rows("x, y, _source_file"), *ran.rejects("source_file, line, raw, reason")]


# --- rows -----------------------------------------------------------------------------------------


def test_exact_duplicates_are_told_within_a_file_after_standardising(tmp_path: Path) -> None:
    files = {"a": b"x,y\n1,NULL\n 1 ,\n1,2\n1,2\n", "b": b"x,y\n1,2\n"}

    ran = run_job(tmp_path, files)

    assert ran.rows() == [(1, None, "a"), (1, 2, "a"), (1, 2, "b")]
    assert ran.outcomes["a"].counts.rows_duplicate == 2
    assert len(run_job(tmp_path, files, deduplicate="none").rows()) == 5


def test_duplicates_in_two_files_are_told_in_each(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"a": b"x,y\n1,2\n1,2\n", "b": b"x,y\n1,2\n1,2\n"})

    assert ran.rows() == [(1, 2, "a"), (1, 2, "b")]


def test_texts_that_differ_are_no_duplicates_though_their_values_agree(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"x,y\n1.0,a\n1.00,a\n"})

    assert ran.rows("x") == [(1.0,), (1.0,)]


# --- what is staged -------------------------------------------------------------------------------


def test_a_staged_file_says_what_it_is(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"a": b"x\n1\n2\n", "b": b"x\n3\n", "empty": b"x\n"})

    (file,) = ran.result.staged
    path = Path(file.path)
    assert path == tmp_path / "work" / "staged" / "run1-2-0.parquet"
    assert (file.kind, file.rows, file.sources) == ("data", 3, {"a": 2, "b": 1})
    assert (file.bytes, file.sha256) == (
        path.stat().st_size,
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert metadata(file.path) == {
        "format": 1,
        "run": "run1",
        "fence": 2,
        "dataset": "things",
        "kind": "data",
        "schema": {"x": "bigint"},
        "sources": {"a": 2, "b": 1},
    }
    assert {r[0] for r in rows(file, "epoch_us(_loaded_at)")} == {round(LOADED_AT * 1_000_000)}


def test_rewriting_takes_sources_out_and_casts(tmp_path: Path) -> None:
    files = {
        "a": b"x,d\n1,1/13/2020\n2,1/14/2020\n",
        "b'": b"x,d\n3,1/15/2020\n",
        "c": b"x,d\n4,\n",
    }
    (file,) = run_job(tmp_path, files).result.staged

    copy = rewrite(
        Rewrite(
            "run2",
            1,
            "things",
            (file,),
            (file.path,),
            frozenset({"b'"}),
            str(tmp_path / "w2"),
            {"x": "double", "d": "timestamp:mdy"},
        )
    )

    assert (copy.rows, copy.sources) == (3, {"a": 2, "c": 1})
    assert copy.schema == {"x": "double", "d": "timestamp:mdy"}
    assert rows(copy, "x, d, _source_file") == [
        (1.0, dt.datetime(2020, 1, 13), "a"),  # noqa: DTZ001
        (2.0, dt.datetime(2020, 1, 14), "a"),  # noqa: DTZ001
        (4.0, None, "c"),
    ]
    assert metadata(copy.path)["sources"] == {"a": 2, "c": 1}  # type: ignore[index]


def test_rewriting_rejects_takes_sources_out(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"a": b"x,y\n1,2\n1\n", "b": b"x,y\n1,2\n1,2,3\n"})
    (file,) = ran.files("rejects")

    copy = rewrite(
        Rewrite("run2", 1, "things", (file,), (file.path,), frozenset({"a"}), str(tmp_path / "w2"))
    )

    assert rows(copy, "run_id, source_file, raw") == [("run1", "b", "1,2,3")]
    assert (copy.kind, copy.schema) == ("rejects", file.schema)


# --- several files become one ---------------------------------------------------------------------


def staged(folder: Path, n: int, data: bytes, **contract: Any) -> DataFile:  # noqa: ANN401
    """The one data file of a job of its own."""
    place = folder / str(n)
    place.mkdir()
    (file,) = run_job(place, {f"k{n}": data}, **contract).files("data")
    return file


def one_of(folder: Path, files: Sequence[DataFile], **contract: Any) -> DataFile:  # noqa: ANN401
    paths = tuple(file.path for file in files)
    workdir = str(folder / "merged")
    return rewrite(
        Rewrite(
            "run2",
            0,
            "things",
            tuple(files),
            paths,
            frozenset(),
            workdir,
            contract=Dataset(**contract),
        )
    )


def test_files_become_one_with_the_rows_of_each_in_their_order(tmp_path: Path) -> None:
    first = staged(tmp_path, 1, b"filename,x\nb,3\na,1\n")
    second = staged(tmp_path, 2, b"x,filename\n2,c\n")  # the same columns in another order

    merged = one_of(tmp_path, [first, second])

    assert (merged.rows, dict(merged.sources)) == (3, {"k1": 2, "k2": 1})
    assert rows(merged, "x, filename, _source_file") == [
        (3, "b", "k1"),
        (1, "a", "k1"),
        (2, "c", "k2"),
    ]
    assert {at for (at,) in rows(merged, "epoch_us(_loaded_at)")} == {round(LOADED_AT * 1_000_000)}
    assert metadata(merged.path) == {
        "format": 1,
        "run": "run2",
        "fence": 0,
        "dataset": "things",
        "kind": "data",
        "schema": {"filename": "string", "x": "bigint"},
        "sources": {"k1": 2, "k2": 1},
    }


def test_files_that_become_one_are_sorted_as_one(tmp_path: Path) -> None:
    sort = {"sort_by": ["y", "x"], "deduplicate": "none"}
    first = staged(tmp_path, 1, b"x,y,n\n2,b,1\n1,b,2\n,a,3\n", **sort)
    second = staged(tmp_path, 2, b"x,y,n\n0,b,4\n5,,5\n1,b,6\n", **sort)

    merged = one_of(tmp_path, [first, second], sort_by=["y", "x", "absent"])

    assert rows(merged, "y, x, n") == [
        ("a", None, 3),
        ("b", 0, 4),
        ("b", 1, 2),
        ("b", 1, 6),
        ("b", 2, 1),
        (None, 5, 5),
    ]


def test_rejects_that_become_one_are_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    files = []
    for n, data in enumerate([b"x,y\n1\n1,2\n", b"x,y\n1,2\n1\n1,2,3\n2,2\n"]):
        place = tmp_path / str(n)
        place.mkdir()
        files += run_job(place, {f"k{1 - n}": data}).files("rejects")

    merged = one_of(tmp_path, files)

    assert rows(merged, "source_file, line") == [("k0", 3), ("k0", 4), ("k1", 2)]
    assert (merged.kind, dict(merged.sources)) == ("rejects", {"k0": 2, "k1": 1})


def test_files_that_are_not_alike_do_not_become_one(tmp_path: Path) -> None:
    files = [staged(tmp_path, 1, b"x\n1\n"), staged(tmp_path, 2, b"x\nword\n")]

    with pytest.raises(ValueError, match="schema"):
        one_of(tmp_path, files)


# --- data that people really sent -----------------------------------------------------------------


def staged_from(folder: Path, paths: list[Path]) -> Ran:
    return run_inputs(folder, [Input(path.name, str(path)) for path in paths])


@needs_data
def test_the_seed_orders_have_a_hundred_rows_each(tmp_path: Path) -> None:
    ran = staged_from(tmp_path, sorted((DATA / "seed_orders").glob("*.csv")))

    for outcome in ran.result.outcomes:
        counts = outcome.counts
        assert (counts.rows_read, counts.rows_written, counts.rows_duplicate) == (110, 100, 10)
    assert ran.schema["order_id"] == "bigint"
    assert ran.schema["order_date"] == "timestamp"
    assert len({order for (order,) in ran.rows("order_id")}) == 300


@needs_data
def test_the_daily_reports_have_every_record_and_sum(tmp_path: Path) -> None:
    expected = json.loads((DATA / "csse_daily" / "expected.json").read_text())["files"]
    paths = sorted((DATA / "csse_daily" / "daily").glob("*.csv"))

    ran = staged_from(tmp_path, paths)

    confirmed: Counter[str] = Counter()
    for key, value in ran.rows("_source_file, confirmed"):
        confirmed[key] += value or 0
    assert len(ran.result.outcomes) == 60
    for key, outcome in ran.outcomes.items():
        facts = expected[key]
        assert outcome.failure is None
        assert outcome.counts.rows_read == facts["records"]
        assert outcome.counts.rows_duplicate == facts["exact_duplicate_rows"]
        assert outcome.sha256 == facts["sha256"]
        assert confirmed[key] == facts["measures"]["confirmed"]["sum"]
    assert {f.schema["last_update"] for f in ran.files("data")} == {"timestamp:mdy"}


def test_a_file_that_takes_more_memory_than_there_is_says_so_and_is_not_tried_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_text("words\n" + "some text\n" * 4000, "utf-8")
    contract = Dataset(columns={"words": Column()}, derive={"much": "repeat(words, 30000)"})
    inputs = [Input("a.csv", str(tmp_path / "a.csv"))]
    job = Job("run1", 1, "t", contract, inputs, str(tmp_path), LOADED_AT, memory=1)

    with pytest.raises(TooLittleMemory, match=r"raise runtimes\.local\.memory") as caught:
        run(job)

    assert Failure.of(caught.value).permanent
    assert "\n" not in str(caught.value)


@needs_data
def test_the_fork_with_short_rows_is_rejected_in_exactly_those(tmp_path: Path) -> None:
    (path,) = (DATA / "malformed_csv" / "real_world").glob("*.csv")

    ran = staged_from(tmp_path, [path])

    counts = ran.outcome.counts
    assert (counts.rows_rejected, counts.rows_written + counts.rows_duplicate) == (85, 3522)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        width, before, short = len(next(reader)), 1, []
        for row in reader:
            if len(row) != width:
                short.append(before + 1)
            before = reader.line_num
    assert [line for (line,) in ran.rejects("line")] == short


@needs_data
def test_every_malformed_file_is_accounted_for(tmp_path: Path) -> None:
    folder = DATA / "malformed_csv"
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")

    ran = run_inputs(
        tmp_path, [Input(str(p.relative_to(folder)), str(p)) for p in paths], max_reject_ratio=1
    )

    for outcome in ran.result.outcomes:
        assert outcome.failure is not None or outcome.counts.conserved
        assert outcome.failure is None or outcome.failure.permanent, outcome
    assert sum(outcome.counts.rows_rejected for outcome in ran.result.outcomes) >= len(
        ran.rejects("line")
    )
