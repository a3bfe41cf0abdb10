"""Inference: for each file and column, the types that all its texts fit.

The first records of each file drop most types, so that the pass over all records tests only
what is left, and leaves alone the columns that are text already.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from edp.core.sql import MEMBERS, YEAR_FIRST, admits, classify_sql
from edp.core.types import Admits, declared_admits

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

    `rows` is a query (columns row, f, c0, c1, ...) for the records that count. A column whose type
    is known admits that.
    """
    first = _sample(con, rows, cells)
    left = {cell: _STRING if cell.known else _union(first.get(cell.place, ())) for cell in cells}
    bits = ", ".join(["f", *(_bits(cell, candidates) for cell, candidates in left.items())])
    query = f"SELECT {bits} FROM ({rows}) GROUP BY f"
    return {
        number: {cell.name: _admits(cell, mask) for cell, mask in zip(cells, masks, strict=True)}
        for number, *masks in con.execute(query).fetchall()
    }


def _sample(
    con: DuckDBPyConnection, rows: str, cells: Sequence[Cell]
) -> Mapping[int, list[int | None]]:
    """What each file's first texts admit, by place of the column.

    One expression for all columns: planning one for each costs more than looking at the texts.
    """
    open_ = [cell for cell in cells if cell.known is None]
    if not open_:
        return {}
    places = ", ".join(str(cell.place) for cell in open_)
    texts = ", ".join(cell.text for cell in open_)
    starts = f"SELECT f, min(row) AS start FROM ({rows}) GROUP BY f"
    sample = (
        f"SELECT r.* FROM ({rows}) r JOIN ({starts}) s USING (f) WHERE r.row < s.start + {_SAMPLE}"
    )
    query = (
        f"SELECT place, bit_and({classify_sql('t', _ALL)}) "
        f"FROM (SELECT f, unnest([{places}]) AS place, unnest([{texts}]) AS t FROM ({sample})) "
        "GROUP BY f, place"
    )
    found: dict[int, list[int | None]] = defaultdict(list)
    for place, mask in con.execute(query).fetchall():
        found[place].append(mask)
    return found


def _bits(cell: Cell, candidates: int) -> str:
    """What the texts of one file in this column admit of the `candidates`; NULL without texts."""
    if candidates & ~(_STRING | YEAR_FIRST):
        return f"bit_and({classify_sql(cell.text, candidates)})"
    return f"CASE WHEN count({cell.text}) > 0 THEN {_STRING | YEAR_FIRST} END"


def _union(masks: Iterable[int | None]) -> int:
    """Every type that some file's first texts leave; all types where a file showed none."""
    union = 0
    for mask in masks:
        union |= _ALL if mask is None else mask
    return union


def _admits(cell: Cell, mask: int | None) -> Admits:
    if cell.known is None or mask is None:
        return admits(mask)
    return declared_admits(cell.known)
