"""Inference: for each file and column, the types that all its texts fit.

The first records of each file drop most types, so that the pass over all records tests only
what is left, and leaves alone the columns that are text already.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.sql import MEMBERS, YEAR_FIRST, admits, classify_sql
from edp.core.types import Admits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.columns import Cell

_SAMPLE: Final = 100
"""Records of each file that are looked at first."""
_STRING: Final = MEMBERS["string"]
_ALL: Final = sum(MEMBERS.values()) | YEAR_FIRST


def infer(
    con: DuckDBPyConnection, rows: str, cells: Sequence[Cell]
) -> Mapping[int, Mapping[str, Admits]]:
    """What the texts of each column admit: by number of the file, then by column name.

    `rows` is a query (columns row, f, c0, c1, ...) for the records that count. A declared column
    admits its type.
    """
    starts = f"SELECT f, min(row) AS start FROM ({rows}) GROUP BY f"
    sample = (
        f"SELECT r.* FROM ({rows}) r JOIN ({starts}) s USING (f) WHERE r.row < s.start + {_SAMPLE}"
    )
    open_ = [cell for cell in cells if cell.type is None]
    first = _masks(con, sample, [(cell, _ALL) for cell in open_])
    left = {
        cell: _union(masks[n] for masks in first.values()) & ~YEAR_FIRST
        for n, cell in enumerate(open_)
    }
    tested = [(cell, left.get(cell, _STRING)) for cell in cells]
    found = _masks(con, rows, tested)
    return {
        number: {
            cell.name: _admits(cell, mask) for (cell, _), mask in zip(tested, masks, strict=True)
        }
        for number, masks in found.items()
    }


def _masks(
    con: DuckDBPyConnection, rows: str, tested: Sequence[tuple[Cell, int]]
) -> dict[int, list[int | None]]:
    bits = [
        f"bit_and({classify_sql(cell.text, candidates)})"
        if candidates & ~_STRING
        else f"CASE WHEN count({cell.text}) > 0 THEN {_STRING | YEAR_FIRST} END"
        for cell, candidates in tested
    ]
    query = f"SELECT {', '.join(['f', *bits])} FROM ({rows}) GROUP BY f"
    return {number: list(masks) for number, *masks in con.execute(query).fetchall()}


def _union(masks: Iterable[int | None]) -> int:
    """Every type that some file's first texts leave; all types where a file showed none."""
    union = 0
    for mask in masks:
        union |= _ALL if mask is None else mask
    return union


def _admits(cell: Cell, mask: int | None) -> Admits:
    if cell.type is None or mask is None:
        return admits(mask)
    return Admits(frozenset({cell.type, "string"}))
