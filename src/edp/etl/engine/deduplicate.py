"""Deduplication: of records of one file that are equal in all cells, the first stays.

Equal means equal as text, after outer white space and null tokens; NULL equals NULL.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations


def duplicates_sql(table: str, width: int) -> str:
    """The query for the rows (`row`, `f`) of `table` that repeat an earlier row of their file.

    Hashes find the few candidates; only those are compared in full.
    """
    texts = ", ".join(f"c{n}" for n in range(width))
    return (
        f"SELECT row, f FROM (SELECT rowid AS row, f, "
        f"row_number() OVER (PARTITION BY f, {texts} ORDER BY rowid) AS nth FROM {table} "
        f"WHERE hash(f, {texts}) IN (SELECT hash(f, {texts}) FROM {table} "
        f"GROUP BY 1 HAVING count(*) > 1)) WHERE nth > 1"
    )
