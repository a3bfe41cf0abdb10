"""The least and the greatest value a column may hold."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from edp.core.contract.invalid import a, invalid

_WHOLE = re.compile(r"[+-]?\d{1,38}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,38}\.?\d{0,38}|\.\d{1,38})([eE][+-]?\d{1,3})?", re.ASCII)
_KINDS = {
    "int": ("whole number",),
    "bigint": ("whole number",),
    "double": ("number", "whole number"),
    "decimal": ("number", "whole number"),
    "date": ("date",),
    "timestamp": ("timestamp", "date"),
    "timestamptz": ("timestamp with offset",),
}


def _bound(value: object) -> int | Decimal | date | datetime:
    """A whole number, a number, a date or a timestamp (ISO 8601), from its text."""
    match value:
        case bool():
            pass
        case int() | Decimal() | date():
            return value
        case float():
            return Decimal(str(value))
        case str() if _WHOLE.fullmatch(value):
            return int(value)
        case str() if _NUMBER.fullmatch(value):
            return Decimal(value)
        case str():
            for read in (date.fromisoformat, datetime.fromisoformat):
                try:
                    return read(value)
                except ValueError:
                    continue
        case _:
            pass
    raise invalid("not a number, date or timestamp", "write e.g. 1, 0.5, 2025-09-02")


Bound = Annotated[
    int | Decimal | date | datetime,
    PlainValidator(_bound),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": ["number", "string"]}),
]


def kind(bound: int | Decimal | date) -> str:
    """What `bound` is.

    >>> kind(1), kind(Decimal("0.5")), kind(date(2025, 9, 2))
    ('whole number', 'number', 'date')
    """
    match bound:
        case datetime():
            return "timestamp with offset" if bound.tzinfo else "timestamp"
        case date():
            return "date"
        case int():
            return "whole number"
        case _:
            return "number"


def check(bound: int | Decimal | date, column_type: str, *, at: str) -> None:
    """Refuse the bound that setting `at` gives, where values of `column_type` have no such."""
    kinds = _KINDS.get(column_type.partition("(")[0])
    if kinds is None:
        raise invalid(f"{a(column_type)} column has no bounds", "remove it", at=(at,))
    if kind(bound) not in kinds:
        raise invalid(
            f"the bound of {a(column_type)} column is a {kinds[0]}", "write one", at=(at,)
        )
