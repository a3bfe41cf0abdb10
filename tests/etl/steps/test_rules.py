"""A declared column's settings, each against what Python says of the same texts."""

# ruff: noqa: E501 (tables of texts; look-alikes are the point)

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.etl.jobs import Ran, run_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = [
    "a", "A", "ab", " a ", "\ta", "a\nb", "", "NULL", "'", "a'b", ";--", "%s", "é", "É", "ß",
    "OPEN", "open", "Open ", "0", "-1", "5", "10", "9", "1e3", "007", "NaN",
]  # fmt: skip


def csv(texts: list[str]) -> bytes:
    quoted = (text.replace('"', '""') for text in texts)
    return ("c,n\n" + "".join(f'"{text}",{n}\n' for n, text in enumerate(quoted))).encode()


def run_column(folder: Path, texts: list[str], **column: Any) -> Ran:  # noqa: ANN401
    return run_job(folder, {"k": csv(texts)}, columns={"c": column, "n": {}}, max_reject_ratio=1)


def outcomes(ran: Ran, size: int) -> list[object]:
    """By row: its value, or the code of its reject."""
    found: dict[int, object] = {int(n): value for n, value in ran.rows("n, c")}
    for raw, reason in ran.rejects("raw, reason"):
        found[int(raw.rpartition(",")[2])] = f"!{reason.partition(':')[0]}"
    return [found[n] for n in range(size)]


def standard(text: str, *, trim: bool = True) -> str | None:
    text = text.strip(" \t\n\r\v\f") if trim else text
    return None if text in ("", "NULL", "N/A", "\\N") else text


def bigint(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"0|-?[1-9][0-9]*", text) else None


