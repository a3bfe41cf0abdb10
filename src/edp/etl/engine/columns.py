"""A file's columns: where their texts are, what they are called in the table, what is declared.

Contracts name a column as the table would or as the file does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edp.core.contract import Column
from edp.core.errors import UnreadableFile
from edp.core.names import column_names, normalise
from edp.core.types import is_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.core.contract import Dataset

_ANY: Final = Column()


@dataclass(frozen=True)
class Cell:
    """The place of a column (0 for the file's first), its names, and what it must be.

    `type` is None where it is inferred. `rank` is its place in the contract, which decides the
    column that a reject names. `rules` is what else is declared. `unknown` marks a column that
    the contract wants no value in.
    """

    place: int
    name: str
    original: str
    type: str | None = None
    required: bool = False
    rank: int = 0
    rules: Column = field(default=_ANY, compare=False)
    unknown: bool = False

    @property
    def text(self) -> str:
        """The column of the engine's own tables that holds its texts."""
        return f"c{self.place}"

    @property
    def mask(self) -> str | None:
        """How its values are hidden."""
        return self.rules.mask

    @property
    def stays(self) -> bool:
        """Whether the table has it."""
        return not self.unknown and self.mask != "drop"


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
            wanted = declared.rename or _own_name(list(contract.columns)[rank], name)
            kind = declared.type or ("string" if declared.mask else None)
            cells.append(
                Cell(place, wanted, original, kind, declared.required, rank, rules=declared)
            )
        elif contract.columns and contract.unknown_columns == "ignore":
            continue
        else:
            unknown.append(original)
            rank = len(contract.columns) + place
            refused = bool(contract.columns) and contract.unknown_columns == "reject"
            cells.append(Cell(place, name, original, rank=rank, unknown=refused))
    if unknown and contract.columns and contract.unknown_columns == "fail":
        raise UnreadableFile(f"columns that are not declared: {', '.join(unknown)}; declare them")
    _check_once(cells, contract)
    return cells


def untrimmed(cells: Sequence[Cell]) -> frozenset[int]:
    """The places of columns whose outer white space stays."""
    return frozenset(cell.place for cell in cells if not cell.rules.trim)


def json_names(header: Sequence[str], contract: Dataset) -> frozenset[str]:
    """The names in `header` of columns whose declared type is read from JSON, quotes and all."""
    if all(is_plain(column.type or "string") for column in contract.columns.values()):
        return frozenset()
    declared = (
        (original, _declared(name, original.strip(), contract)[1])
        for name, original in zip(column_names(header), header, strict=True)
    )
    return frozenset(
        original
        for original, column in declared
        if column and not is_plain(column.type or "string")
    )


def json_places(cells: Sequence[Cell]) -> frozenset[int]:
    """The places of columns in which JSON's null is nothing, as a CSV file may have it."""
    return frozenset(cell.place for cell in cells if not is_plain(cell.type or "string"))


def missing(cells: Sequence[Cell], contract: Dataset) -> list[str]:
    """The required columns that a file with these columns lacks."""
    ranks = {cell.rank for cell in cells}
    declared = enumerate(contract.columns.items())
    return [key for rank, (key, column) in declared if column.required and rank not in ranks]


def _own_name(key: str, name: str) -> str:
    """The declared name of a column that the file may call by an alias."""
    return normalise(key) or name


def _declared(name: str, original: str, contract: Dataset) -> tuple[int, Column | None]:
    aliased = None
    for rank, (key, column) in enumerate(contract.columns.items()):
        if _is(key, name, original):
            return rank, column
        if aliased is None and any(_is(alias, name, original) for alias in column.aliases):
            aliased = rank, column
    return aliased or (0, None)


def _is(key: str, name: str, original: str) -> bool:
    return normalise(key) == name or (not normalise(key) and key.strip() == original)


def _check_once(cells: Sequence[Cell], contract: Dataset) -> None:
    seen: dict[str, str] = {}
    for cell in cells:
        if cell.unknown:
            continue
        if cell.name in seen:
            raise UnreadableFile(
                f"columns {seen[cell.name]!r} and {cell.original!r} would both be {cell.name!r}; "
                "change `rename` or `aliases`"
            )
        if cell.name in contract.derive:
            raise UnreadableFile(
                f"column {cell.original!r} is in its header, and `derive` makes one of that name; "
                "rename either"
            )
        seen[cell.name] = cell.original
