"""Masking: values that must not be read leave the engine as a keyed hash, cut short, or not at all.

A mask is over the value as text, in the table and in the rejects alike; equal values have equal
hashes under one key. The key is in the connection only while rows are written.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from edp.core.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.etl.engine.columns import Cell

WITHHELD: Final = "(withheld: the record may hold a masked column)"
_PLAIN: Final = '[^",\r\n]*'
_BLOCK: Final = 64  # bytes, of SHA-256


def masked(contract: Dataset) -> bool:
    """Whether any column of the dataset is masked."""
    return any(column.mask for column in contract.columns.values())


def mask_sql(text: str, method: str) -> str:
    """`text` (SQL) masked; NULL stays NULL. `sha256` needs `keyed`."""
    if method == "drop":
        return "CAST(NULL AS VARCHAR)"
    if method == "last4":
        return (
            f"CASE WHEN length({text}) > 4 THEN '****' || right({text}, 4) ELSE {_stars(text)} END"
        )
    inner = f"sha256(getvariable('edp_inner') || encode({text}))"
    return f"sha256(getvariable('edp_outer') || unhex({inner}))"


def _stars(text: str) -> str:
    return f"CASE WHEN {text} IS NOT NULL THEN '****' END"


@contextmanager
def keyed(con: DuckDBPyConnection, key: str) -> Iterator[None]:
    """HMAC-SHA256 (RFC 2104) with `key` is at hand."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    pads: Mapping[str, int] = {"edp_inner": 0x36, "edp_outer": 0x5C}
    for name, pad in pads.items():
        con.execute(f"SET VARIABLE {name} = unhex('{bytes(b ^ pad for b in secret).hex()}')")
    try:
        yield
    finally:
        for name in pads:
            con.execute(f"RESET VARIABLE {name}")


def record_sql(width: int, cells: Sequence[Cell]) -> str:
    """A record written again from its texts (c0, c1, ...), as CSV, its masked cells masked."""
    methods = {cell.place: cell.mask for cell in cells if cell.mask}
    fields = []
    for place in range(width):
        text = f"c{place}"
        if method := methods.get(place):
            text = mask_sql(text, method)
        quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
        plain = f"regexp_full_match({text}, {literal(_PLAIN)})"
        fields.append(f"coalesce(CASE WHEN {plain} THEN {text} ELSE {quoted} END, '')")
    return " || ',' || ".join(fields)


def value_sql(column_name: str, value: str, cells: Sequence[Cell]) -> str:
    """A reject's `value` (SQL), masked where its column is."""
    whens = "".join(
        f" WHEN {literal(cell.name)} THEN {mask_sql(value, cell.mask)}"
        for cell in cells
        if cell.mask
    )
    return f"CASE {column_name}{whens} ELSE {value} END" if whens else value