RULES: list[tuple[dict[str, Any], Callable[[str | None], object]]] = [
    ({"type": "string"}, lambda t: t),
    ({"required": True, "type": "string"}, lambda t: "!required" if t is None else t),
    ({"one_of": ["open", "a", "a'b"], "type": "string"}, lambda t: t if t in (None, "open", "a", "a'b") else "!not one of"),
    ({"regex": "[a-z]+", "type": "string"}, lambda t: t if t is None or re.fullmatch("[a-z]+", t) else "!no match"),
    ({"regex": "a|b", "type": "string"}, lambda t: t if t is None or re.fullmatch("a|b", t) else "!no match"),
    ({"type": "bigint", "min": 0}, lambda t: t if t is None else "!not a bigint" if bigint(t) is None else "!too small" if int(t) < 0 else int(t)),
    ({"type": "bigint", "max": 9}, lambda t: t if t is None else "!not a bigint" if bigint(t) is None else "!too great" if int(t) > 9 else int(t)),
    ({"type": "bigint", "one_of": ["5", "9"]}, lambda t: t if t is None else "!not a bigint" if bigint(t) is None else int(t) if int(t) in (5, 9) else "!not one of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "oracle"), RULES, ids=lambda x: str(x) if isinstance(x, dict) else ""
)
def test_a_rule_says_of_each_text_what_python_says(
    tmp_path: Path, column: dict[str, Any], oracle: Callable[[str | None], object]
) -> None:
    ran = run_column(tmp_path, HOSTILE, **column)

    assert outcomes(ran, len(HOSTILE)) == [oracle(standard(text)) for text in HOSTILE]
    assert ran.outcome.counts.conserved


def test_case_is_python_s_for_ascii_and_the_reject_shows_the_source(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if text.isascii()]

    upper = run_column(tmp_path, texts, type="string", case="upper").rows("c")
    lower = run_column(tmp_path, texts, type="string", case="lower", one_of=["open"])

    assert [v for (v,) in upper] == [t and t.upper() for t in map(standard, texts)]
    assert {v for (v,) in lower.rows("c")} == {"open", None}
    assert "A" in {v for (v,) in lower.rejects("value")}


def test_a_column_may_keep_its_outer_white_space(tmp_path: Path) -> None:
    ran = run_column(tmp_path, HOSTILE, type="string", trim=False)

    assert [v for (v,) in ran.rows("c")] == [standard(text, trim=False) for text in HOSTILE]


def test_bounds_of_every_type_are_compared_as_values(tmp_path: Path) -> None:
    cases: list[tuple[str, object, object, list[str], list[object]]] = [
        ("decimal(5,2)", "0.10", "9.99", ["0.1", "0.09", "9.990", "10"], [Decimal("0.10"), "!too small", Decimal("9.99"), "!too great"]),
        ("double", "0.5", 2, [".5", "0.49999", "2.0", "2.5"], [0.5, "!too small", 2.0, "!too great"]),
        ("date", "2025-01-02", "2025-01-31", ["2025-1-2", "2025-01-01", "2025/2/1"], [dt.date(2025, 1, 2), "!too small", "!too great"]),
    ]  # fmt: skip
    for kind, low, high, texts, wanted in cases:
        ran = run_column(tmp_path, texts, type=kind, min=low, max=high)

        assert outcomes(ran, len(texts)) == wanted


def test_a_record_is_rejected_once_by_the_first_column_of_the_contract_then_by_checks(
    tmp_path: Path,
) -> None:
    data = b"a,b,c\nx,y,1\n1,y,1\n1,2,1\n1,-2,-1\n1,-2,1\n"
    columns = {"b": {"type": "int", "max": 1}, "a": {"type": "int"}, "c": {"type": "int"}}
    checks = [{"name": "one", "expr": "c > 0"}, {"name": "two", "expr": "b + c > 0"}]

    ran = run_job(tmp_path, {"k": data}, columns=columns, checks=checks, max_reject_ratio=1)

    assert ran.rejects("line, column_name, reason") == [
        (2, "b", "not a int: write digits only, no sign +, no zeros in front"),
        (3, "b", "not a int: write digits only, no sign +, no zeros in front"),
        (4, "b", "too great: the greatest value is 1"),
        (5, None, "check one: c > 0"),
        (6, None, "check two: b + c > 0"),
    ]


def test_a_file_may_call_a_column_by_an_alias(tmp_path: Path) -> None:
    columns = {"Order ID": {"type": "int", "aliases": ["nr", "Bestell-Nr."]}}
    files = {
        "a": b"order_id\n1\n",
        "b": b"Nr\n2\n",
        "c": b"bestell-nr.\n3\n",
        "d": b"nr,order id\n4,5\n",
    }

    ran = run_job(tmp_path, files, columns=columns)

    assert sorted(ran.rows("order_id, _source_file")) == [(1, "a"), (2, "b"), (3, "c")]
    assert ran.outcomes["d"].failure is not None
    assert [c.name for c in ran.outcomes["b"].profile] == ["order_id"]


@pytest.mark.parametrize(
    ("unknown", "counts", "columns"),
    [
        ("add", (3, 0), ["a", "x", "_source_file"]),
        ("ignore", (3, 0), ["a", "_source_file"]),
        ("reject", (1, 2), ["a", "_source_file"]),
    ],
)
def test_unknown_columns(
    tmp_path: Path, unknown: str, counts: tuple[int, int], columns: list[str]
) -> None:
    data = b"a,x\n1,\n2,y\n3,z\n"

    ran = run_job(
        tmp_path,
        {"k": data},
        columns={"a": {"type": "int"}},
        unknown_columns=unknown,
        max_reject_ratio=1,
    )

    (file,) = ran.files("data")
    assert [*file.schema, "_source_file"] == columns
    assert (ran.outcome.counts.rows_written, ran.outcome.counts.rows_rejected) == counts
    if counts[1]:
        assert ran.rejects("column_name, value") == [("x", "y"), ("x", "z")]


def test_unknown_columns_can_fail_the_file(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"k": b"a,x\n1,\n"}, columns={"a": {}}, unknown_columns="fail")

    assert ran.outcome.failure is not None
    assert "x" in ran.outcome.failure.message
