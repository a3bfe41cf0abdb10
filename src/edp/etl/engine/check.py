"""Checking: the rules that a record must keep, and why one that breaks a rule is rejected.

A record is rejected once: by the first column that fails in the contract's order, then by what
is derived from its columns, then by the first check.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from edp.core.sql import literal, parse_sql, physical
from edp.etl.engine.cast import cast_sql, fixed_reason_sql, misfit_reason_sql

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from edp.etl.engine.columns import Cell

CODES: Final = (
    "required",
    "too small",
    "too great",
    "not one of",
    "no match",
    "no key",
    "unknown column",
    "check",
    "cannot be computed",
)
"""How the reasons given here start; those of casts are `cast`'s."""
_REQUIRED: Final = "required: the column may not be empty"
_KEY: Final = "no key: a column of `deduplicate.keys` may not be empty"
_UNKNOWN: Final = "unknown column: the contract does not declare it, and wants no value in it"


@dataclass(frozen=True)
class Rule:
    """Why a record is rejected, in SQL over its source texts (c0, c1, ...).

    `column_name` and `value` are what the reject says. `fatal` rules fail the whole file, and
    `said` is then what its failure says.
    """

    column_name: str | None
    value: str
    reason: str
    fatal: bool = False
    said: str = ""


def column_rules(cells: Sequence[Cell], keys: Collection[str]) -> list[tuple[Cell, Rule]]:
    """The columns that can fail, in the contract's order, each with its rule."""
    suspects = sorted((c for c in cells if _can_fail(c, keys)), key=lambda cell: cell.rank)
    return [(cell, Rule(cell.name, cell.text, reason_of(cell, keys))) for cell in suspects]


def expression_rule(setting: str, expr: str, *, column: str | None = None) -> Rule:
    """The rule that `expr` can be computed."""
    return Rule(column, "NULL", literal(f"cannot be computed: {setting}: {expr}"))


def check_rule(name: str, expr: str, *, fatal: bool) -> Rule:
    """The rule that a check's expression is not false."""
    said = f"check {name}: {expr}"
    return Rule(None, "NULL", literal(said), fatal=fatal, said=said)


def key_rule(column: str) -> Rule:
    """The rule that a derived key is not empty."""
    return Rule(column, "NULL", literal(_KEY))


def fails_sql(cell: Cell, text: str, value: str, keys: Collection[str]) -> str:
    """Whether `value` (SQL), cast from `text`, breaks a rule of its column; may be NULL for no."""
    if cell.unknown:
        return f"{text} IS NOT NULL"
    if cell.required or cell.name in keys:
        tests = [f"{value} IS NULL"]
    elif cell.type in (None, "string"):
        tests = []
    else:
        tests = [f"({text} IS NOT NULL AND {value} IS NULL)"]
    if _is_fixed(cell):
        tests.append(_misfits(cell, value))
    return " OR ".join([*tests, *(test for test, _ in _limits(cell, value))])


def reason_of(cell: Cell, keys: Collection[str]) -> str:
    """Why the column fails, in SQL over its text."""
    if cell.unknown:
        return literal(_UNKNOWN)
    value = cast_sql(cell.text, cell.type, cell.rules)
    whens = []
    if cell.required or cell.name in keys:
        empty = _REQUIRED if cell.required else _KEY
        whens.append(f"WHEN {cell.text} IS NULL THEN {literal(empty)}")
    if cell.type not in (None, "string"):
        why = misfit_reason_sql(cell.text, cell.type, cell.rules)
        whens.append(f"WHEN {value} IS NULL THEN {why}")
    if _is_fixed(cell):
        whens.append(
            f"WHEN {_misfits(cell, value)} THEN {fixed_reason_sql(value, cell.fixed or 'string')}"
        )
    whens += [f"WHEN {test} THEN {literal(why)}" for test, why in _limits(cell, value)]
    return f"CASE {' '.join(whens)} END"


def _can_fail(cell: Cell, keys: Collection[str]) -> bool:
    typed = cell.known not in (None, "string")
    return cell.unknown or cell.required or typed or cell.name in keys or bool(_limits(cell, "x"))


def _is_fixed(cell: Cell) -> bool:
    return cell.fixed not in (None, "string")


def _misfits(cell: Cell, value: str) -> str:
    """Whether `value` (SQL), a text, is none of the table's type."""
    return f"({value} IS NOT NULL AND {parse_sql(value, cell.fixed or 'string')} IS NULL)"


def _limits(cell: Cell, value: str) -> list[tuple[str, str]]:
    """Tests that a value fails by, and the reason of each."""
    rules, kind = cell.rules, cell.type or "string"
    found = []
    if rules.min is not None:
        least = bound_sql(rules.min, kind)
        found.append((f"{value} < {least}", f"too small: the least value is {rules.min}"))
    if rules.max is not None:
        most = bound_sql(rules.max, kind)
        found.append((f"{value} > {most}", f"too great: the greatest value is {rules.max}"))
    if rules.one_of:
        wanted = ", ".join(choice_sql(one, kind) for one in rules.one_of)
        listed = ", ".join(rules.one_of)
        found.append((f"{value} NOT IN ({wanted})", f"not one of: {listed}"))
    if rules.regex is not None:
        test = f"NOT regexp_full_match({value}, {literal(rules.regex)})"
        found.append((test, f"no match: the value does not match {rules.regex}"))
    return found


def bound_sql(bound: int | Decimal | date, kind: str) -> str:
    """A bound as a value that columns of the type `kind` can be compared with, exactly."""
    if isinstance(bound, int | Decimal):
        return f"{bound:f}" if isinstance(bound, Decimal) else str(bound)
    return f"CAST({literal(bound.isoformat())} AS {physical(kind)})"


def choice_sql(text: str, kind: str) -> str:
    """One of the allowed values, as a value of the type `kind`."""
    return parse_sql(literal(text), kind)
