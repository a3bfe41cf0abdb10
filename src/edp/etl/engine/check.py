"""Checking: which records a declared column rejects, and for which column.

A record is rejected once, by the first column that fails in the contract's order.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.sql import literal
from edp.etl.engine.cast import misfit_sql, reason_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.etl.engine.columns import Cell

_REQUIRED: Final = "required: the column may not be empty"


def rejects_sql(table: str, cells: Sequence[Cell]) -> str:
    """The query for the rejected rows of `table`: columns row, f, column_name, value, reason."""
    suspects = sorted((c for c in cells if _can_fail(c)), key=lambda cell: cell.rank)
    if not suspects:
        return (
            "SELECT 0::BIGINT AS row, 0::INTEGER AS f, '' AS column_name, '' AS value, "
            "'' AS reason WHERE false"
        )
    failing = " ".join(f"WHEN {_fails(cell)} THEN {cell.place}" for cell in suspects)
    names = " ".join(f"WHEN {cell.place} THEN {literal(cell.name)}" for cell in suspects)
    values = " ".join(f"WHEN {cell.place} THEN {cell.text}" for cell in suspects)
    reasons = " ".join(f"WHEN {cell.place} THEN {_reason(cell)}" for cell in suspects)
    return (
        f"SELECT row, f, CASE place {names} END AS column_name, CASE place {values} END AS value, "
        f"CASE place {reasons} END AS reason "
        f"FROM (SELECT rowid AS row, *, CASE {failing} END AS place FROM {table}) "
        "WHERE place IS NOT NULL"
    )


def _can_fail(cell: Cell) -> bool:
    return cell.required or cell.type not in (None, "string")


def _fails(cell: Cell) -> str:
    misfit = misfit_sql(cell.text, cell.type or "string")
    return f"({cell.text} IS NULL OR {misfit})" if cell.required else misfit


def _reason(cell: Cell) -> str:
    wanted = cell.type or "string"
    if wanted == "string":
        return literal(_REQUIRED)
    why = reason_sql(cell.text, wanted)
    return f"CASE WHEN {cell.text} IS NULL THEN {literal(_REQUIRED)} ELSE {why} END"
