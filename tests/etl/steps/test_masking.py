"""A masked value is nowhere to be found in what leaves the engine."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from edp.core.contract import ContractError, parse
from edp.etl.engine.masking import keyed, mask_sql
from tests.etl.steps.test_rows import dataset, job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.etl.jobs import Ran

KEY = "a key of the tests, longer than one block of SHA-256, which is 64 bytes long"
CANARY = re.compile(rb"canary-\d\d-4711", re.IGNORECASE)


def digest(text: str, key: str = KEY) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def everything(ran: Ran, folder: Path) -> bytes:
    """All that a job says and stages, uncompressed."""
    parts = [repr(ran.result).encode()]
    for path in sorted((folder / "work").rglob("*")):
        parts.append(str(path).encode())
        if path.suffix == ".parquet":
            with duckdb.connect() as con:
                table = f"read_parquet('{path}', hive_partitioning=false)"
                found = con.execute(f"SELECT columns(*)::VARCHAR FROM {table}")
                parts.append(repr(found.fetchall()).encode())
                parts.append(
                    repr(con.execute(f"FROM parquet_kv_metadata('{path}')").fetchall()).encode()
                )
        elif path.is_file() and "snapshots" not in path.parts:
            parts.append(path.read_bytes())
    return b"\n".join(parts)


DIRTY = b"""n,card,note
1,canary-01-4711,fine
x,canary-02-4711,"a ""note"", quoted"
3,canary-03-4711
4,canary-04-4711,too,many
5,"canary-05-4711"x,bad quote
6,CANARY-06-4711,fails the check
7,,no card
8,canary-08-4711-far-too-long-for-this,a
9,canary-09-4711,\xff
10,"canary-10-4711,never closed
"""


@pytest.mark.parametrize("mask", ["sha256", "drop", "last4"])
def test_a_masked_value_is_nowhere(tmp_path: Path, mask: str) -> None:
    columns: dict[str, Any] = {
        "n": {"type": "bigint"},
        "card": {"type": "string", "mask": mask, "regex": ".{1,20}"},
        "note": {"type": "string"},
    }
    contract = dataset(
        columns=columns,
        checks=[{"name": "six", "expr": "n <> 6"}],
        max_reject_ratio=1,
        partition_by=[] if mask == "drop" else ["card"],
    )

    ran = job(tmp_path / "j", {"k": DIRTY}, contract, mask_key=KEY)

    said = everything(ran, tmp_path / "j")
    assert b"fails the check" in said
    assert not (CANARY.findall(said.replace(b"\\", b"")))
    assert KEY.encode() not in said
    rejects = {line: (value, raw) for line, value, raw in ran.rejects("line, value, raw")}
    card = {"sha256": digest("canary-02-4711"), "drop": "", "last4": "****4711"}[mask]
    assert rejects[3] == ("x", f'x,{card},"a ""note"", quoted"')
    assert {raw for line, (_, raw) in rejects.items() if line in (4, 5, 6, 10, 11)} == {
        "(withheld: the record may hold a masked column)"
    }
    if mask == "drop":
        assert "card" not in ran.schema
    else:
        cards = {v for (v,) in ran.rows("card")}
        first = {"sha256": digest("canary-01-4711"), "last4": "****4711"}[mask]
        assert cards == {first, None}


DIRTY_JSON = b"""{"n": 1, "card": "canary-01-4711"}
{"n": 2, "card": canary-02-4711}
{"n": 3, "card": "canary-03-4711" "canary-03-4711"}
{"n": 4, "card": {"of": canary-04-4711}}
{"n": 5, "card": ["canary-05-4711" 5]}
{"n": "canary-06-4711", "card": "\\ud800 canary-06-4711"}
"canary-07-4711"
{"n": 8, "card": "canary-08-4711", "card": "canary-08-4711"}
{"n": 9, "card": "canary-09-4711\xff"}
{"n": 10, "card": "canary-10-4711"
{"n": "x", "card": "canary-11-4711"}
"""


def test_a_masked_value_is_in_no_reason_of_json_that_cannot_be_read(tmp_path: Path) -> None:
    contract = dataset(
        columns={"n": {"type": "bigint"}, "card": {"type": "string", "mask": "last4"}},
        max_reject_ratio=1,
    )
    array = b"[" + DIRTY_JSON.replace(b"\n", b",\n") + b"{}]"
    files = {"lines.json": DIRTY_JSON, "all.json": DIRTY_JSON[36:70], "array.json": array}

    ran = job(tmp_path / "j", files, contract)

    assert ran.outcomes["lines.json"].counts.rows_rejected == 10
    assert {key for key, outcome in ran.outcomes.items() if outcome.failure} == {
        "all.json",
        "array.json",
    }
    assert not CANARY.findall(everything(ran, tmp_path / "j"))


@pytest.mark.parametrize("header", ["auto", True])
def test_a_first_record_of_masked_values_is_not_taken_for_a_header(
    tmp_path: Path, header: object
) -> None:
    columns = {"card": {"type": "string", "mask": "last4", "aliases": ["pan"]}, "city": {}}
    headless = b"canary-01-4711,rome\ncanary-02-4711,oslo\n"
    contract = dataset(columns=columns, csv={"header": header})

    ran = job(tmp_path / "j", {"k": headless, "named": b"x,PAN\n1,canary-03-4711\n"}, contract)

    assert ran.outcomes["named"].failure is None
    failure = ran.outcomes["k"].failure
    assert failure is not None
    assert "csv: {header: false}" in failure.message
    assert not CANARY.findall(everything(ran, tmp_path / "j"))
    by_place = dataset(columns=columns, csv={"header": False})
    assert job(tmp_path / "i", {"k": headless}, by_place).rows("card") == [("****4711",)] * 2


def test_typed_values_are_masked_as_their_one_text(tmp_path: Path) -> None:
    columns = {
        "d": {"type": "date", "mask": "sha256"},
        "m": {"type": "decimal(6,2)", "mask": "last4"},
    }

    ran = job(
        tmp_path / "j",
        {"k": b"d,m\n2025/1/2,1234.5\n2025-01-02,.5\n"},
        dataset(columns=columns),
        mask_key=KEY,
    )

    assert ran.rows("d, m") == [(digest("2025-01-02"), "****4.50"), (digest("2025-01-02"), "****")]
    assert ran.schema == {"d": "string", "m": "string"}


@pytest.mark.parametrize("key", ["k", "é" * 40, KEY, "'; --"])
def test_the_hash_is_hmac_sha256(key: str) -> None:
    texts = ["", "a", "é😀", "x" * 1000, "'"]
    with duckdb.connect() as con, keyed(con, key):
        query = f"SELECT {mask_sql('t', 'sha256')} FROM (SELECT unnest($1::VARCHAR[]) AS t)"
        found = [v for (v,) in con.execute(query, [texts]).fetchall()]

    assert found == [digest(text, key) for text in texts]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.sql", "SELECT card::INT AS card FROM input"),
        ("t.py:f", "def f(rows): raise ValueError(str(rows.fetchall()))"),
        ("t.py:f", "def f(rows): return rows.project('error(card) AS card')"),
    ],
)
def test_a_transform_s_error_does_not_quote_a_masked_value(
    tmp_path: Path, name: str, text: str
) -> None:
    contract = dataset(
        columns={"card": {"type": "string", "mask": "last4"}}, transform=name
    ).with_transform(text)

    ran = job(tmp_path / "j", {"k": b"card\ncanary-01-4711\n"}, contract)

    assert ran.outcome.failure is not None
    assert "withheld" in ran.outcome.failure.message
    assert not CANARY.findall(everything(ran, tmp_path / "j"))


def test_a_column_stays_masked_behind_a_transform(tmp_path: Path) -> None:
    contract = dataset(
        columns={
            "card": {"type": "string", "mask": "sha256", "rename": "c"},
            "x": {"mask": "drop"},
        },
        transform="t.sql",
    ).with_transform("SELECT * FROM input")

    ran = job(
        tmp_path / "j", {"k": b"card,x\ncanary-01-4711,canary-02-4711\n"}, contract, mask_key=KEY
    )

    assert ran.rows("c") == [(digest("canary-01-4711"),)]
    assert not CANARY.findall(everything(ran, tmp_path / "j"))


def test_a_keyed_mask_without_a_key_is_refused_at_load() -> None:
    text = "datasets: {a: {columns: {b: {mask: sha256}}}}"

    with pytest.raises(ContractError) as caught:
        parse(text, environ={"EDP_MASK_KEY": ""})

    assert "datasets.a.columns.b.mask" in str(caught.value)
    parse(text, environ={"EDP_MASK_KEY": "k"})
