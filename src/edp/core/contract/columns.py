"""One column of a dataset: its type, its name in the table, and what its values may be."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edp.core.contract import bounds
from edp.core.contract.bounds import Bound
from edp.core.contract.datatype import ColumnType
from edp.core.contract.invalid import a, invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import Filled, Flag, Names, Texts
from edp.core.formats import problem
from edp.core.names import RESERVED, normalise
from edp.core.types import is_plain

_TIMES = ("date", "timestamp", "timestamptz")
_TEXTUAL = ("string", None)
_MASKABLE = (*_TEXTUAL, *_TIMES, "boolean", "int", "bigint")
_DIRECTIVE = re.compile(r"%-?(.?)", re.DOTALL)
_DIRECTIVES = frozenset("aAbBcdfgHIjmMnpSUwWxXyYzZ%")


def _column_name(name: str) -> str:
    if name in RESERVED:
        raise invalid("a column that every table has already", "take another name")
    if normalise(name) != name:
        raise invalid("not a column name", "use a-z, 0-9 and _, not starting with a digit")
    return name


def _formats(formats: tuple[str, ...]) -> tuple[str, ...]:
    for n, text in enumerate(formats):
        letters = _DIRECTIVE.findall(text)
        if not letters or not _DIRECTIVES.issuperset(letters) or "" in letters:
            raise invalid("not a date format", "write strptime's, e.g. '%d/%m/%Y %H:%M'", at=(n,))
    return formats


ColumnName = Annotated[
    str, AfterValidator(_column_name), Field(json_schema_extra={"pattern": "^[a-z_][a-z0-9_]*$"})
]
"""A name as tables have it."""


class Column(Settings):
    """What is declared about a column; without a `type` (None) it is inferred.

    `rename` is its name in the table, where that is not the normalised one.
    """

    type: ColumnType | None = None
    required: Flag = False
    formats: Annotated[Names, AfterValidator(_formats)] = ()
    rename: ColumnName | None = None
    aliases: Names = ()
    min: Bound | None = None
    max: Bound | None = None
    one_of: Texts = ()
    regex: Filled | None = None
    case: Literal["upper", "lower"] | None = None
    trim: Flag = True
    mask: Literal["sha256", "drop", "last4"] | None = None

    @model_validator(mode="after")
    def _agreeing(self) -> "Column":
        if self.formats and self.type not in _TIMES:
            way_out = f"give a type: {', '.join(_TIMES[:-1])} or {_TIMES[-1]}"
            raise invalid("for dates and timestamps", way_out, at=("formats",))
        for at in ("regex", "case"):
            if getattr(self, at) is not None and self.type not in _TEXTUAL:
                raise invalid(f"only for strings, not for {self.type}", "remove it", at=(at,))
        for at, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and self.type is not None:
                bounds.check(bound, self.type, at=at)
        if self.min is not None and self.max is not None and not _rising(self.min, self.max):
            raise invalid("nothing lies between min and max", "swap or change them", at=("max",))
        return self

    @model_validator(mode="after")
    def _each_possible(self) -> "Column":
        for at in ("min", "max"):
            if getattr(self, at) is not None and self.type is None:
                raise invalid("a bound of what?", "give the column a type", at=(at,))
        for n, text in enumerate(self.formats):
            if why := problem(text, self.type or ""):
                raise invalid(
                    f"not a format of a {self.type}: {why}", "change it", at=("formats", n)
                )
        exact = self.type in _MASKABLE or (self.type or "").startswith("decimal")
        if self.mask in ("sha256", "last4") and not exact:
            decimal = " or a decimal" if self.type == "double" else ""
            way_out = f"declare it as a string{decimal}, or drop it"
            raise invalid(f"{a(self.type or '')} has no one text to mask", way_out, at=("mask",))
        for n, one in enumerate(self.one_of):
            if self.case is not None and one != getattr(one, self.case)():
                way_out = f"write it in {self.case} case, as the values are"
                raise invalid("no value is ever this one", way_out, at=("one_of", n))
        return self

    @model_validator(mode="after")
    def _whole(self) -> "Column":
        if self.type is None or is_plain(self.type):
            return self
        if self.one_of:
            way_out = "remove it, and test a part of the value in `checks`"
            raise invalid(f"{a(self.type)} is not compared as a whole", way_out, at=("one_of",))
        if not self.trim:
            way_out = "remove it: white space around JSON means nothing"
            raise invalid("only for values that are text", way_out, at=("trim",))
        return self


def table_names(columns: Mapping[str, Column]) -> dict[str, str]:
    """The name in the table of each column in `columns`, refusing one that two have.

    Where nothing is left of a name its place in the file decides: it is empty here.

    >>> table_names({"Order ID": Column(), "amt": Column(rename="amount")})
    {'Order ID': 'order_id', 'amt': 'amount'}
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for key, column in columns.items():
        name = column.rename or normalise(key)
        if name in RESERVED:
            way_out = f"a file's own column of that name becomes {name}_2: write that"
            raise invalid("a column that every table has already", way_out, at=("columns", key))
        if name in taken:
            way_out = "remove one, or rename one"
            raise invalid(
                f"the same column of the table as '{taken[name]}'", way_out, at=("columns", key)
            )
        names[key] = name
        if name:
            taken[name] = key
    return names


def _rising(low: Bound, high: Bound) -> bool:
    try:
        return bool(low <= high)  # type: ignore[operator]
    except TypeError:  # of different kinds
        return False
