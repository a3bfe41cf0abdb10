"""A json column holds strict JSON, the text as it was sent, whatever file it came in."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edp.core.contract import Dataset
from edp.core.errors import ConfigError
from edp.core.sql import literal, parse_sql
from edp.etl.engine import compile_contract
from edp.etl.engine.jsontext import BadText, object_at
from tests.etl.jobs import run_job

JSON = {"p": {"type": "json"}}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: (
        st.lists(inner | st.none(), max_size=3)
        | st.dictionaries(TEXTS, inner | st.none(), max_size=3)
    ),
    max_leaves=6,
)
DOCUMENTS = st.builds(
    lambda value, ascii_, blank: json.dumps(
        value, ensure_ascii=ascii_, separators=(f",{blank}", f"{blank}:")
    ),
    VALUES,
    st.booleans(),
    st.sampled_from(["", " "]),
)


def as_csv(texts: list[str | None]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["n", "p"])
    writer.writerows((n, text or "") for n, text in enumerate(texts))
    return out.getvalue().encode()


def as_lines(texts: list[str | None]) -> bytes:
    rows = [f'{{"n": {n}, "p": {text or "null"}}}\n' for n, text in enumerate(texts)]
    return "".join(rows).encode()


def as_parquet(texts: list[str | None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        rows = ", ".join(f"({n}, {literal(text)})" for n, text in enumerate(texts))
        con.execute(
            f"COPY (SELECT n, p::VARCHAR AS p FROM (VALUES {rows}) t (n, p)) "
            f"TO '{folder}/p' (FORMAT parquet)"
        )
        return Path(folder, "p").read_bytes()


WRITERS = {"k.csv": as_csv, "k.jsonl": as_lines, "k.parquet": as_parquet}


@settings(max_examples=10, deadline=None)
@given(texts=st.lists(st.none() | DOCUMENTS, min_size=1, max_size=20))
@pytest.mark.parametrize("key", WRITERS)
def test_a_document_comes_back_as_it_was_sent(key: str, texts: list[str | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ran = run_job(Path(folder), {key: WRITERS[key](texts)}, columns=JSON)

        assert ran.rows("p") == [(text,) for text in texts]
    assert ran.schema["p"] == "json"


def test_a_null_is_no_value_in_any_file(tmp_path: Path) -> None:
    required = {"p": {"type": "json", "required": True}}
    files = {"k.csv": b"p\nnull\n[null]\n", "k.jsonl": b'{"p": null}\n{"p": [null]}\n'}

    ran = run_job(tmp_path, files, columns=required)

    assert ran.rows("p, _source_file") == [("[null]", "k.csv"), ("[null]", "k.jsonl")]
    assert [why.partition(":")[0] for (why,) in ran.rejects("reason")] == ["required"] * 2


def test_a_string_that_looks_like_a_null_token_is_a_string(tmp_path: Path) -> None:
    data = b'{"p": "N/A", "q": "N/A"}\n{"p": "", "q": ""}\n'

    ran = run_job(tmp_path, {"k.jsonl": data}, columns=JSON, deduplicate="none")

    assert ran.rows("p, q") == [('"N/A"', None), ('""', None)]


def test_a_column_behind_another_name_keeps_its_quotes(tmp_path: Path) -> None:
    columns = {"Body": {"type": "json", "rename": "sent", "aliases": ["Corps"]}}
    files = {"a.jsonl": b'{"x": 1}\n{"BODY": "a", "x": "a"}\n', "b.jsonl": rb'{"corps": "\u0061"}'}

    ran = run_job(tmp_path, files, columns=columns)

    assert ran.rows("sent") == [(None,), ('"a"',), (r'"\u0061"',)]


def test_declared_and_inferred_agree(tmp_path: Path) -> None:
    data = b'{"p": {"a": 1.50}}\n{"p": [ ]}\n{"p": null}\n'
    (tmp_path / "declared").mkdir()

    inferred = run_job(tmp_path, {"k.jsonl": data})
    declared = run_job(tmp_path / "declared", {"k.jsonl": data}, columns=JSON)

    assert inferred.schema == declared.schema
    assert inferred.rows() == declared.rows()
    both = [ran.outcome.profile[0].admits for ran in (inferred, declared)]
    assert (both[0] & both[1]).resolved == "json"


BAD = [
    *("NaN", "nan", "-Infinity", "[NaN]", "[1,]", '{"a":1,}', "{a:1}", "{'a':1}", "[1", "]", "01"),
    *("+1", ".5", "1.", "1e", "0x1", "True", "nul", '"a', '"\t"', r'"\x"', r'"\ud800"', "1 2"),
    *("// no\n1", "[1]/**/", '{"a"}', '{"a":}', "[,]", "\ufeff1", "\u00a01", "hello"),
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_strict_json_is_a_reject(tmp_path: Path, text: str) -> None:
    ran = run_job(tmp_path, {"k.csv": as_csv([text, "1"])}, columns=JSON)

    ((line, column, value, reason),) = ran.rejects("line, column_name, value, reason")
    assert (line, column, value) == (2, "p", text)
    assert reason == ("not a json: write strict JSON, with text in double quotes, and null for NaN")
    assert ran.rows("p") == [("1",)]


PIECES = (
    *'{}[],:" \t\n\\',
    *('"a"', r'"\n"', r'"é"', "1", "-0", "01", "1.", "1e5", "NaN", "Infinity", "true", "null"),
    *("nul", "\v", "\ufeff", "/*c*/", '"a,]"', '"NaN"', r'"\u00e9"', r'"\q"', "\x01", "\x7f"),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=50))
def test_a_cell_and_a_json_file_know_one_grammar(texts: list[str]) -> None:
    with duckdb.connect() as con:
        query = f"SELECT {parse_sql('t', 'json')} IS NOT NULL FROM (SELECT unnest($1) AS t)"
        in_cell = [fits for (fits,) in con.execute(query, [[*texts, "1"]]).fetchall()]

    for text, fits in zip(texts, in_cell, strict=False):
        try:
            _, end = object_at(f'{{"a":{text}}}'.encode(), 0)
        except BadText:
            end = 0
        # a comma in the text might make further members
        in_file = end == len(text.encode()) + 6 and _whole(text)
        assert fits == in_file, text


def _whole(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_half_of_a_surrogate_pair_is_no_text_wherever_it_is(tmp_path: Path) -> None:
    data = rb'{"p": ["\ud83d\ude00"]}' + b"\n" + rb'{"p": {"a": ["\uD800"]}}' + b"\n{}\n"

    ran = run_job(tmp_path, {"k.jsonl": data})

    assert ran.rows("p") == [(r'["\ud83d\ude00"]',), (None,)]
    assert [(line, why.partition(":")[0]) for line, why in ran.rejects("line, reason")] == [
        (2, "bad character")
    ]


def test_expressions_look_into_documents_and_may_make_some(tmp_path: Path) -> None:
    data = b'{"n": 1, "p": {"a": [1, 2.50], "b": null}}\n{"n": 2, "p": 5}\n'
    derive = {
        "a": "p->'$.a'",
        "b": "p->'$.b'",
        "first": "cast(p->>'$.a[0]' as int)",
        "loose": "cast(case when n = 2 then '[1,]' end as json)",
    }

    ran = run_job(tmp_path, {"k.jsonl": data}, columns={"n": {"type": "int"}} | JSON, derive=derive)

    assert {name: ran.schema[name] for name in derive} == {
        "a": "json",
        "b": "json",
        "first": "int",
        "loose": "json",
    }
    assert ran.rows("a, b, first, loose") == [("[1,2.5]", None, 1, None)]
    assert ran.rejects("line, column_name, reason") == [
        (2, "loose", f"cannot be computed: derive: {derive['loose']}")
    ]


REFUSED: dict[str, dict[str, Any]] = {
    "min": {"min": 1},
    "max": {"max": 1},
    "one_of": {"one_of": ["1"]},
    "regex": {"regex": "a"},
    "case": {"case": "upper"},
    "trim": {"trim": False},
    "formats": {"formats": ["%Y-%m-%d"]},
    "mask": {"mask": "sha256"},
}


@pytest.mark.parametrize("setting", REFUSED)
@pytest.mark.parametrize("kind", ["json", "array<int>", "array<decimal(4,2)>", "struct<a: date>"])
def test_a_rule_that_says_nothing_about_documents_is_refused(kind: str, setting: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Dataset.model_validate({"columns": {"p": {"type": kind} | REFUSED[setting]}})

    (error,) = caught.value.errors()
    assert error["ctx"]["at"] == (setting,)


@pytest.mark.parametrize(
    ("contract", "setting"),
    [
        ({"deduplicate": {"keys": ["p"]}}, "deduplicate.keys.0"),
        ({"deduplicate": {"keys": ["n"], "order_by": ["p"]}}, "deduplicate.order_by.0"),
        ({"derive": {"q": "p->'$.a'"}, "deduplicate": {"keys": ["q"]}}, "deduplicate.keys.0"),
        ({"partition_by": ["p"]}, "partition_by.0"),
    ],
)
def test_a_document_is_neither_key_nor_order_nor_folder(
    contract: dict[str, Any], setting: str
) -> None:
    columns = {"n": {"type": "int"}} | JSON

    with pytest.raises(ConfigError, match="is of type json") as caught:
        compile_contract(Dataset.model_validate({"columns": columns} | contract))

    assert str(caught.value).startswith(f"{setting}: ")
