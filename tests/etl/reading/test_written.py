"""What others write in any dialect, encoding, packing or format comes back equal."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.types import Admits
from tests.etl.jobs import run_job

if TYPE_CHECKING:
    from collections.abc import Callable

WHITE = " \t\n\r\v\f"
NULLS = ("", "NULL", "N/A", "\\N")


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.dat", data)
    return out.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "gzip of two members": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "zstd of two frames": lambda data: zstd.compress(data[:9]) + zstd.compress(data[9:]),
    "zip": zipped,
}
ENCODINGS = ("auto", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-32", "gb18030")


def standard(cell: str) -> str | None:
    text = cell.strip(WHITE)
    return None if text in NULLS else text


def cells(encoding: str) -> st.SearchStrategy[str]:
    name = "utf-8" if encoding == "auto" else encoding
    known = st.characters(
        codec=name if name != "utf-8-sig" else "utf-8", exclude_characters="\0\ufeff"
    )
    return st.text(known | st.sampled_from(",;|\t\"'\n\r \\1"), max_size=6).filter(
        lambda text: text.encode(name, "ignore").decode(name, "ignore") == text
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    encoding = draw(st.sampled_from(ENCODINGS))
    width = draw(st.integers(1, 3))
    row = st.lists(cells(encoding), min_size=width, max_size=width)
    return encoding, draw(st.lists(row, min_size=1, max_size=8))


@settings(max_examples=60, deadline=None)
@given(
    drawn=tables(),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    escaped=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    header=st.booleans(),
    skipped=st.integers(0, 2),
    packing=st.sampled_from(sorted(PACKINGS)),
)
def test_a_table_in_any_dialect_encoding_and_packing_comes_back(
    *,
    drawn: tuple[str, list[list[str]]],
    delimiter: str,
    quote: str,
    end: str,
    skipped: int,
    packing: str,
    escaped: bool,
    header: bool,
) -> None:
    encoding, table = drawn
    escape = "\\" if escaped else quote
    out = io.StringIO(newline="")
    out.write(f"pre{quote}amble{end}" * skipped)
    # csv.writer would leave a backslash inside quotes alone
    doubled = [[c.replace("\\", "\\\\") if escaped else c for c in row] for row in table]
    names = [f"h{n}" for n in range(len(table[0]))]
    for row in [names, *doubled] if header else doubled:
        text = [c.replace(quote, escape + quote) for c in row]
        out.write(delimiter.join(f"{quote}{c}{quote}" for c in text) + end)
    name = "utf-8" if encoding == "auto" else encoding
    data = PACKINGS[packing](out.getvalue().encode(name))

    with tempfile.TemporaryDirectory() as folder:
        ran = run_job(
            Path(folder),
            {"k.csv": data},
            columns={name: {"type": "string"} for name in names},
            deduplicate="none",
            csv={
                "delimiter": delimiter,
                "quote": quote,
                "escape": escape,
                "header": header,
                "encoding": encoding,
                "skip_rows": skipped,
            },
        )
        rows = [row[:-1] for row in ran.rows()]

    assert ran.outcome.failure is None
    assert ran.outcome.counts.rows_read == len(table)
    assert rows == [tuple(standard(cell) for cell in row) for row in table]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.lists(st.integers() | TEXTS, max_size=3)
    | st.dictionaries(TEXTS, st.integers() | st.none(), max_size=3)
)
OBJECTS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), min_size=1, max_size=8
)


def as_lines(objects: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in objects).encode()


WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "lines": as_lines,
    "lines, not ASCII": lambda objects: "\r\n".join(
        json.dumps(one, ensure_ascii=False) for one in objects
    ).encode("utf-8-sig"),
    "array": lambda objects: json.dumps(objects).encode(),
    "array, indented, UTF-16": lambda objects: json.dumps(objects, indent=1).encode("utf-16"),
    "indented, in a row": lambda objects: "\n".join(
        json.dumps(o, indent=2) for o in objects
    ).encode(),
    "in a row, no space": lambda objects: "".join(json.dumps(o) for o in objects).encode(),
}


def told(value: object) -> str | None:
    if value is None:
        return None
    return standard(value if isinstance(value, str) else json.dumps(value))


@settings(max_examples=50, deadline=None)
@given(
    objects=OBJECTS,
    writer=st.sampled_from(sorted(WRITERS)),
    packing=st.sampled_from(sorted(PACKINGS)),
)
def test_objects_written_in_any_way_come_back(
    objects: list[dict[str, Any]], writer: str, packing: str
) -> None:
    data = PACKINGS[packing](WRITERS[writer](objects))
    names = list(dict.fromkeys(name for one in objects for name in one))

    with tempfile.TemporaryDirectory() as folder:
        ran = run_job(
            Path(folder),
            {"k.json": data},
            columns={name: {"type": "string"} for name in names},
            deduplicate="none",
        )
        rows = ran.rows(", ".join(names))

    assert ran.outcome.failure is None
    for row, one in zip(rows, objects, strict=True):
        for name, found in zip(names, row, strict=True):
            value = one.get(name)
            if isinstance(value, list | dict):
                assert json.loads(found) == value
            else:
                assert found == told(value)


def test_values_of_json_have_the_types_that_they_are_written_as(tmp_path: Path) -> None:
    data = (
        b'{"n": 2.50, "i": 9007199254740993, "t": "007", "s": "5", "d": "2025-01-02", "b": true, '
        b'"o": {"x": [1, 2.0]}, "m": 1, "e": 1, "z": null}\n'
        b'{"n": 3, "i": 1, "t": "1", "s": "6", "d": "2025-02-03", "b": false, "o": [], "m": "x", '
        b'"e": "", "k": 1}\n'
    )

    ran = run_job(tmp_path, {"k.jsonl": data})

    assert ran.schema == {
        "n": "double",
        "i": "bigint",
        "t": "string",
        "s": "string",
        "d": "date",
        "b": "boolean",
        "o": "json",
        "m": "string",
        "e": "bigint",
        "z": "string",
        "k": "bigint",
    }
    assert ran.rows("o, n, s, e") == [('{"x": [1, 2.0]}', 2.5, "5", 1), ("[]", 3.0, "6", None)]


def test_a_number_of_json_is_exact(tmp_path: Path) -> None:
    numbers = ["2.50", "12345678901234567890", "1e400", "-0", "0.1000000000000000055", "9" * 5000]
    data = "".join(f'{{"n": {n}}}\n' for n in numbers).encode()

    ran = run_job(tmp_path, {"k.jsonl": data}, columns={"n": {"type": "string"}})

    assert [n for (n,) in ran.rows("n")] == numbers
    columns = {"n": {"type": "decimal(10,4)"}}
    assert run_job(tmp_path, {"k.json": b'[{"n": 2.50}]'}, columns=columns).rows("n") == [
        (Decimal("2.5000"),)
    ]


def test_an_empty_text_is_null_only_where_the_contract_says_so(tmp_path: Path) -> None:
    data = b'{"a": "", "b": null}\n{"a": "-", "b": 1}\n'

    assert run_job(tmp_path, {"k.json": data}, nulls=["-"]).rows("a, b") == [("", None), (None, 1)]
    assert run_job(tmp_path, {"k.json": data}).rows("a, b") == [(None, None), ("-", 1)]


def test_files_of_several_formats_meet_in_one_table(tmp_path: Path) -> None:
    files = {
        "a.csv": b"id,when\n1,2025-01-02\n",
        "b.json": b'[{"id": 2.5, "when": "2025-01-03"}]',
        "c": b'{"when": "2025-01-04", "id": 3}\n',
        "d.tsv": b"id\twhen, if\n4\tnow\n",
    }

    ran = run_job(tmp_path, files)

    assert {o.failure for o in ran.result.outcomes} == {None}
    assert [dict(f.schema).get("id") for f in ran.files("data")] == ["double"] * 4
    assert ran.outcomes["d.tsv"].profile[1].name == "when_if"


@pytest.mark.parametrize(
    ("key", "columns"),
    [
        ("orders/day=2025-01-02/a.csv", {"day": "date"}),
        (
            "orders/day=2025-01-02/n=5/a%20b=x%2Fy/a.csv",
            {"day": "date", "n": "bigint", "a_b": "string"},
        ),
        ("orders/ID=9/=3/x/a.csv", {}),
        ("orders/day=__HIVE_DEFAULT_PARTITION__/a.csv", {"day": "string"}),
        ("orders/a=1/a=2/name=3.csv", {"a": "bigint"}),
    ],
)
def test_folders_of_a_key_are_columns_that_the_file_lacks(
    tmp_path: Path, key: str, columns: dict[str, str]
) -> None:
    ran = run_job(tmp_path, {key: b"id\n1\n1\n2\n", f"{key}.json": b'{"id": 7}'})

    for file in ran.files("data"):
        assert dict(file.schema) == {"id": "bigint", **columns}
    assert len(ran.outcomes[key].profile) == 1 + len(columns)
    assert ran.outcomes[key].counts.rows_duplicate == 1
    if "a_b" in columns:
        assert set(ran.rows("day::VARCHAR, n, a_b")) == {("2025-01-02", 5, "x/y")}
    if "HIVE" in key:
        assert ran.outcomes[key].profile[1].admits == Admits()


HEADERS = {
    b"id,name\n1,x\n2,y\n": ["id", "name"],
    b"1,x\n2,y\n": ["column_1", "column_2"],
    b"1,2\n": ["column_1", "column_2"],
    b"a,b\n": ["a", "b"],
    b"a,b\nc,d\n": ["a", "b"],
    b"country,2019,2020\nChad,5,7\n": ["country", "_2019", "_2020"],
    b"x,2019-01-02\ny,2019-01-03\n": ["column_1", "column_2"],
    b"x,true\ny,false\n": ["column_1", "column_2"],
    b"x,5\ny,z\n": ["x", "_5"],
    b"\n\n1,x\n2,y\n": ["column_1", "column_2"],
}


@pytest.mark.parametrize("data", HEADERS)
def test_a_first_record_like_those_below_it_is_no_header(tmp_path: Path, data: bytes) -> None:
    ran = run_job(tmp_path, {"k": data})

    names = [c.name for c in ran.outcome.profile]
    lines = len(data.strip().split(b"\n"))
    assert names == HEADERS[data]
    assert ran.outcome.counts.rows_read == lines - (names[0] != "column_1")


def test_without_a_header_the_columns_are_the_declared_ones(tmp_path: Path) -> None:
    columns = {"id": {"type": "int"}, "name": {}}
    data = {"k": b"1,x,y\n2,p,q\n", "short": b"3\n4\n", "named": b"name,id\nr,5\n"}

    ran = run_job(tmp_path, data, columns=columns)

    assert [c.name for c in ran.outcomes["k"].profile] == ["id", "name", "column_3"]
    assert [c.name for c in ran.outcomes["short"].profile] == ["id"]
    assert [c.name for c in ran.outcomes["named"].profile] == ["name", "id"]
    by_place = run_job(tmp_path, {"k": b"1,007\n"}, columns={"column_2": {"type": "string"}})
    assert by_place.rows("column_1, column_2") == [(1, "007")]


def test_lines_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    data = "préamble\r\r\na,b\r\n1,2\r\nbad\r\n".encode("cp1252")

    ran = run_job(tmp_path, {"k": data}, csv={"skip_rows": 2, "encoding": "cp1252"})

    assert ran.rows("a, b") == [(1, 2)]
    assert ran.rejects("line, raw") == [(5, "bad")]
    gone = run_job(tmp_path, {"k": b"a,b\n1,2\n"}, csv={"skip_rows": 2})
    assert gone.outcome.failure is not None
    assert "skip_rows" in gone.outcome.failure.message
