"""A file's columns: where their texts are, what they are called in the table, what is declared.

Contracts name a column as the table would or as the file does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edp.core.contract import Column
from edp.core.errors import UnreadableFile
from edp.core.names import column_names, normalise
from edp.core.types import is_nested, is_plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.contract import Dataset

_ANY: Final = Column()
_NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Cell:
    """The place of a column (0 for the file's first), its names, and what it must be.

    `type` is None where the contract gives none. Then `fixed` may be the type that the table has:
    values have to fit it, and are text up to the very end, as where the type is inferred. `rank` is
    its place in the contract, which decides the column that a reject names. `rules` is what else is
    declared. `unknown` marks a column that the contract wants no value in.
    """

    place: int
    name: str
    original: str
    type: str | None = None
    required: bool = False
    rank: int = 0
    rules: Column = field(default=_ANY, compare=False)
    unknown: bool = False
    fixed: str | None = None

    @property
    def known(self) -> str | None:
        """The type that its values have to fit; None where it is inferred."""
        return self.type or self.fixed

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


def columns(
    header: Sequence[str], contract: Dataset, fixed: Mapping[str, str] = _NONE
) -> list[Cell]:
    """The columns of the table that files with this header have, in the file's order.

    `fixed` are types of the table, by its columns.
    Raises: UnreadableFile when two of them would have one name, or when a column is not
    declared and the contract wants none of that.
    """
    cells = []
    unknown = []
    for place, (name, original) in enumerate(zip(column_names(header), header, strict=True)):
        rank, declared = _declared(name, original.strip(), contract)
        if declared is not None:
            wanted = _table_name(name, rank, declared, contract)
            kind, own = _types(wanted, declared, fixed)
            cells.append(
                Cell(
                    place,
                    wanted,
                    original,
                    kind,
                    declared.required,
                    rank,
                    rules=declared,
                    fixed=own,
                )
            )
        elif contract.columns and contract.unknown_columns == "ignore":
            continue
        else:
            unknown.append(original)
            rank = len(contract.columns) + place
            refused = bool(contract.columns) and contract.unknown_columns == "reject"
            kind, own = (None, None) if refused else _types(name, _ANY, fixed)
            cells.append(Cell(place, name, original, kind, rank=rank, unknown=refused, fixed=own))
    if unknown and contract.columns and contract.unknown_columns == "fail":
        raise UnreadableFile(f"columns that are not declared: {', '.join(unknown)}; declare them")
    _check_once(cells, contract)
    return cells


def untrimmed(cells: Sequence[Cell]) -> frozenset[int]:
    """The places of columns whose outer white space stays."""
    return frozenset(cell.place for cell in cells if not cell.rules.trim)


def json_names(
    header: Sequence[str], contract: Dataset, fixed: Mapping[str, str] = _NONE
) -> frozenset[str]:
    """The names in `header` of columns whose known type is read from JSON, quotes and all."""
    declared = [column.type or "string" for column in contract.columns.values()]
    if all(map(is_plain, [*declared, *fixed.values()])):
        return frozenset()
    found = set()
    for name, original in zip(column_names(header), header, strict=True):
        rank, column = _declared(name, original.strip(), contract)
        wanted = name if column is None else _table_name(name, rank, column, contract)
        kind, own = _types(wanted, column or _ANY, fixed)
        if not is_plain(kind or own or "string"):
            found.add(original)
    return frozenset(found)


def json_places(cells: Sequence[Cell]) -> frozenset[int]:
    """The places of columns in which JSON's null is nothing, as a CSV file may have it."""
    return frozenset(cell.place for cell in cells if not is_plain(cell.known or "string"))


def missing(cells: Sequence[Cell], contract: Dataset) -> list[str]:
    """The required columns that a file with these columns lacks."""
    ranks = {cell.rank for cell in cells}
    declared = enumerate(contract.columns.items())
    return [key for rank, (key, column) in declared if column.required and rank not in ranks]


def _table_name(name: str, rank: int, declared: Column, contract: Dataset) -> str:
    """The table's name of a declared column that the file may call by an alias."""
    return declared.rename or normalise(list(contract.columns)[rank]) or name


def _types(name: str, declared: Column, fixed: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The type that the contract gives the column, else that of the table.

    A nested type counts as given: its values are read before anything looks at them.
    """
    kind = declared.type or ("string" if declared.mask else None)
    own = None if kind else fixed.get(name)
    return (own, None) if own and is_nested(own) else (kind, own)


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
