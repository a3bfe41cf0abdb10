"""Whatever a CSV file holds comes back as it was, or as rejects that say where and why."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.etl.jobs import run_job

WHITE = " \t\n\r\v\f"
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"])
    | st.sampled_from(",;|\t\"\n\r '\\éa1"),
    max_size=8,
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)
)


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def standard(cell: str) -> str | None:
    """What the table holds for a cell: without outer white space, null tokens as NULL."""
    text = cell.strip(WHITE)
    return None if text in ("", "NULL", "N/A", "\\N") else text


def written(table: list[list[str]], *, delimiter: str, quoting: int, end: str, bom: bool) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow([f"h{n}" for n in range(len(table[0]))])
    writer.writerows(table)
    return (b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode()


@settings(max_examples=80, deadline=None)
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_what_csv_writer_writes_comes_back(
    table: list[list[str]],
    delimiter: str,
    end: str,
    bom: bool,  # noqa: FBT001
) -> None:
    # csv.writer quotes no blank behind a delimiter, and DuckDB reads a quote behind one as a quote
    data = written(table, delimiter=delimiter, quoting=csv.QUOTE_ALL, end=end, bom=bom)
    columns = {f"h{n}": {"type": "string"} for n in range(len(table[0]))}

    with folder() as path:
        ran = run_job(
            Path(path),
            {"k": data},
            columns=columns,
            deduplicate="none",
            csv={"delimiter": delimiter},
        )
        rows = [row[:-1] for row in ran.rows()]

    assert ran.outcome.failure is None
    assert rows == [tuple(standard(cell) for cell in row) for row in table]
    assert ran.outcome.counts.rows_read == len(table)


@settings(max_examples=80, deadline=None)
@given(table=TABLES, end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_quoting_only_where_needed_comes_back_too(table: list[list[str]], end: str) -> None:
    # csv.writer leaves a line end of another style unquoted, which nobody could read back
    foreign = {"\n": "\r", "\r": "\n"}.get(end, "")
    table = [[cell.replace(foreign, "") for cell in row] if foreign else row for row in table]
    data = written(table, delimiter=",", quoting=csv.QUOTE_MINIMAL, end=end, bom=False)
    columns = {f"h{n}": {"type": "string"} for n in range(len(table[0]))}

    with folder() as path:
        ran = run_job(
            Path(path), {"k": data}, columns=columns, deduplicate="none", csv={"delimiter": ","}
        )
        rows = [row[:-1] for row in ran.rows()]

    assert ran.outcome.failure is None
    assert rows == [tuple(standard(cell) for cell in row) for row in table]


PIECES = (
    *(b"a", b"1", b",", b",", b'"', b'"', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\xff"),
    *(b"\xc3\xa9", b'""', b'x,"y"\n', b"p,q\n", b'"u\nv",w\n', b"1,2,3\n"),
)
DAMAGED = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(
    body=DAMAGED, header=st.sampled_from([b"h1,h2\n", b"h1\n", b'"h\n1",h2\r\n', b"\n\nh1,h2\n"])
)
def test_no_record_of_a_damaged_file_goes_missing(body: bytes, header: bytes) -> None:
    data = header + body

    with folder() as path:
        ran = run_job(
            Path(path),
            {"k": data, "other": b"h1,h2\n1,2\n"},
            csv={"delimiter": ","},
            max_reject_ratio=1,
        )
        raws = ran.rejects("raw, line, reason")

    outcome = ran.outcomes["k"]
    assert ran.outcomes["other"].counts.rows_written == 1
    if outcome.failure:
        assert outcome.failure.permanent
        return
    assert outcome.counts.conserved
    assert len(raws) == outcome.counts.rows_rejected
    physical = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = physical.split(b"\n")
    for raw, line, _ in raws:
        first = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")[0]
        assert lines[line - 1].decode(errors="backslashreplace") == first


@pytest.mark.parametrize("threads", [1, 4])
def test_rows_keep_the_order_of_the_file(tmp_path: Path, threads: int) -> None:
    table = b"".join(b"%d,%d\n" % (n, n % 7) for n in range(300_000))
    again = b"".join(b"%d,%d\n" % (n, n % 7) for n in range(299_000))

    ran = run_job(tmp_path, {"k": b"a,b\n" + table + again}, threads=threads)

    assert ran.outcome.counts.rows_duplicate == 299_000
    assert [a for (a,) in ran.rows("a")] == list(range(300_000))


@pytest.mark.parametrize("threads", [1, 4])
def test_a_large_file_tells_the_lines_of_its_rejects(tmp_path: Path, threads: int) -> None:
    rows = [b'%d,"a\nb"\n' % n if n % 9973 else b"x%d,y\n" % n for n in range(1_000_000)]

    ran = run_job(
        tmp_path, {"k": b"n,t\n" + b"".join(rows)}, threads=threads, columns={"n": {"type": "int"}}
    )

    expected = [(2 + 2 * n - bad, f"x{n},y") for bad, n in enumerate(range(0, 1_000_000, 9973))]
    assert ran.rejects("line, raw") == expected


def test_two_bad_quotes_in_a_record_are_one_reject(tmp_path: Path) -> None:
    data = b'n,a,b\n1,"5" pipe","6" pipe"\n2,x,y\n'

    ran = run_job(tmp_path, {"k": data})

    assert ran.rejects("line, raw") == [(2, '1,"5" pipe","6" pipe"')]
    assert ran.outcome.counts.rows_read == 2


def test_a_field_that_opens_twice_moves_no_line(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b'a,b\n"p" "q\nr",1\n2,3\nbad\n'})

    assert ran.rows("a") == [("p q\nr",), ("2",)]
    assert ran.rejects("line, raw") == [(5, "bad")]


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    ran = run_job(
        tmp_path,
        {
            "one": b'a\n1\n\n""\n\n\n2\n',
            "crlf": b'a\r\n1\r\n\r\n""\r\n2\r\n\r\n',
            "two": b"a,b\n\n1,2\n\n\n3,4\n",
        },
        deduplicate="none",
    )

    assert {key: o.counts.rows_read for key, o in ran.outcomes.items()} == {
        "one": 3,
        "crlf": 3,
        "two": 2,
    }


def test_a_file_with_every_kind_of_line_end_is_read_by_records(tmp_path: Path) -> None:
    data = b'a,b\r\n1,"x\r\ny"\n2,"p\rq"\r3,z\n\n4\r\n'

    ran = run_job(tmp_path, {"k": data})

    assert ran.rows("a, b") == [(1, "x\r\ny"), (2, "p\rq"), (3, "z")]
    assert ran.rejects("line, raw") == [(8, "4")]


@pytest.mark.parametrize(
    ("data", "line", "reason", "raw"),
    [
        (b"a,b\n1,2\n3\n4,5\n", 3, "missing columns", "3"),
        (b"a,b\n1,2\n3,4,5\n6,7\n", 3, "too many columns", "3,4,5"),
        (b'a,b\n1,2\n"x"y,4\n6,7\n', 3, "bad quote", '"x"y,4'),
        (b'a,b\n1,2\n6,7\n"x,4\n8,9\n', 4, "unclosed quote", '"x,4\n8,9'),
        (b"a,b\n1,2\n\xff,4\n6,7\n", 3, "bad encoding", "\\xff,4"),
        (b'a,b\n"1\n1",2\n\n\n3\n6,7\n', 6, "missing columns", "3"),
        (b'a,b\r\n"1\r\n1",2\r\n\r\n\r\n3\r\n6,7\r\n', 6, "missing columns", "3"),
        (b"\xef\xbb\xbfa,b\n1,2\n3\n6,7\n", 3, "missing columns", "3"),
        (b"a,b\n1,2\n" + b"x" * 2_100_000 + b",3\n6,7\n", 3, "record too long", "x" * 10_000),
    ],
)
def test_a_bad_record_is_a_reject_with_its_place(
    tmp_path: Path, data: bytes, line: int, reason: str, raw: str
) -> None:
    ran = run_job(tmp_path, {"k": data})

    ((run_id, source, at, column, value, why, text),) = ran.rejects("*")
    assert (run_id, source, at, column, value, text) == ("run1", "k", line, None, None, raw)
    assert why.startswith(f"{reason}: ")
    assert ran.outcome.counts.conserved


def test_rejects_are_told_by_the_file_they_are_in(tmp_path: Path) -> None:
    files = {
        f"f{n}": b"a,b\n" + b"1,2\n" * n + b"bad%d\n" % n + b"3,4\n" * (3 - n) for n in range(4)
    }

    ran = run_job(tmp_path, files, deduplicate="none")

    assert ran.rejects("source_file, line, raw") == [(f"f{n}", n + 2, f"bad{n}") for n in range(4)]


def records_by_csv_reader(data: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(data, newline=""))
    found, start = [], 1
    for row in reader:
        found.append((start, row))
        start = reader.line_num + 1
    return found[1:]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["1", "22", "x", "y\nz", "1\r\n2", "-3", '"', "a,b"]),
            st.sampled_from(["t", "two\nlines", "c\r\nd", 'q"uote', ",", "l\ni\nn\ne\ns"]),
        ),
        max_size=30,
    ),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_line_and_raw_of_a_rejected_value_are_those_of_csv_reader(
    rows: list[tuple[str, str]], end: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows([("n", "text"), *rows])
    expected = [
        (line, row[0], len(row))
        for line, row in records_by_csv_reader(out.getvalue())
        if not row[0].lstrip("-").isdigit()
    ]

    with folder() as path:
        ran = run_job(
            Path(path),
            {"k": out.getvalue().encode()},
            columns={"n": {"type": "bigint"}},
            max_reject_ratio=1,
            csv={"delimiter": ","},
        )
        found = ran.rejects("line, value, raw")

    assert [(line, value) for line, value, _ in found] == [(line, v) for line, v, _ in expected]
    for (_, _, raw), (_, value, _) in zip(found, expected, strict=True):
        assert next(csv.reader(io.StringIO(raw, newline="")))[0] == value
