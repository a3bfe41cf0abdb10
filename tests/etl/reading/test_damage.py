"""What is damaged is a reject or a failure that says so: no record and no file goes missing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.etl.engine import unpacking
from edp.etl.port import Input
from tests.etl.jobs import run_inputs, run_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.etl.jobs import Ran

GOOD = b"h1,h2\n1,2\n"


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def failure(ran: Ran, key: str = "k") -> str:
    found = ran.outcomes[key].failure
    assert found is not None
    assert found.code in ("unreadable file", "reject limit exceeded")
    assert found.permanent
    assert key in found.message
    return found.message


# --- CSV ------------------------------------------------------------------------------------------


def test_an_unclosed_quote_is_a_reject_among_many_files_too(tmp_path: Path) -> None:
    bad = {f"b{n}": b'h1,h2\n1,2\n3,"x' for n in range(5)}
    files = {f"g{n}": GOOD for n in range(5)} | bad | {"last": GOOD}

    ran = run_job(tmp_path, files)

    assert {o.counts.rows_read for k, o in ran.outcomes.items() if k in bad} == {2}
    assert ran.rejects("source_file, line, raw") == [(key, 3, '3,"x') for key in bad]


def test_a_field_too_many_is_a_reject_though_it_is_empty(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b'h1,h2\n1,2\n3,4,\n5,\n,""\n6,,\n'}, deduplicate="none")

    assert ran.rows("h1, h2") == [(1, 2), (5, None), (None, None)]
    assert ran.rejects("line, raw") == [(3, "3,4,"), (6, "6,,")]


PIECES = (
    *(b"a", b"1", b",", b",", b'"', b'"', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\xff"),
    *(b"\xc3\xa9", b'""', b'x,"y"\n', b"p,q\n", b'"u\nv",w\n', b"1,2,3\n", b"1,2,\n", b"\\"),
)
DAMAGED = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


@settings(max_examples=25, deadline=None)
@given(
    bodies=st.lists(DAMAGED, min_size=3, max_size=6),
    escape=st.sampled_from(['"', "\\", ""]),
    header=st.booleans(),
    threads=st.sampled_from([1, 2]),
)
def test_no_record_of_many_damaged_files_goes_missing(
    bodies: list[bytes], escape: str, threads: int, *, header: bool
) -> None:
    files = {f"k{n}": (b"h1,h2\n" if header else b"1,2\n") + body for n, body in enumerate(bodies)}
    dialect = {"delimiter": ",", "escape": escape, "header": header}

    with folder() as together, folder() as apart:
        ran = run_job(Path(together), files, threads=threads, csv=dialect, max_reject_ratio=1)
        raws = ran.rejects("source_file, raw, line")
        for n, (key, data) in enumerate(files.items()):
            path = Path(apart) / str(n)
            path.mkdir()
            alone = run_job(path, {key: data}, csv=dialect, max_reject_ratio=1)
            assert alone.outcome == ran.outcomes[key]
            assert ran.outcomes[key].failure or ran.outcomes[key].counts.conserved

    for key, outcome in ran.outcomes.items():
        if not outcome.failure:
            assert len([1 for k, _, _ in raws if k == key]) == outcome.counts.rows_rejected


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 99), st.text("abü", max_size=3)), min_size=2, max_size=12
    ),
    at=st.integers(0, 200),
    byte=st.sampled_from([b"\x81", b"\x8d", b"\x90"]),
)
def test_a_byte_out_of_the_encoding_rejects_its_record_alone(
    rows: list[tuple[int, str]], at: int, byte: bytes
) -> None:
    lines = [f"{n},{text}".encode("cp1252") for n, text in rows]
    place = at % len(lines)
    damaged = [*lines[:place], lines[place] + byte, *lines[place + 1 :]]

    with folder() as path:
        ran = run_job(
            Path(path),
            {"k": b"\n".join([b"n,t", *damaged])},
            csv={"encoding": "cp1252", "delimiter": ","},
            deduplicate="none",
        )
        found = ran.rows("n::VARCHAR, coalesce(t::VARCHAR, '')")
        ((line, raw),) = ran.rejects("line, raw")

    assert found == [(str(n), t) for k, (n, t) in enumerate(rows) if k != place]
    assert line == place + 2
    assert raw == f"{rows[place][0]},{rows[place][1]}\\x{byte.hex()}"


@pytest.mark.parametrize("first", [b'"\r"', b'"a\r\nb"', b'"\n"'])
def test_a_line_end_in_the_first_value_is_not_that_of_the_file(
    tmp_path: Path, first: bytes
) -> None:
    data = {"k": first + b",1\nx,2\nbad\n", "other": b'"\r",1\r\n"\n",2\r\n'}

    ran = run_job(tmp_path, data, csv={"header": False})

    assert ran.outcomes["k"].counts.rows_written == 2
    assert ran.outcomes["other"].counts.rows_written == 2
    assert ran.rejects("raw") == [("bad",)]


# --- JSON -----------------------------------------------------------------------------------------

BAD = {
    '{"a": NaN}': "NaN",
    '{"a": -Infinity}': "Infinity",
    '{"a": 1, "a": 1}': "repeated name",
    '{"a": 1, "\\u0061": 2}': "repeated name",
    '{"a": 01}': "not JSON",
    '{"a": 1,}': "not JSON",
    "{'a': 1}": "not JSON",
    '{"a": "x\ty"}': "not JSON",
    '{"a": [1,]}': "not JSON",
    '{"a": {"b": NaN}}': "NaN",
    '{"a": "\\ud800"}': "bad character",
    '{"a": 1} {"a": 2}': "text after the end",
    "[1]": "not an object",
    "7": "not an object",
    '{"a": ' + "[" * 300 + "]" * 300 + "}": "too deep",
    '{"a": "unclosed}': "not JSON",
    "": "",
}


def test_bad_lines_of_json_are_rejects_with_line_and_raw(tmp_path: Path) -> None:
    lines = ['{"a": 0}', *BAD, '{"a": 9}']

    ran = run_job(
        tmp_path, {"k.jsonl": "\n".join(lines).encode() + b'\n{"a": "\xff"}'}, max_reject_ratio=1
    )

    found = {line: (reason, raw) for line, reason, raw in ran.rejects("line, reason, raw")}
    for n, (text, said) in enumerate(BAD.items(), start=2):
        if text:
            assert said in found.pop(n)[0]
    assert found == {len(BAD) + 3: ("bad encoding: the record is not UTF-8", '{"a": "\\xff"}')}
    assert ran.rows("a") == [(0,), (9,)]
    assert ran.outcome.counts.rows_read == 2 + len(BAD)


def test_bad_elements_of_an_array_are_rejects_too(tmp_path: Path) -> None:
    data = b'[\n{"a": 1},\n{"a": NaN},\n7,\n{"a": "\xff"},\n{"a": 1, "b": [{"c": 1}]}\n]'

    ran = run_job(tmp_path, {"k.json": data}, max_reject_ratio=1)

    assert [line for (line,) in ran.rejects("line")] == [3, 4, 5]
    assert ran.rows("a, b") == [(1, None), (1, '[{"c": 1}]')]


def test_a_value_that_its_column_rejects_has_line_and_raw_in_json(tmp_path: Path) -> None:
    data = b'{"a": 1}\n\nnope\n{"a": "x"}\n{"a": "5"}\n'

    ran = run_job(tmp_path, {"k.jsonl": data}, columns={"a": {"type": "int"}})

    assert ran.rows("a") == [(1,), (5,)]
    assert ran.rejects("line, value, raw") == [(3, None, "nope"), (4, "x", '{"a": "x"}')]


@pytest.mark.parametrize(
    "data",
    [
        b'[{"a": 1}, {"a": 2',
        b'[{"a": 1} {"a": 2}]',
        b'[{"a": 1}',
        b'[{"a": 1},]',
        b'[{"a": 1}] x',
        b"{}\n{}",
    ],
)
def test_an_array_that_is_cut_off_or_damaged_fails(tmp_path: Path, data: bytes) -> None:
    assert "k.json" in failure(run_job(tmp_path, {"k.json": data}), "k.json")


@settings(max_examples=60, deadline=None)
@given(
    objects=st.lists(
        st.dictionaries(st.sampled_from("ab"), st.integers() | st.text(max_size=3)), max_size=6
    ),
    cut=st.integers(0, 60),
    insert=st.sampled_from(
        [b"", b'"', b"{", b"}", b",", b"\n", b"\\", b"[", b"]", b"\xff", b"NaN"]
    ),
    array=st.booleans(),
)
def test_no_line_of_damaged_json_goes_missing(
    objects: list[dict[str, object]], cut: int, insert: bytes, *, array: bool
) -> None:
    lines = [json.dumps(one).encode() for one in objects]
    whole = b"[" + b",\n".join(lines) + b"]" if array else b"\n".join(lines)
    data = whole[:cut] + insert + whole[cut:]

    with folder() as path:
        ran = run_job(Path(path), {"k.json": data}, max_reject_ratio=1)
        rejects = ran.rejects("line")

    outcome = ran.outcome
    if outcome.failure:
        assert outcome.failure.permanent
        return
    assert outcome.counts.conserved
    assert len(rejects) == outcome.counts.rows_rejected
    if data.strip(b" \n") not in (b"", b"[]"):
        assert outcome.counts.rows_read


# --- packing --------------------------------------------------------------------------------------

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("kind", PACK)
def test_packed_data_that_is_cut_off_or_damaged_fails_as_a_whole(tmp_path: Path, kind: str) -> None:
    table = b"h1,h2\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(50_000))
    data = PACK[kind](table)
    damaged = (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 255]) + data[len(data) // 2 + 1 :]
    )

    ran = run_job(
        tmp_path, {"cut": data[:-4], "half": data[: len(data) // 2], "bad": damaged, "good": data}
    )

    for key in ("cut", "half", "bad"):
        assert kind in failure(ran, key)
    assert ran.outcomes["good"].counts.rows_written == 50_000
    assert "inside" in failure(run_job(tmp_path, {"k": PACK[kind](gzip.compress(GOOD))}))


def archive(members: Mapping[str, bytes], *, link: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if link else 0o100644) << 16
            made.writestr(info, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (archive({}), "0 files"),
        (archive({"a.csv": GOOD, "b.csv": GOOD}), "2 files"),
        (archive({f"{n}": b"" for n in range(5000)}), "5000 files"),
        (archive({"../../../tmp/evil.csv": GOOD}), "elsewhere"),
        (archive({"/evil.csv": GOOD}), "elsewhere"),
        (archive({"..\\evil.csv": GOOD}), "elsewhere"),
        (archive({"a.csv": b"/etc/passwd"}, link=True), "elsewhere"),
        (archive({"a.zip": archive({"a.csv": GOOD})}), "inside"),
        (archive({"a.csv": GOOD})[:-10], "damaged"),
        (archive({"[Content_Types].xml": b"", "xl/a.xml": b""}), "Excel"),
    ],
)
def test_an_archive_of_anything_but_one_plain_file_fails(
    tmp_path: Path, data: bytes, said: str
) -> None:
    assert said in failure(run_job(tmp_path, {"k": data, "good": GOOD}))
    inside = {path.name for path in tmp_path.rglob("*")}
    assert "evil.csv" not in inside


def test_an_archive_of_one_file_in_a_folder_is_read_by_that_files_name(tmp_path: Path) -> None:
    mac = {"a/": b"", "a/b.jsonl": b'{"h1": 1}', "__MACOSX/a/._b.jsonl": b"x"}

    assert run_job(tmp_path, {"k.zip": archive(mac)}).rows("h1") == [(1,)]


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "RATIO_COUNTS_FROM", 4 << 20)
    bomb = PACK[kind](b"1,2\n" * (2 << 20))

    assert "200 times" in failure(run_job(tmp_path, {"k": bomb}))
    assert sum(p.stat().st_size for p in tmp_path.rglob("*.expanded")) <= 6 << 20


# --- Parquet --------------------------------------------------------------------------------------


def parquet(path: Path, query: str) -> bytes:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_a_parquet_column_has_its_own_type_and_value(tmp_path: Path) -> None:
    columns = {
        "i": ("7::INTEGER", "bigint"),
        "big": ("9223372036854775807::BIGINT", "bigint"),
        "u": ("18446744073709551615::UBIGINT", "string"),
        "small_u": ("5::UBIGINT", "bigint"),
        "f": ("0.1::FLOAT", "double"),
        "d": ("1e-300::DOUBLE", "double"),
        "e": ("12.50::DECIMAL(5,2)", "decimal(5,2)"),
        "s": ("' 007'", "string"),
        "b": ("true", "boolean"),
        "day": ("DATE '2025-01-02'", "date"),
        "moment": ("TIMESTAMP '2025-01-02 03:04:05.678901'", "timestamp"),
        "ns": ("TIMESTAMP_NS '2025-01-02 03:04:05.678901'", "timestamp"),
        "nano": ("TIMESTAMP_NS '2025-01-02 03:04:05.678901234'", "string"),
        "tz": ("TIMESTAMPTZ '2025-01-02 03:04:05+02'", "timestamptz"),
        "l": ("[1, NULL, 2]", "json"),
        "o": ("{'a': 'x', 'b': 2.50::DECIMAL(4,2)}", "json"),
        "n": ("NULL::INTEGER", "string"),
    }
    query = "SELECT " + ", ".join(f"{value} AS {name}" for name, (value, _) in columns.items())
    data = parquet(tmp_path / "p", query)

    ran = run_job(tmp_path, {"k.parquet": data, "no suffix": data})

    assert ran.schema == {name: kind for name, (_, kind) in columns.items()}
    checks = ["i", "big", "small_u", "f::FLOAT", "d", "e", "b", "day", "moment", "ns", "epoch(tz)"]
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        expected = con.execute(f"SELECT {', '.join(checks)} FROM ({query})").fetchall()
    assert ran.rows(", ".join(checks)) == expected * 2
    assert ran.rows("s, u, nano, l, o")[0] == (
        *("007", "18446744073709551615", "2025-01-02 03:04:05.678901234"),
        *("[1,null,2]", '{"a":"x","b":2.50}'),
    )


PARTS = {  # what a part of a nested value is in JSON
    "7::UTINYINT": "7",
    "18446744073709551615::UBIGINT": "18446744073709551615",
    "0.1::FLOAT": "0.10000000149011612",
    "1e300::DOUBLE": "1e+300",
    "'NaN'::DOUBLE": '"nan"',
    "'-Infinity'::FLOAT": '"-inf"',
    "-0.50::DECIMAL(4,2)": "-0.50",
    "12345678901234567890.10::DECIMAL(38,2)": "12345678901234567890.10",
    "true": "true",
    "DATE '2025-01-02'": '"2025-01-02"',
    "TIMESTAMP '2025-01-02 03:04:05.100'": '"2025-01-02 03:04:05.100000"',
    "TIMESTAMP_NS '2025-01-02 03:04:05.678901234'": '"2025-01-02 03:04:05.678901234"',
    "TIMESTAMPTZ '2025-01-02 03:04:05+02'": '"2025-01-02 01:04:05Z"',
    "TIME '10:00:00'": '"10:00:00"',
    "'a \"quoted\" 007' || chr(10)": r'"a \"quoted\" 007\n"',
    "'\\x00\\xAA'::BLOB": r'"\\x00\\xAA"',
    "'{\"a\": 1.0}'::JSON": '{"a": 1.0}',
    "'[1,]'::JSON": '"[1,]"',
    "MAP {2: [1], 3: NULL}": '{"2":[1],"3":null}',
    "MAP {DATE '2025-01-02': 1}": '{"2025-01-02":1}',
    "{'a': NULL::INTEGER, 'b \"c': {'é': 1}}": r'{"a":null,"b \"c":{"é":1}}',
    "[[1.5::DECIMAL(2,1)], NULL, []]": "[[1.5],null,[]]",
    "NULL::INTEGER[]": "null",
}


def test_a_part_of_a_nested_value_has_the_text_of_a_column(tmp_path: Path) -> None:
    columns = ", ".join(f"[{part}] AS c{n}" for n, part in enumerate(PARTS))
    data = parquet(tmp_path / "p", f"SELECT {columns}, NULL::STRUCT(a INTEGER) AS nothing")
    names = ", ".join(f"c{n}" for n in range(len(PARTS)))

    ran = run_job(tmp_path, {"k.parquet": data})

    assert set(ran.schema.values()) == {"json", "string"}
    assert ran.rows(names) == [tuple(f"[{text}]" for text in PARTS.values())]
    assert ran.rows("nothing") == [(None,)]
    assert all(json.loads(text) for text in ran.rows(names)[0])


def test_parquet_meets_text_in_a_type_that_both_admit(tmp_path: Path) -> None:
    data = parquet(tmp_path / "p", "SELECT 1::INTEGER AS a, 2::BIGINT AS b, DATE '2025-01-02' AS c")

    ran = run_job(tmp_path, {"k.parquet": data, "k.csv": b"a,b,c\n1.5,1.5,2025-01-02 10:00\n"})

    assert {tuple(f.schema.items()) for f in ran.files("data")} == {
        (("a", "double"), ("b", "string"), ("c", "timestamp"))
    }


def test_parquet_rows_are_rejected_by_number_and_duplicates_told(tmp_path: Path) -> None:
    data = parquet(
        tmp_path / "p", "SELECT * FROM (VALUES (1, 'x'), (NULL, 'y'), (1, 'x')) t (n, s)"
    )

    ran = run_job(tmp_path, {"k.parquet": data}, columns={"n": {"type": "int", "required": True}})

    assert ran.rows("n, s") == [(1, "x")]
    assert ran.rejects("line, column_name, raw") == [(2, "n", '{"n":null,"s":"y"}')]
    assert ran.outcome.counts.rows_duplicate == 1


def test_damaged_parquet_leaves_the_others_alone(tmp_path: Path) -> None:
    data = parquet(tmp_path / "p", "SELECT range AS a, range::VARCHAR AS b FROM range(20000)")
    pages = bytearray(data)
    pages[100:4000] = os.urandom(3900)
    files = {"cut.parquet": data[:-20], "pages.parquet": bytes(pages), "good.parquet": data}

    ran = run_job(tmp_path, {**files, "text.parquet": GOOD, "empty.parquet": b""})

    for key in ("cut.parquet", "text.parquet", "pages.parquet"):
        failure(ran, key)
    assert ran.outcomes["good.parquet"].counts.rows_written == 20_000
    assert ran.outcomes["empty.parquet"].failure is None


# --- data that people really sent -----------------------------------------------------------------

DATA = Path(__file__).parents[3].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


def run_paths(workdir: Path, paths: list[Path], **contract: object) -> Ran:
    return run_inputs(workdir, [Input(path.name, str(path)) for path in sorted(paths)], **contract)  # type: ignore[arg-type]


@needs_data
def test_a_table_as_csv_and_as_json_has_equal_rows(tmp_path: Path) -> None:
    expected = json.loads((DATA / "italy_national_csv_json" / "expected.json").read_text())
    folder = DATA / "italy_national_csv_json"

    ran = run_paths(tmp_path, [folder / "national.csv", folder / "national.json"])

    as_csv, as_json = ran.files("data")
    assert as_csv.schema == as_json.schema
    with duckdb.connect() as con:
        one, two = (
            con.execute(f"SELECT * EXCLUDE (_source_file, _loaded_at) FROM '{f.path}'").fetchall()
            for f in (as_csv, as_json)
        )
        total = con.execute(f"SELECT sum(nuovi_positivi) FROM '{as_json.path}'").fetchall()
    assert one == two
    assert len(one) == expected["csv"]["records"]
    assert total == [(expected["csv"]["nuovi_positivi_sum"],)]


@needs_data
@pytest.mark.parametrize(
    ("folder", "glob", "settings"),
    [
        ("openflights", "*.dat", {"header": False}),
        ("fivethirtyeight_tables", "*.csv", {"encoding": "latin-1"}),
        ("fivethirtyeight_polls", "*.csv", {}),
        ("italy_province_daily/daily", "*.csv", {}),
        ("tables_us_public_domain", "*.csv", {}),
    ],
)
def test_every_record_of_a_real_table_is_there(
    tmp_path: Path, folder: str, glob: str, settings: dict[str, object]
) -> None:
    facts = json.loads((DATA / Path(folder).parts[0] / "expected.json").read_text())
    facts = facts.get("files", facts)

    ran = run_paths(tmp_path, list((DATA / folder).glob(glob)), csv=settings)

    assert len(ran.result.outcomes) >= 1
    for key, outcome in ran.outcomes.items():
        assert outcome.failure is None
        assert outcome.counts.rows_rejected == 0
        assert outcome.counts.rows_read == facts[key]["records"]
        assert outcome.counts.rows_duplicate == facts[key].get("exact_duplicate_rows", 0)


@needs_data
def test_real_json_has_every_record(tmp_path: Path) -> None:
    paths = [
        path for path in (DATA / "json").iterdir() if path.is_file() and "expected" not in path.name
    ]

    ran = run_paths(tmp_path, paths)

    assert {key: o.counts.rows_written for key, o in ran.outcomes.items()} == {
        "earthquakes.geojson": 1,
        "earthquakes.jsonl": 1707,
        "flights-20k.json": 20_000,
        "flights-20k.jsonl.gz": 20_000,
    }
    (flights,) = [file for file in ran.files("data") if "flights-20k.json" in file.sources]
    with duckdb.connect() as con:
        query = f"SELECT sum(delay) FROM '{flights.path}' GROUP BY _source_file"
        assert con.execute(query).fetchall() == [(154_078,), (154_078,)]


@needs_data
def test_odd_json_and_parquet_are_read_or_refused(tmp_path: Path) -> None:
    odd = [*(DATA / "json" / "test_transform").iterdir(), *(DATA / "parquet").rglob("*.parquet")]
    expected = json.loads((DATA / "parquet" / "good_and_odd_expected.json").read_text())["files"]

    ran = run_paths(tmp_path, odd, max_reject_ratio=1)

    for key, outcome in ran.outcomes.items():
        assert outcome.failure is None or outcome.failure.permanent, outcome
        assert outcome.failure is not None or outcome.counts.conserved
        observed = expected.get(key, {}).get("observed", {}).get("duckdb", "").split(" ", 2)
        if observed[:1] == ["OK"]:
            assert outcome.failure is None, key
            assert outcome.counts.rows_read == int(observed[1])
    assert "200 times" in failure(ran, "large_string_map.brotli.parquet")


@needs_data
def test_polluted_files_are_the_clean_one_or_say_what_is_not(tmp_path: Path) -> None:
    folder = DATA / "malformed_csv" / "pollock_style"
    paths = [*folder.glob("row_*.csv"), folder / "clean.csv"]
    facts = json.loads((folder.parent / "pollock_style_expected.json").read_text())["files"]

    ran = run_paths(tmp_path, paths)

    by_key: dict[str, set[tuple[object, ...]]] = {path.name: set() for path in paths}
    for *row, key in ran.rows("COLUMNS(* EXCLUDE _loaded_at)::VARCHAR"):
        by_key[key].add(tuple(row))
    for key, outcome in ran.outcomes.items():
        if "_sep_" in key:
            assert outcome.counts.rows_rejected == len(facts[key]["bad_rows"]) == 1
            assert by_key[key] <= by_key["clean.csv"], key
            assert len(by_key[key]) == 79
