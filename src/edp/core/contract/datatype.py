"""The types a column can be declared as, and their one spelling.

boolean int bigint double decimal(p,s) string date timestamp timestamptz json
array<TYPE>   struct<NAME: TYPE, ...>
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from edp.core.contract.invalid import invalid, nearest
from edp.core.nested import is_name

PLAIN: Final = frozenset(
    {"boolean", "int", "bigint", "double", "string", "date", "timestamp", "timestamptz", "json"}
)
_SHAPES = {"decimal": "decimal(18,2)", "array": "array<bigint>", "struct": "struct<id: bigint>"}
_ELSEWHERE = {  # what other systems call them
    "bool": "boolean",
    "byteint": "int",
    "char": "string",
    "datetime": "timestamp",
    "float": "double",
    "int32": "int",
    "int64": "bigint",
    "integer": "int",
    "list": "array<bigint>",
    "long": "bigint",
    "number": "decimal(18,2)",
    "numeric": "decimal(18,2)",
    "object": "json",
    "real": "double",
    "smallint": "int",
    "str": "string",
    "text": "string",
    "tinyint": "int",
    "varchar": "string",
}
_TOKEN = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*|\d+|"[^"]+"|[<>(),:])', re.ASCII)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MAX_DEPTH = 16
_MAX_PRECISION = 38


def canonical(text: str) -> str:
    """The one spelling of the type that `text` names.

    >>> canonical("Decimal( 10 ,2 )"), canonical('struct<a:INT,"b c":array< json >>')
    ('decimal(10,2)', 'struct<a: int, "b c": array<json>>')
    """
    tokens = _tokens(text)
    name = _type(tokens, depth=1)
    if tokens:
        raise invalid("text after the end of the type", "write one type, e.g. bigint")
    return name


def _tokens(text: str) -> list[str]:
    """The tokens of `text`, last one first."""
    tokens: list[str] = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise invalid("not a type", "write e.g. bigint, decimal(18,2) or array<string>")
        tokens.append(match[1])
        position = match.end()
    return tokens[::-1]


def _type(tokens: list[str], *, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise invalid(f"nested more than {_MAX_DEPTH} deep", "use json for the inner part")
    name = tokens.pop().lower() if tokens else ""
    if name in PLAIN:
        return name
    match name:
        case "decimal":
            return _decimal(tokens)
        case "array":
            _expect(tokens, "<", name)
            element = _type(tokens, depth=depth + 1)
            _expect(tokens, ">", name)
            return f"array<{element}>"
        case "struct":
            return f"struct<{', '.join(_fields(tokens, depth=depth))}>"
        case _:
            raise _unknown(name)


def _decimal(tokens: list[str]) -> str:
    _expect(tokens, "(", "decimal")
    precision = _digits(tokens)
    _expect(tokens, ",", "decimal")
    scale = _digits(tokens)
    _expect(tokens, ")", "decimal")
    if not (1 <= precision <= _MAX_PRECISION and scale <= precision):
        raise invalid(
            f"decimal(p,s) has p digits (1 to {_MAX_PRECISION}), and s of them are decimals",
            "write e.g. decimal(18,2)",
        )
    return f"decimal({precision},{scale})"


def _digits(tokens: list[str]) -> int:
    token = tokens.pop() if tokens else ""
    if not token.isdigit() or len(token) > 2:  # noqa: PLR2004 (38 is the greatest)
        raise _shape("decimal")
    return int(token)


def _fields(tokens: list[str], *, depth: int) -> list[str]:
    _expect(tokens, "<", "struct")
    fields: dict[str, str] = {}
    while True:
        name = tokens.pop().strip('"') if tokens and tokens[-1] not in "<>(),:" else ""
        if not name:
            raise _shape("struct")
        if not is_name(name):
            way_out = "take json for the struct"
            raise invalid("a field whose name holds a control character", way_out)
        if name.lower() in map(str.lower, fields):
            raise invalid(
                "a struct names a field twice", "give each its own name, whatever its case"
            )
        _expect(tokens, ":", "struct")
        fields[name] = _type(tokens, depth=depth + 1)
        if not tokens or tokens[-1] != ",":
            break
        tokens.pop()
    _expect(tokens, ">", "struct")
    return [f"{_quoted(n)}: {t}" for n, t in fields.items()]


def _quoted(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'


def _expect(tokens: list[str], token: str, name: str) -> None:
    if not tokens or tokens.pop() != token:
        raise _shape(name)


def _shape(name: str) -> PydanticCustomError:
    return invalid(f"not a whole {name} type", f"write e.g. {_SHAPES[name]}")


def _unknown(name: str) -> PydanticCustomError:
    near = _ELSEWHERE.get(name) or nearest(name, PLAIN | _SHAPES.keys())
    near = _SHAPES.get(near or "", near)
    known = ", ".join([*sorted(PLAIN), "decimal(p,s)", "array<...>", "struct<...>"])
    return invalid("unknown type", f"did you mean '{near}'?" if near else f"the types are {known}")


ColumnType = Annotated[
    str, AfterValidator(canonical), Field(examples=["bigint", "decimal(18,2)", "array<string>"])
]
"""A column's type in its one spelling."""
