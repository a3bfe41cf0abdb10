"""Arrays and structs hold their parts as exactly as a column holds its values."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.contract import Dataset
from edp.core.errors import ConfigError
from edp.core.nested import Array, Struct, Type, parsed, spelled
from edp.core.sql import literal, physical, value_sql
from edp.etl.engine import compile_contract
from edp.etl.engine.express import stored_type
from edp.etl.engine.session import LEAST_MEMORY
from edp.pipeline import feed
from edp.pipeline.reprocess import reprocess
from tests.etl.jobs import run_job
from tests.etl.oracle import HOSTILE
from tests.etl.steps.test_masking import CANARY, everything
from tests.etl.steps.test_rows import dataset, job
from tests.workspaces import ask, work_off, workspace

if TYPE_CHECKING:
    from edp.core.files import Outcome
    from edp.wiring import Workspace

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "decimal(20,3)": st.decimals(-(10**16), 10**16, places=3),
    "string": TEXTS,
    "date": st.dates(date(1, 1, 1)),
    "timestamp": st.datetimes(),
}
NAMES = st.sampled_from(["a", "B_c", "d e", "é", "select"])
SHAPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(sorted(SCALARS)),
    lambda inner: (
        inner.map(Array)
        | st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda f: f[0]).map(
            lambda fields: Struct(tuple(fields))
        )
    ),
    max_leaves=4,
).filter(lambda kind: not isinstance(kind, str))


def values(kind: Type) -> st.SearchStrategy[Any]:
    if isinstance(kind, Array):
        return st.lists(st.none() | values(kind.element), max_size=3)
    if isinstance(kind, Struct):
        return st.fixed_dictionaries({name: st.none() | values(k) for name, k in kind.fields})
    assert isinstance(kind, str)
    return SCALARS[kind]


def written(value: Any, kind: Type) -> str:  # noqa: ANN401 (any value)
    """The value as strict JSON, with all of its digits."""
    if value is None:
        return "null"
    if isinstance(kind, Array):
        return f"[{', '.join(written(one, kind.element) for one in value)}]"
    if isinstance(kind, Struct):
        members = (f"{json.dumps(n)}: {written(value[n], k)}" for n, k in kind.fields)
        return f"{{{', '.join(members)}}}"
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, datetime):
        return json.dumps(value.isoformat(" "))
    if isinstance(value, date | str):
        return json.dumps(str(value), ensure_ascii=False)
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)


DAMAGED = ["[", "{", "[1,]", '{"zz": 1}', "[[[[[[9]]]]]]", "NaN", "x"]
CASES = SHAPES.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(values(kind), max_size=4)))


def as_csv(texts: list[str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["n", "p"])
    writer.writerows(enumerate(texts))
    return out.getvalue().encode()


def as_lines(texts: list[str]) -> bytes:
    return "".join(f'{{"n": {n}, "p": {text}}}\n' for n, text in enumerate(texts)).encode()


def as_parquet(found: list[Any], kind: Type) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        con.execute(f"CREATE TABLE t (n BIGINT, p {physical(spelled(kind))})")
        for n, value in enumerate(found):
            con.execute("INSERT INTO t VALUES (?, ?)", [n, value])
        path = Path(folder) / "t.parquet"
        con.execute(f"COPY t TO {literal(str(path))} (FORMAT parquet)")
        return path.read_bytes()


@dataclass(frozen=True)
class Told:
    """What became of files: the only one's outcome, the rows in order, and the rejects."""

    outcome: Outcome
    rows: list[tuple[Any, ...]]
    rejects: list[tuple[Any, ...]]


def ran(files: dict[str, bytes], kind: str, **more: Any) -> Told:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        done = run_job(
            Path(folder), files, columns={"p": {"type": kind}}, deduplicate="none", **more
        )
        columns = "source_file, line, column_name, value, reason, raw"
        return Told(done.outcome, sorted(done.rows(), key=itemgetter(0)), done.rejects(columns))


@settings(max_examples=25, deadline=None)
@given(case=CASES, form=st.sampled_from(["csv", "json"]))
def test_what_was_written_as_json_comes_back_equal(case: tuple[Type, list[Any]], form: str) -> None:
    kind, wanted = case
    texts = [written(value, kind) for value in wanted]
    data = as_csv(texts) if form == "csv" else as_lines(texts)

    done = ran({f"t/a.{form}": data}, spelled(kind))

    assert done.rejects == []
    assert [row[1] for row in done.rows] == wanted


