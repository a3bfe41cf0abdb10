"""The data: orders as an awkward CSV file, the same bytes for the same size each time.

130 bytes a row and 12 columns; notes with commas, quotes and line ends inside quotes; dates in
three formats. Of 1,000 rows 25 break a rule, 5 can be repaired, 50 repeat a row exactly and 50
are a newer version of an order.
"""

# ruff: noqa: S608 (the SQL is made of constants)

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import duckdb

from benchmarks.work import COLUMNS, FORMATS, STATUSES

if TYPE_CHECKING:
    from pathlib import Path

ROW_BYTES: Final = 130.5
_FAR: Final = 200_000
"""Orders that a repeated row may lie back; half of them lie near."""
_NEAR: Final = 300
_WORDS: Final = (
    "please", "leave", "parcel", "neighbour", "ring", "twice", "gift", "wrap", "call", "before",
    "delivery", "fragile", "second", "floor", "invoice", "separately", "no", "rush", "thanks",
)  # fmt: skip
_NAMES: Final = ("Rossi", "Smith", "Garcia", "Novak", "Dubois", "Weber", "Silva", "Jensen")
_COUNTRIES: Final = ("IT", "US", "DE", "FR", "ES", "PT", "DK", "CZ", "GB", "NL")
_PRIME: Final = 2_147_483_647
_PHRASES: Final = 4_096


def write_orders(folder: Path, *, rows: int, files: int = 1) -> list[Path]:
    """Write `rows` rows in all into `files` files of `folder`, in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"orders-{n:04}.csv" for n in range(files)]
    with closing(duckdb.connect(":memory:")) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(_SETUP)
        for n, path in enumerate(paths):
            first, end = rows * n // files, rows * (n + 1) // files
            query = _records(f"range({first}, {end}) t(place)")
            con.execute(f"COPY ({query}) TO '{str(path).replace(chr(39), chr(39) * 2)}' (HEADER)")
    return paths


def _listed(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


_phrase_words = ", ".join(f"pick({_listed(_WORDS)}, n, {salt})" for salt in range(30, 34))
_SETUP: Final = f"""
CREATE MACRO once(n, salt) AS (n * 48271 + salt * 7919 + 12345) % {_PRIME};
CREATE MACRO twice(x) AS (xor(x, x >> 11) * 69621) % {_PRIME};
CREATE MACRO mix(n, salt, below) AS (twice(twice(once(n, salt))) >> 4) % below;
CREATE MACRO pick(list, n, salt) AS list[1 + mix(n, salt, len(list))];
SET VARIABLE phrases = (SELECT list(concat_ws(' ', {_phrase_words}) ORDER BY n)
    FROM range({_PHRASES}) t(n));
"""


def _records(places: str) -> str:
    """The records at `places` (a table of one column, `place`), each column as text.

    Of 20 places 18 are new orders, one repeats an order's row, one is its newer version.
    """
    fresh = "(place // 20) * 18 + least(place % 20, 17)"
    back = f"(1 + mix(place, 1, CASE place // 20 % 2 WHEN 0 THEN {_NEAR} ELSE {_FAR} END))"
    numbered = (
        f"SELECT CASE WHEN place % 20 < 18 THEN {fresh} "
        f"ELSE greatest({fresh} - {back}, 0) END AS id, "
        f"CASE WHEN place % 20 = 19 THEN 1 ELSE 0 END AS version FROM {places}"
    )
    drawn = (
        "SELECT id, version, id * 2 + version AS n, "
        "TIMESTAMP '2026-06-01' + to_seconds(mix(id, 2, 30) * 86400 + mix(id, 3, 86400)) AS made, "
        f"mix(id * 2 + version, 4, 1000) AS luck, mix(id, 5, 10) AS written, "
        f"mix(id * 2 + version, 6, 100) AS noted FROM ({numbered})"
    )
    texts = ", ".join(f"nullif({_TEXTS[name]}, '') AS {name}" for name in COLUMNS)
    return f"SELECT {texts} FROM ({drawn})"


def _phrase(salt: int) -> str:
    return f"getvariable('phrases')[1 + mix(n, {salt}, {_PHRASES})]"


_NOTE: Final = f"""
CASE WHEN noted < 50 THEN ''
    WHEN noted < 60 THEN {_phrase(20)} || ', ' || {_phrase(21)}
    WHEN noted < 68 THEN 'said "' || {_phrase(20)} || '", ' || {_phrase(22)}
    WHEN noted < 84 THEN {_phrase(20)} || chr(10) || {_phrase(21)} || ' ' || {_phrase(22)}
    ELSE {_phrase(20)} || ' ' || {_phrase(21)} || ' ' || {_phrase(22)}
END
"""
_TEXTS: Final = {
    "order_id": "CASE luck WHEN 0 THEN '' WHEN 1 THEN 'A' || id "
    "ELSE CAST(10000000 + id AS VARCHAR) END",
    "customer_id": "CASE WHEN luck IN (2, 3) THEN CAST(mix(id, 7, 500000) AS VARCHAR) || '.5' "
    "ELSE CAST(1 + mix(id, 7, 500000) AS VARCHAR) END",
    "created_at": "CASE WHEN luck BETWEEN 4 AND 8 THEN '2026-02-30 10:00:00' "
    f"WHEN written < 7 THEN strftime(made, '{FORMATS[0]}') "
    f"WHEN written < 9 THEN strftime(made, '{FORMATS[1]}') "
    f"ELSE strftime(made, '{FORMATS[2]}') END",
    "updated_at": "CASE WHEN luck = 9 THEN 'yesterday' ELSE strftime("
    f"made + to_seconds(mix(n, 8, 3600) + version * 90000), '{FORMATS[0]}') END",
    "status": "CASE WHEN luck BETWEEN 10 AND 13 THEN 'LOST' "
    f"ELSE pick({_listed(STATUSES)}, n, 9) END",
    "country": f"CASE luck WHEN 25 THEN 'N/A' ELSE pick({_listed(_COUNTRIES)}, id, 10) END",
    "currency": "CASE luck WHEN 26 THEN '' ELSE pick(['EUR', 'USD', 'GBP'], id, 11) END",
    "quantity": "CASE WHEN luck BETWEEN 14 AND 16 THEN '0' WHEN luck BETWEEN 17 AND 19 THEN 'two' "
    "WHEN luck = 27 THEN '  3' ELSE CAST(1 + mix(n, 12, 9) AS VARCHAR) END",
    "unit_price": "CASE WHEN luck BETWEEN 20 AND 22 THEN '12,50' "
    "WHEN luck BETWEEN 23 AND 24 THEN '' WHEN luck = 28 THEN '19.90 ' "
    "ELSE printf('%d.%02d', 1 + mix(n, 13, 400), mix(n, 14, 100)) END",
    "discount": "CASE WHEN luck = 29 THEN 'NULL' WHEN mix(n, 15, 10) < 6 THEN '' "
    "ELSE '0.' || (1 + mix(n, 16, 9)) END",
    "customer": f"pick({_listed(_NAMES)}, id, 17) || CASE WHEN mix(id, 18, 4) = 0 THEN ', ' "
    "ELSE ' ' END || chr(CAST(65 + mix(id, 19, 26) AS INTEGER)) || '.'",
    "note": _NOTE,
}
