"""Event patterns, as EventBridge has them: which events a rule is about.

A pattern is an object of the shape of the event. At a leaf stands a list of what the value may
be: one of them is enough, and every field named has to fit. Where the event has a list, one of
its elements is enough. Of the kinds of match, `cidr` is the one that is not here; numbers are
equal by value, where EventBridge compares how they are written.

Source: AWS, "Amazon EventBridge event patterns" and "Comparison operators".
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

Matcher = Callable[[object], bool]
"""Whether one value of the event fits; it is given `ABSENT` where the event has none."""

ABSENT: Final = object()
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compiled(pattern: Mapping[str, object]) -> Callable[[Mapping[str, object]], bool]:
    """What says whether an event, as JSON, fits `pattern`.

    Raises: ValueError, naming the field, where it is no pattern.

    >>> big = compiled({"detail": {"rows": [{"numeric": [">", 1000]}]}})
    >>> big({"detail": {"rows": 1001}}), big({"detail": {"rows": 10}}), big({})
    (True, False, False)
    """
    return _object(pattern, "")


def _object(pattern: object, at: str) -> Matcher:
    if not isinstance(pattern, Mapping) or not pattern:
        raise ValueError(f"{at or 'the pattern'}: an object with at least one field is wanted")
    fields: list[tuple[str, Matcher]] = []
    either: list[Matcher] = []
    for name, inner in pattern.items():
        here = f"{at}.{name}" if at else str(name)
        if name == "$or":
            either = [_object(one, f"{here}[{n}]") for n, one in enumerate(_listed(inner, here))]
        elif isinstance(inner, Mapping):
            fields.append((name, _object(inner, here)))
        else:
            fields.append((name, _leaf(_listed(inner, here), here)))

    def fits(value: object) -> bool:
        if isinstance(value, list | tuple):
            return any(fits(one) for one in value)
        # every event is tried: looking for a dict is ten times as fast as for a Mapping
        values = value if isinstance(value, dict | Mapping) else {}
        for name, matcher in fields:
            if not matcher(values.get(name, ABSENT)):
                return False
        return not either or any(matcher(value) for matcher in either)

    return fits


def _leaf(allowed: Sequence[object], at: str) -> Matcher:
    texts = frozenset(one for one in allowed if isinstance(one, str))
    matchers = [_match(one, at) for one in allowed if not isinstance(one, str)]

    return lambda value: _holds(value, texts) or any(matcher(value) for matcher in matchers)


def _holds(value: object, texts: AbstractSet[str]) -> bool:
    """Whether it is one of the texts, or a list with one of them."""
    if isinstance(value, str):
        return value in texts
    return isinstance(value, list | tuple) and any(_holds(one, texts) for one in value)


def _match(wanted: object, at: str) -> Matcher:
    if not isinstance(wanted, Mapping):
        return _any(_exactly(wanted, at))
    if len(wanted) != 1:
        raise ValueError(f"{at}: one kind of match an object, such as {{'prefix': 'orders/'}}")
    ((kind, operand),) = wanted.items()
    if kind == "exists":
        if not isinstance(operand, bool):
            raise ValueError(f"{at}: 'exists' takes true or false")
        return lambda value: _is_there(value) is operand
    if kind == "anything-but":
        return _any(_anything_but(operand, at))
    return _any(_kind(str(kind), operand, at))


def _kind(kind: str, operand: object, at: str) -> Matcher:
    match kind:
        case "prefix" | "suffix":
            return _edge(kind, operand, at)
        case "equals-ignore-case":
            folded = _text(operand, kind, at).casefold()
            return lambda value: isinstance(value, str) and value.casefold() == folded
        case "wildcard":
            return _wildcard(_text(operand, kind, at))
        case "numeric":
            return _numeric(operand, at)
        case _:
            raise ValueError(
                f"{at}: no kind of match is called {kind!r}; there are prefix, suffix, "
                "anything-but, numeric, exists, equals-ignore-case and wildcard"
            )


def _exactly(wanted: object, at: str) -> Matcher:
    if wanted is not None and not isinstance(wanted, str | int | float):
        raise ValueError(f"{at}: {wanted!r} is no text, number, true, false or null")
    truth = isinstance(wanted, bool)
    # 1 == True in Python, and not in JSON
    return lambda value: value == wanted and isinstance(value, bool) is truth


def _anything_but(operand: object, at: str) -> Matcher:
    if isinstance(operand, Mapping):
        if len(operand) != 1:
            raise ValueError(f"{at}: one kind of match in 'anything-but'")
        ((kind, inner),) = operand.items()
        inners = inner if isinstance(inner, list | tuple) else [inner]
        unwanted = [_kind(str(kind), one, at) for one in inners]
    else:
        listed = operand if isinstance(operand, list | tuple) else [operand]
        unwanted = [_exactly(one, at) for one in listed]
    if not unwanted:
        raise ValueError(f"{at}: 'anything-but' nothing is everything")
    return lambda value: not any(matcher(value) for matcher in unwanted)


def _edge(kind: str, operand: object, at: str) -> Matcher:
    if isinstance(operand, Mapping):
        if list(operand) != ["equals-ignore-case"]:
            raise ValueError(f"{at}: {kind!r} takes a text, or {{'equals-ignore-case': text}}")
        edge = _text(operand["equals-ignore-case"], kind, at).casefold()
        return lambda value: isinstance(value, str) and _ends(value.casefold(), kind, edge)
    text = _text(operand, kind, at)
    return lambda value: isinstance(value, str) and _ends(value, kind, text)


def _ends(value: str, kind: str, edge: str) -> bool:
    return value.startswith(edge) if kind == "prefix" else value.endswith(edge)


def _wildcard(text: str) -> Matcher:
    r"""`*` stands for any characters; `\*` and `\\` for themselves."""
    parts = re.findall(r"\\[*\\]|\*+|[^*\\]+|\\", text)
    expression = re.compile(
        "".join(
            ".*" if part.startswith("*") else re.escape(part[-1] if part[0] == "\\" else part)
            for part in parts
        ),
        re.DOTALL,
    )
    return lambda value: isinstance(value, str) and bool(expression.fullmatch(value))


def _numeric(operand: object, at: str) -> Matcher:
    bounds = list(operand) if isinstance(operand, list | tuple) else []
    signs, limits = bounds[::2], bounds[1::2]
    known = all(isinstance(sign, str) and sign in _COMPARISONS for sign in signs)
    if len(bounds) not in (2, 4) or not known or not all(map(_is_number, limits)):
        raise ValueError(
            f"{at}: 'numeric' takes one bound or two, as in ['>', 0] or ['>=', 0, '<', 10]"
        )
    tests = [(_COMPARISONS[s], n) for s, n in zip(signs, limits, strict=True)]
    return lambda value: _is_number(value) and all(test(value, limit) for test, limit in tests)


def _any(matcher: Matcher) -> Matcher:
    """Of a list one element is enough; what is not there, or an object, fits nothing."""

    def fits(value: object) -> bool:
        if isinstance(value, list | tuple):
            return any(fits(one) for one in value)
        return value is not ABSENT and not isinstance(value, Mapping) and matcher(value)

    return fits


def _is_there(value: object) -> bool:
    """Whether it is a leaf: an object, or a list without a leaf, is not."""
    if isinstance(value, list | tuple):
        return any(_is_there(one) for one in value)
    return value is not ABSENT and not isinstance(value, Mapping)


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _text(operand: object, kind: str, at: str) -> str:
    if not isinstance(operand, str):
        raise ValueError(f"{at}: {kind!r} takes a text")  # noqa: TRY004 (one kind of error for all of a pattern's faults)
    return operand


def _listed(value: object, at: str) -> Sequence[object]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{at}: a list of what it may be is wanted, such as ['failed']")
    return value