@settings(max_examples=10, deadline=None)
@given(case=CASES)
def test_parquet_comes_back_equal(case: tuple[Type, list[Any]]) -> None:
    kind, wanted = case

    done = ran({"t/a.parquet": as_parquet(wanted, kind)}, spelled(kind))

    assert done.rejects == []
    assert [row[1] for row in done.rows] == wanted


@settings(max_examples=25, deadline=None)
@given(case=CASES, data=st.data())
def test_damage_rejects_that_row_alone(case: tuple[Type, list[Any]], data: st.DataObject) -> None:
    kind, wanted = case
    texts = [written(value, kind) for value in wanted]
    at = data.draw(st.integers(0, len(texts)))
    damaged = data.draw(st.sampled_from(DAMAGED))
    texts.insert(at, damaged)

    done = ran({"t/a.csv": as_csv(texts)}, spelled(kind), max_reject_ratio=1)

    assert done.outcome.counts.conserved
    assert [(row[1], row[2], row[3]) for row in done.rejects] == [(at + 2, "p", damaged)]
    assert [row[1] for row in done.rows] == wanted


def each(texts: list[str], kind: str, part: str) -> dict[int, tuple[str | None, str | None]]:
    """What became of each text, in order: the `part` (SQL) of its value, or the reason."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_job(
            Path(folder),
            {"t/a.csv": as_csv(texts)},
            columns={"n": {"type": "int"}, "p": {"type": kind}},
            nulls=[],
            max_reject_ratio=1,
        )
        told: dict[int, tuple[str | None, str | None]] = {}
        for n, value in done.rows(f"n, CAST({part} AS VARCHAR)") if done.files("data") else []:
            told[n] = value, None
        for line, reason in done.rejects("line, reason"):  # a record of these files is a line
            told[line - 2] = None, reason
        return told


@pytest.mark.parametrize("kind", [*SCALARS, "decimal(38,0)", "timestamptz"])
def test_a_part_has_the_value_or_the_reason_that_a_column_has(kind: str) -> None:
    texts = [text for text in dict.fromkeys(HOSTILE) if text.strip(" \t\r\n\v\f") == text != ""]
    texts = [text for text in texts if "\n" not in text]

    column = each(texts, kind, "p")
    part = each(
        [json.dumps([{"q": text}]) for text in texts], f"array<struct<q: {kind}>>", "p[1].q"
    )

    assert len(column) == len(texts)
    wanted = {n: (value, why and _placed(why)) for n, (value, why) in column.items()}
    of_formats = ", as only the column's `formats` could tell"  # which a part has none of
    assert part == {n: (v, w and w.removesuffix(of_formats)) for n, (v, w) in wanted.items()}


def _placed(reason: str) -> str:
    reason = reason.replace(", as only the column's `formats` could tell", "")
    return reason.replace(": ", ": at p[0].q, ", 1)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("array<bigint>", "[1, 1.5]", "not a bigint: at p[1], write digits only"),
        ("array<bigint>", '["007"]', "not a bigint: at p[0],"),
        ("array<bigint>", "[9223372036854775808]", "out of range: at p[0],"),
        ("array<bigint>", "7", "not an array: at p, write [...]"),
        ("array<bigint>", '"[7]"', "not an array: at p, write [...]"),
        ("array<bigint>", "[[7]]", "not a bigint: at p[0], write one value"),
        ("array<decimal(3,1)>", "[1.25]", "out of range: at p[0],"),
        ("array<date>", '["2025-02-30"]', "not a date: at p[0],"),
        ("array<date>", '["01/02/2025"]', "ambiguous date: at p[0],"),
        ("array<timestamptz>", '["2025-01-01 00:00"]', "not a timestamptz: at p[0],"),
        ("array<double>", "[NaN]", "not JSON: NaN is no JSON value"),
        ("array<double>", "[1e400]", "out of range: at p[0],"),
        ("array<string>", r'["\ud800"]', "bad character: "),
        ("struct<a: struct<b: int>>", '{"a": {"b": "x"}}', "not a int: at p.a.b,"),
        ("struct<a: int>", '{"a": 1, "a": 2}', "repeated name: at p, the object has 'a' twice"),
        ("struct<a: int>", '{"A": 1}', "unknown field: at p.A,"),
        ("struct<a: int>", "[1]", "not a struct: at p, write {...}"),
        ("array<array<int>>", "[" * 3000, "too deep: "),
        ('struct<"d e": struct<a: int>>', '{"d e": {"a": "x"}}', 'not a int: at p."d e".a,'),
    ],
)
def test_a_part_that_does_not_fit_is_told_with_its_place(kind: str, text: str, reason: str) -> None:
    done = ran({"t/a.csv": as_csv([text])}, kind, max_reject_ratio=1)

    ((_, line, column, value, told, _),) = done.rejects
    assert (line, column, value) == (2, "p", text)
    assert told.startswith(reason)


PIECES = [*'[]{},:"\\ 1-.e\n', "null", "NaN", '"a"', '"b":', "1.50", "true", "\\ud800", "é", "\x01"]
CUTS = st.tuples(
    st.sampled_from(['[{"a": 1, "b": ["x", 2.50]}]', '[{"b": [null]}, null, {}]', "[]"]),
    st.integers(0, 30),
    st.integers(0, 2),
    st.sampled_from(PIECES),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(CUTS, min_size=1, max_size=20), st.booleans())
def test_every_damaged_value_is_a_row_or_a_reject(
    cuts: list[tuple[str, int, int, str]],
    documents: bool,  # noqa: FBT001 (hypothesis gives it)
) -> None:
    texts = [text[:at] + piece + text[at + gone :] for text, at, gone, piece in cuts]
    part = "json" if documents else "array<string>"
    kind = f"array<struct<a: int, b: {part}>>"

    with tempfile.TemporaryDirectory() as folder:
        done = run_job(
            Path(folder),
            {"t/a.csv": as_csv(texts), "t/a.jsonl": as_lines(texts)},
            columns={"p": {"type": kind}},
            max_reject_ratio=1,
            deduplicate="none",
        )
        rejects = done.rejects("source_file, line, reason")

    for key, outcome in done.outcomes.items():
        assert outcome.failure is None or outcome.failure.permanent
        assert outcome.counts.conserved
        told = [line for file, line, reason in rejects if file == key and reason]
        assert outcome.failure or len(told) == outcome.counts.rows_rejected
    assert done.outcomes["t/a.csv"].counts.rows_read == len(texts)


@pytest.mark.parametrize(("texts", "letters"), [(4000, 2000), (1, 2_900_000)])
def test_many_long_texts_take_no_more_memory_than_there_is(
    tmp_path: Path, texts: int, letters: int
) -> None:
    lines = [json.dumps({"a": [f"{n}{'é' * letters}"]}, ensure_ascii=False) for n in range(texts)]
    contract = dataset(columns={"a": {"type": "array<string>"}})

    ran = job(
        tmp_path / "job", {"k.jsonl": "\n".join(lines).encode()}, contract, memory=LEAST_MEMORY
    )

    assert ran.outcome.failure is None
    assert ran.outcome.counts.rows_written == texts


def test_members_that_are_not_declared_are_left_out_where_unknown_columns_are() -> None:
    done = ran(
        {"t/a.csv": as_csv(['{"a": 1, "b": [2]}'])}, "struct<a: int>", unknown_columns="ignore"
    )

    assert [row[0] for row in done.rows] == [{"a": 1}]


WITHIN = [
    '{"b":  1.50, "c": [1e3, "é"]}',
    r'"\u00e9\/"',
    '{"a": 1, "a": 2}',
    "12345678901234567890.10",
    "true",
    "[ ]",
    '{"x": "],}\\""}',
]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_json_within_stays_as_it_is_written(form: str) -> None:
    text = f'[ {{"d e": {{"j":[{" , ".join(WITHIN)}, null ]}} }} ,null]'
    data = as_csv([text]) if form == "csv" else as_lines([text])

    done = ran({f"t/a.{form}": data}, 'array<struct<"d e": struct<j: array<json>, k: int>>>')

    assert done.rows[0][1] == [{"d e": {"j": [*WITHIN, None], "k": None}}, None]


def test_json_within_an_object_that_has_a_name_twice_is_no_value() -> None:
    data = as_csv(['[{"a": 1, "a": 2}]'])

    done = ran({"t/a.csv": data}, "array<struct<a: json>>", max_reject_ratio=1)

    assert [row[4] for row in done.rejects] == [
        "repeated name: at p[0], the object has 'a' twice; which one counts?"
    ]


def test_expressions_and_transforms_see_the_parts() -> None:
    texts = ['[{"p": 1.5}, {"p": 2.5}]', "[]"]
    more: dict[str, Any] = {
        "derive": {"total": "list_sum(list_transform(p, lambda x: x.p))"},
        "checks": [{"name": "some", "expr": "len(p) > 0"}],
    }

    done = ran({"t/a.csv": as_csv(texts)}, "array<struct<p: decimal(5,2)>>", **more)

    assert [row[2] for row in done.rows] == [Decimal("4.00")]
    assert done.outcome.counts.rows_rejected == 1


CANARIES = [
    '{"card": "canary-00-4711"}',
    '{"n": "canary-01-4711"}',
    '{"canary-02-4711": 1}',
    '{"j": {"canary-03-4711": 1, "canary-03-4711": "canary-04-4711"}, "n": "x"}',
    '{"canary-05-4711": 1, "canary-05-4711": 1}',
    '["canary-06-4711"]',
    '{"card": canary-07-4711}',
    "canary-08-4711",
    '{"card": "\\ud800canary-09-4711"}',
    '{"j": {"a": 1}, "j": "canary-10-4711"}',
    '{"n": [{"canary-11-4711": 1}]}',
]


def test_a_dropped_column_is_nowhere(tmp_path: Path) -> None:
    lines = "".join(f'{{"p": {json.dumps(text)}, "k": 1}}\n' for text in CANARIES)
    whole = "".join(f'{{"k": 1, "p": {text}}}\n' for text in CANARIES)
    files = {
        "t/a.csv": as_csv(CANARIES),
        "t/a.jsonl": lines.encode(),
        "t/b.jsonl": whole.encode(),
    }
    contract = dataset(
        columns={"p": {"type": "struct<card: string, n: int, j: json>", "mask": "drop"}},
        max_reject_ratio=1,
        deduplicate="none",
    )

    done = job(tmp_path / "j", files, contract)

    assert not CANARY.findall(everything(done, tmp_path / "j"))
    assert all("p" not in file.schema for file in done.files("data"))
    assert done.outcomes["t/a.csv"].counts.rows_rejected == len(CANARIES) - 1


def test_a_masked_column_that_a_transform_nests_stays_masked(tmp_path: Path) -> None:
    contract = dataset(
        columns={"card": {"type": "string", "mask": "last4"}}, transform="t.sql"
    ).with_transform("SELECT [{'c': card}] AS card FROM input")

    done = job(tmp_path / "j", {"k": b"card\ncanary-01-4711\n"}, contract)

    assert done.schema == {"card": "string"}
    assert not CANARY.findall(everything(done, tmp_path / "j"))


@pytest.mark.parametrize(
    ("settings_", "told"),
    [
        ({"deduplicate": {"keys": ["p"]}}, "deduplicate.keys.0"),
        ({"deduplicate": {"keys": ["n"], "order_by": ["p"]}}, "deduplicate.order_by.0"),
        ({"partition_by": ["p"]}, "partition_by.0"),
    ],
)
def test_a_nested_value_is_no_key_order_or_folder(settings_: dict[str, Any], told: str) -> None:
    columns = {"n": {"type": "int"}, "p": {"type": "array<int>"}}

    with pytest.raises(ConfigError, match=told):
        compile_contract(Dataset.model_validate({"columns": columns, **settings_}))


@given(SHAPES)
def test_a_type_is_told_apart_from_its_names(kind: Type) -> None:
    name = spelled(kind)

    assert parsed(name) == kind
    assert stored_type(physical(name)) == name


PARTS = {  # a part that is stored, and what it is in JSON
    "decimal(4,2)": ("2.50", "2.50"),
    "double": ("'NaN'", '"nan"'),
    "timestamptz": ("'2025-01-02 03:04:05+02'", '"2025-01-02 01:04:05Z"'),
    "timestamp": ("'2025-01-02 03:04:05.100'", '"2025-01-02 03:04:05.100000"'),
    "string": ("'a \"b\"'", r'"a \"b\""'),
    "json": ("'{\"x\":  1.50}'", '{"x":  1.50}'),
    "array<int>": ("[]", "[]"),
    "struct<b: date>": ("{'b': NULL}", '{"b":null}'),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("wanted", ["json", "string"])
def test_a_stored_value_is_the_json_of_its_parts_texts(kind: str, wanted: str) -> None:
    stored = f"array<struct<a: {kind}>>"
    part, text = PARTS[kind]
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        made = f"CAST([{{'a': {part}}}, NULL] AS {physical(stored)})"
        query = f"SELECT {value_sql(stored, wanted, 'v')} FROM (SELECT {made} AS v)"
        ((found,),) = con.execute(query).fetchall()

    assert found == f'[{{"a":{text}}},null]'


@pytest.mark.parametrize("name", ['a"b', "a\nb"])
def test_a_struct_that_no_type_can_spell_is_refused(name: str) -> None:
    derive = {"x": f"{{{literal(name)}: 1}}"}

    with pytest.raises(ConfigError, match="no column can have the type"):
        compile_contract(Dataset.model_validate({"derive": derive}))


READ = [  # a stored type, its value, the type it is read as, and what it is then
    ("array<int>", "[1, NULL]", "array<string>", ["1", None]),
    ("array<double>", "[1.5]", "array<json>", ["1.5"]),
    ("array<string>", "['a', NULL]", "array<json>", ['"a"', None]),
    ("array<int>", "NULL", "array<bigint>", None),
    ("struct<b: int>", "{'b': 1}", "struct<a: array<date>, b: double>", {"a": None, "b": 1.0}),
    ("struct<b: int>", "NULL", "struct<a: int, b: int>", None),
    (
        "array<struct<p: struct<x: int>>>",
        "[{'p': {'x': 1}}, {'p': NULL}, NULL]",
        "array<struct<p: json, q: int>>",
        [{"p": '{"x":1}', "q": None}, {"p": None, "q": None}, None],
    ),
]


@pytest.mark.parametrize(("stored", "value", "wanted", "read"), READ)
def test_a_stored_value_is_read_as_the_wider_type(
    stored: str, value: str, wanted: str, read: object
) -> None:
    made = f"SELECT CAST({value} AS {physical(stored)}) AS v"

    with duckdb.connect() as con:
        query = f"SELECT CAST({value_sql(stored, wanted, 'v')} AS {physical(wanted)}) FROM ({made})"
        found = con.execute(query).fetchall()

    assert found == [(read,)]


def contract(kind: str) -> str:
    return (
        "runtimes: {local: {settle: 0s}}\n"
        f"datasets: {{t: {{columns: {{n: {{type: int}}, p: {{type: '{kind}'}}}}}}}}\n"
    )


def put(folder: Path, name: str, kind: str, text: str) -> Workspace:
    """A workspace under a contract with the type, after it has read a file with the value."""
    here = workspace(folder, contract(kind))
    (folder / name).write_bytes(as_csv([text]))
    feed.put(here.stages, f"t/{name}", folder / name)
    work_off(here)
    return here


def type_of(here: Workspace) -> str:
    (table,) = (table for table in here.stages.catalog.tables() if table.name == "t")
    return {column.name: column.resolved for column in table.columns}["p"]


def test_a_field_can_be_added_before_the_files_are_read_again(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "array<struct<b: int>>", '[{"b": 1}]')

    here = put(tmp_path, "b.csv", "array<struct<b: bigint, a: date>>", '[{"b": 5, "a": null}]')

    assert type_of(here) == "array<struct<a: date, b: bigint>>"
    assert sorted(ask(here, "SELECT p[1].b, p[1].a FROM t")) == [(1, None), (5, None)]
    reprocess(here.stages, ["t/a.csv", "t/b.csv"])
    work_off(here)
    assert type_of(here) == "array<struct<b: bigint, a: date>>"


def test_values_of_an_older_contract_are_json_beside_json(tmp_path: Path) -> None:
    first = put(tmp_path, "a.csv", "array<decimal(4,2)>", "[1.5, 2]")
    assert ask(first, "SELECT p FROM t") == [([Decimal("1.50"), Decimal("2.00")],)]

    here = put(tmp_path, "b.csv", "json", '{"x":  1.50}')

    assert type_of(here) == "json"
    assert sorted(ask(here, "SELECT p FROM t")) == [("[1.50,2.00]",), ('{"x":  1.50}',)]


def test_a_file_without_a_value_changes_no_type(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "string", "NULL")

    here = put(tmp_path, "b.csv", "array<int>", "[1]")

    assert type_of(here) == "array<int>"
    assert sorted(ask(here, "SELECT p FROM t"), key=str) == [(None,), ([1],)]
