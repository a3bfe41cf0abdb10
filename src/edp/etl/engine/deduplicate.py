"""Deduplication, among the records of one file.

exact   of records that are equal in all cells the first stays: equal as text, after outer
        white space and null tokens; NULL equals NULL
keys    of rows with equal keys the first or the last stays, in the stated order, then by
        their place in the file; a value that is missing in that order comes after all others
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def duplicates_sql(table: str, width: int) -> str:
    """The query for the rows (`row`, `f`) of `table` that repeat an earlier row of their file.

    Hashes find the few candidates; only those are compared in full.
    """
    texts = ", ".join(f"c{n}" for n in range(width))
    return (
        f'SELECT row, f FROM (SELECT "$row" AS row, f, '
        f'row_number() OVER (PARTITION BY f, {texts} ORDER BY "$row") AS nth FROM {table} '
        f"WHERE hash(f, {texts}) IN (SELECT hash(f, {texts}) FROM {table} "
        f"GROUP BY 1 HAVING count(*) > 1)) WHERE nth > 1"
    )


def same_key_sql(judged: str, keys: Sequence[str], order_by: Sequence[str], keep: str) -> str:
    """The query for the good rows (`row`, `f`) of `judged` that make way for one of their key.

    `keys` and `order_by` are columns of `judged`.
    """
    way = "DESC" if keep == "last" else "ASC"
    order = ", ".join([*(f"{column} {way} NULLS LAST" for column in order_by), f'"$row" {way}'])
    parts = ", ".join(['"$f"', *keys])
    return (
        f'SELECT "$row" AS row, "$f" AS f FROM (SELECT "$row", "$f", '
        f"row_number() OVER (PARTITION BY {parts} ORDER BY {order}) AS nth "
        f'FROM {judged} WHERE "$code" IS NULL) WHERE nth > 1'
    )
