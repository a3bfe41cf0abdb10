"""The kinds of scalar that settings hold, each with its unit.

`edp.yaml` gives every scalar as text, and the setting decides what the text means; from Python
the value itself is taken as well.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from edp.core.contract.invalid import invalid

T = TypeVar("T")

_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(ms|s|min|h|d)", re.ASCII)
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3_600),
    "d": Decimal(86_400),
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(?:([kmgt]?)(i?)b)?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def duration(text: str) -> timedelta:
    """The span of time that `text` names: a number and ms, s, min, h or d.

    >>> duration("5min"), duration("1.5s")
    (datetime.timedelta(seconds=300), datetime.timedelta(seconds=1, microseconds=500000))
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise invalid(
            "not a duration",
            "write a number and ms, s, min, h or d, e.g. 100ms, 1s, 5min, 24h, 90d",
        )
    try:
        return timedelta(microseconds=int(Decimal(match[1]) * _SECONDS[match[2]] * 1_000_000))
    except OverflowError:
        raise invalid("longer than Python can count", "write a shorter time, e.g. 90d") from None


def duration_text(span: timedelta) -> str:
    """The text that names `span`, in the greatest unit that holds it whole.

    >>> duration_text(timedelta(hours=24)), duration_text(timedelta(seconds=90))
    ('1d', '90s')
    """
    microseconds = span // timedelta(microseconds=1)
    for unit, seconds in reversed(_SECONDS.items()):
        count, rest = divmod(microseconds, int(seconds * 1_000_000))
        if not rest:
            return f"{count}{unit}"
    return f"{Decimal(microseconds) / 1000}ms"


def size(text: str) -> int:
    """The bytes that `text` names; kB, MB, GB, TB count in thousands, KiB and so on in 1024s.

    >>> size("4GB"), size("2GiB"), size("1.5 kB"), size("100")
    (4000000000, 2147483648, 1500, 100)
    """
    match = _SIZE.fullmatch(text)
    if not match or (match[3] and not match[2]):
        raise invalid(
            "not a size", "write a number and B, kB, MB, GB, TB or KiB, MiB, GiB, TiB, e.g. 256MB"
        )
    step = 1024 if match[3] else 1000
    return int(Decimal(match[1]) * step ** _POWERS[(match[2] or "").lower()])


def whole(text: str) -> int:
    """The whole number that `text` is."""
    if not _WHOLE.fullmatch(text):
        raise invalid("not a whole number", "write digits only, e.g. 10")
    return int(text)


def number(text: str) -> float:
    """The number that `text` is."""
    if not _NUMBER.fullmatch(text):
        raise invalid("not a number", "write e.g. 0.5")
    return float(text)


def flag(text: str) -> bool:
    """Whether `text` says true; yes, no, on and off are only words."""
    if text not in _FLAGS:
        raise invalid("not true or false", "write true or false")
    return _FLAGS[text]


def _text_or(kind: type[T], read: Callable[[str], T]) -> BeforeValidator:
    """Read text with `read`, let a `kind` through, and tell everything else what to write."""

    def take(value: object) -> object:
        if type(value) is not bool and isinstance(value, kind):
            return value
        return read(value if isinstance(value, str) else "")

    return BeforeValidator(take, json_schema_input_type=str)


def _flag(value: object) -> object:
    return value if isinstance(value, bool) else flag(value if isinstance(value, str) else "")


def _filled(text: str) -> str:
    if not text.strip():
        raise invalid("empty", "write a text, or remove the setting")
    return text


def _distinct(texts: tuple[str, ...]) -> tuple[str, ...]:
    for n, text in enumerate(texts):
        if text in texts[:n]:
            raise invalid("given twice", "remove one", at=(n,))
    return texts


Duration = Annotated[
    timedelta,
    _text_or(timedelta, duration),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|min|h|d)$"}),
]
"""A span of time, from e.g. `100ms`, `1s`, `5min`, `24h`, `90d`."""

Size = Annotated[
    ByteSize,
    _text_or(int, size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["256MB", "2GiB"]}),
]
"""Bytes, from e.g. `256MB` (thousands) or `2GiB` (1024s)."""

Whole = Annotated[int, _text_or(int, whole)]
"""A whole number."""

Count = Annotated[Whole, Field(ge=1), WithJsonSchema({"type": "integer", "minimum": 1})]
"""A whole number from 1."""

Ratio = Annotated[
    float,
    _text_or((int, float), number),
    Field(ge=0, le=1, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
"""A share between 0 and 1."""

Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
"""true or false."""

Filled = Annotated[str, AfterValidator(_filled), WithJsonSchema({"type": "string", "minLength": 1})]
"""A text that is not blank."""

Texts = Annotated[tuple[str, ...], AfterValidator(_distinct)]
"""Different texts, in order."""

Names = Annotated[tuple[Filled, ...], AfterValidator(_distinct)]
"""Different names, in order; none of them blank."""
