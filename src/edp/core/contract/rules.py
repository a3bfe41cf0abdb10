"""Rules of one's own: which events people are told of, beside those that they always are."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import number
from edp.core.patterns import compiled

_NAME = re.compile(r"(?!edp-)[a-z][a-z0-9-]{0,62}")
_FLAGS = {"true": True, "false": False}


def _rule_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid(
            "not a name for a rule", "take a-z, 0-9 and -, a letter first, and not edp- in front"
        )
    return name


RuleName = Annotated[
    str, AfterValidator(_rule_name), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})
]
"""A name that a rule of one's own can have."""


def _pattern(value: object) -> Mapping[str, Any]:
    """An event pattern, from a mapping whose words are texts, or from JSON as AWS has it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise invalid(
                "not JSON", 'write a mapping, or JSON such as {"source": ["edp"]}'
            ) from None
    else:
        value = _typed(value)
    if not isinstance(value, Mapping):
        raise invalid("not a pattern", "write e.g. {detail-type: [EDP Schema Change]}")
    try:
        compiled(value)
    except ValueError as error:
        raise invalid("not a pattern", str(error)) from None
    return value


def _typed(value: object, kind: str = "") -> object:
    """Numbers for `numeric` and a flag for `exists`; all other words of edp.yaml are text."""
    match value:
        case Mapping():
            return {name: _typed(inner, str(name)) for name, inner in value.items()}
        case list() | tuple():
            return [_typed(inner, kind) for inner in value]
        case str() if kind == "exists":
            return _FLAGS.get(value, value)
        case str() if kind == "numeric" and value not in ("=", "<", "<=", ">", ">="):
            return number(value)
        case _:
            return value


class EventRule(Settings):
    """Events that fit `pattern` are told as alerts of this `severity`."""

    pattern: Annotated[
        Mapping[str, Any],
        PlainValidator(_pattern),
        WithJsonSchema({"type": ["object", "string"]}),
    ] = Field(examples=['{detail-type: ["EDP Schema Change"]}'])
    target: Literal["alerts"] = "alerts"
    severity: Literal["critical", "error", "warning", "info"] = "warning"
