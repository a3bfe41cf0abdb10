"""A file's columns: where their texts are, what they are called in the table, what is declared.

Contracts name a column as the table would or as the file does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core.errors import UnreadableFile
from edp.core.names import column_names, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.contract import Column, Dataset


@dataclass(frozen=True)
class Cell:
    """The place of a column (0 for the file's first), its names, and what it must be.

    `type` is None where it is inferred. `rank` is its place in the contract, which decides the
    column that a reject names.
    """

    place: int
    name: str
    original: str
    type: str | None = None
    required: bool = False
    rank: int = 0

    @property
    def text(self) -> str:
        """The column of the engine's own tables that holds its texts."""
        return f"c{self.place}"


def columns(header: Sequence[str], contract: Dataset) -> list[Cell]:
    """The columns of the table that files with this header have, in the file's order.

    Raises: UnreadableFile when two of them would have one name, or when a column is not
    declared and the contract wants none of that.
    """
    cells = []
    unknown = []
    for place, (name, original) in enumerate(zip(column_names(header), header, strict=True)):
        rank, declared = _declared(name, original.strip(), contract)
        if declared is not None:
            wanted = declared.rename or name
            cells.append(Cell(place, wanted, original, declared.type, declared.required, rank))
        elif contract.columns and contract.unknown_columns == "ignore":
            continue
        else:
            unknown.append(original)
            cells.append(Cell(place, name, original, rank=len(contract.columns) + place))
    if unknown and contract.columns and contract.unknown_columns == "fail":
        raise UnreadableFile(f"columns that are not declared: {', '.join(unknown)}; declare them")
    _check_once(cells)
    return cells


def missing(cells: Sequence[Cell], contract: Dataset) -> list[str]:
    """The required columns that a file with these columns lacks."""
    ranks = {cell.rank for cell in cells}
    declared = enumerate(contract.columns.items())
    return [key for rank, (key, column) in declared if column.required and rank not in ranks]


def _declared(name: str, original: str, contract: Dataset) -> tuple[int, Column | None]:
    for rank, (key, column) in enumerate(contract.columns.items()):
        if normalise(key) == name or (not normalise(key) and key.strip() == original):
            return rank, column
    return 0, None


def _check_once(cells: Sequence[Cell]) -> None:
    seen: dict[str, str] = {}
    for cell in cells:
        if cell.name in seen:
            raise UnreadableFile(
                f"columns {seen[cell.name]!r} and {cell.original!r} would both be {cell.name!r}; "
                "change `rename`"
            )
        seen[cell.name] = cell.original
