"""Offering: what a column may be beside what its texts fit, where its file has types of its own.

A JSON string is no number, however it looks; a Parquet column is of its own type, or of one that
all its values can be cast to without loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core import parquet
from edp.core.types import Admits
from edp.etl.engine.header import Columns, Objects
from edp.etl.engine.objects import NESTED, STRING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.etl.engine.columns import Cell
    from edp.etl.engine.header import Source

_JSON: Final = frozenset({"json", "string"})
_MOMENTS: Final = frozenset({"timestamp:mdy", "timestamp:dmy", "string"})
_JSON_STRING: Final = _MOMENTS | {"date:mdy", "date:dmy", "timestamptz"}
_WHOLE: Final = frozenset({"bigint", "string"})
_BY_TEXT: Final = {
    "TIMESTAMP_NS": _MOMENTS,
    "UBIGINT": _WHOLE,
    "HUGEINT": _WHOLE,
    "UHUGEINT": _WHOLE,
}
"""Types wider than ours: the values decide whether they fit."""


def offered(
    sources: Sequence[Source],
    cells: Sequence[Cell],
    admits: Mapping[int, Mapping[str, Admits]],
) -> dict[int, Mapping[str, Admits]]:
    """`admits`, by number of the file and column name, as far as the files' own types allow.

    `cells` are the files' own columns.
    """
    found = dict(admits)
    for source in sources:
        n = source.snapshot.number
        if n in found and isinstance(source.header.layout, Objects | Columns):
            allowed = {
                cell.name: _allowed(source, cell.place, found[n][cell.name])
                for cell in cells
                if cell.known is None
                and cell.place < source.header.width
                and found[n].get(cell.name, Admits()).types is not None
            }
            found[n] = {**found[n], **allowed}
    return found


def _allowed(source: Source, place: int, texts: Admits) -> Admits:
    """What the column at `place` admits, whose `texts` admit that much."""
    layout = source.header.layout
    if isinstance(layout, Columns):
        kind = layout.types[place]
        if parquet.is_nested(kind):
            return Admits(_JSON)
        if own := parquet.stored(kind):
            return Admits(own.admits)
        return texts & Admits(_BY_TEXT.get(kind, frozenset({"string"})))
    kinds = source.objects.kinds[place] if source.objects else frozenset()
    if NESTED in kinds:
        return Admits(_JSON if len(kinds) == 1 else frozenset({"string"}))
    return texts & Admits(_JSON_STRING) if STRING in kinds else texts
