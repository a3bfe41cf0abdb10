"""Column types: what a file's texts admit, what a table's column is, and which casts are exact.

For each file and column the engine notes the set of types that *all* non-null texts fit. The
column's type is the most specific one in the intersection over the live files, so it does not
depend on the order in which files came. Dates whose year comes last have two readings, month
first (`mdy`) and day first (`dmy`); a set holds a reading as its own member.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from edp.core.nested import parsed, spelled, widened

if TYPE_CHECKING:
    from collections.abc import Iterable

ADMISSIBLE: Final = (
    "boolean",
    "bigint",
    "double",
    "date:mdy",
    "date:dmy",
    "timestamp:mdy",
    "timestamp:dmy",
    "timestamptz",
    "string",
)
"""Every member that a set of admitted types can have from text, most specific first."""


@dataclass(frozen=True)
class Admits:
    """What the texts of one column fit, in one file or in several.

    `types` is None where there was no text at all: such a file admits every type.
    `year_last` says that some text had its year last, so that a date needs a reading.
    """

    types: frozenset[str] | None = None
    year_last: bool = False

    def __and__(self, other: Admits) -> Admits:
        """What both admit.

        >>> sorted((Admits(frozenset({"bigint", "string"})) & Admits()).types)
        ['bigint', 'string']
        >>> one, other = declared_admits("array<int>"), declared_admits("array<bigint>")
        >>> (one & other).resolved
        'array<bigint>'
        """
        year_last = self.year_last or other.year_last
        if self.types is None or other.types is None:
            return Admits(other.types if self.types is None else self.types, year_last)
        both = self.types & other.types
        for one, two in product(_nested(self.types), _nested(other.types)):
            both |= {_widened(one, two)}
        return Admits(both, year_last)

    @property
    def resolved(self) -> str:
        """The most specific admitted type; `date` and `timestamp` carry a reading if they need one.

        >>> Admits(frozenset({"date:mdy", "timestamp:mdy", "string"}), year_last=True).resolved
        'date:mdy'
        >>> both = frozenset({"date:mdy", "date:dmy", "timestamp:mdy", "timestamp:dmy", "string"})
        >>> Admits(both, year_last=True).resolved, Admits(both).resolved, Admits().resolved
        ('string', 'date', 'string')
        """
        if not self.types:
            return "string"
        if others := self.types.difference(ADMISSIBLE):
            # from Parquet, such as decimal(10,2), or declared; of those, JSON says least
            return min(others - {"json"}, default="json")
        for name in ADMISSIBLE:
            if name not in self.types:
                continue
            kind, _, reading = name.partition(":")
            if not reading:
                return name
            if f"{kind}:mdy" in self.types and f"{kind}:dmy" in self.types:
                return "string" if self.year_last else kind
            return name if self.year_last else kind
        raise AssertionError("every name was tried")


def intersection(admits: Iterable[Admits]) -> Admits:
    """What all of `admits` have in common; every type when there are none."""
    common = Admits()
    for one in admits:
        common = common & one
    return common


def _nested(types: Iterable[str]) -> list[str]:
    return [name for name in types if is_nested(name)]


def _widened(one: str, other: str) -> str:
    """The nested type in which values of both have a place; JSON where there is no other."""
    return spelled(widened(parsed(one), parsed(other), _common))


def _common(one: str, other: str) -> str:
    """The type of a part that is of one type here and of another there."""
    if "json" in (one, other):
        return "json"
    return (declared_admits(one) & declared_admits(other)).resolved


_DECLARED: Final = {
    "int": frozenset({"int", "bigint", "double", "string"}),
    "date": frozenset({"date:mdy", "date:dmy", "timestamp:mdy", "timestamp:dmy", "string"}),
    "timestamp": frozenset({"timestamp:mdy", "timestamp:dmy", "string"}),
    "date:mdy": frozenset({"date:mdy", "timestamp:mdy", "string"}),
    "date:dmy": frozenset({"date:dmy", "timestamp:dmy", "string"}),
}


def declared_admits(kind: str) -> Admits:
    """What a column admits whose type is said beforehand: that type, and wider ones.

    A nested value is JSON, too. A reading of dates stays.

    >>> declared_admits("date").resolved, declared_admits("int").resolved
    ('date', 'int')
    >>> declared_admits("date:dmy").resolved
    'date:dmy'
    >>> (declared_admits("array<int>") & declared_admits("json")).resolved
    'json'
    >>> (declared_admits("bigint") & Admits(frozenset({"string"}))).resolved
    'string'
    """
    json = {"json"} if is_nested(kind) else set()
    types = _DECLARED.get(kind, frozenset({kind, "string"} | json))
    return Admits(types, year_last=bool(parted(kind)[1]))


def is_plain(name: str) -> bool:
    """Whether values of the type have no parts.

    >>> is_plain("decimal(10,2)"), is_plain("json"), is_plain("array<int>")
    (True, False, False)
    """
    return name != "json" and not is_nested(name)


def is_nested(name: str) -> bool:
    """Whether it is an array or a struct.

    >>> is_nested("array<int>"), is_nested("json")
    (True, False)
    """
    return "<" in name


def parted(resolved: str) -> tuple[str, str]:
    """The type, and the reading of its dates where it has one.

    >>> parted("timestamp:mdy"), parted("struct<a: int>")
    (('timestamp', 'mdy'), ('struct<a: int>', ''))
    """
    kind, _, reading = resolved.rpartition(":")
    return (kind, reading) if reading in ("mdy", "dmy") else (resolved, "")


def public(resolved: str) -> str:
    """The type as the catalog shows it, without a reading.

    >>> public("timestamp:mdy"), public("bigint")
    ('timestamp', 'bigint')
    """
    return parted(resolved)[0]


_VALUE_KEEPS_TEXT = frozenset(
    {
        ("bigint", "double"),  # admitted only within 2**53
        ("bigint", "string"),  # the grammar is the canonical text
        ("double", "bigint"),
        ("date", "timestamp"),
        ("timestamp", "date"),
        ("json", "string"),  # unchanged
    }
)


def castable(stored: str, wanted: str, admits: Admits) -> bool:
    """Whether a cast from `stored` gives exactly what the source text means as `wanted`.

    `admits` is what the texts of that file admit; a file without any text can be cast to
    anything, and none can be cast to a type it does not admit.

    >>> castable("bigint", "string", Admits(frozenset({"bigint", "string"})))
    True
    >>> castable("double", "string", Admits(frozenset({"double", "string"})))  # '1.50' is 1.5 now
    False
    """
    if admits.types is None or stored == wanted:
        return True
    if not admits.types & {wanted, f"{wanted}:mdy", f"{wanted}:dmy"}:
        return False
    if stored == "string":
        return not is_nested(wanted)  # whose texts are the engine's to read
    kind, reading = parted(stored)
    wanted_kind, wanted_reading = parted(wanted)
    if reading and admits.year_last and wanted_kind in ("date", "timestamp"):
        same_reading = reading == wanted_reading
    else:
        same_reading = True
    return same_reading and (kind == wanted_kind or (kind, wanted_kind) in _VALUE_KEEPS_TEXT)
