"""Compiling: a contract's expressions, patterns and names are tried on a table without rows.

What a worker would stumble over with the first file is an error here, and names the setting.
"""

from __future__ import annotations

import ast
import re
from contextlib import closing
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.errors import TransformFailed
from edp.core.sql import identifier, literal, physical
from edp.core.types import is_plain
from edp.etl.engine.check import choice_sql
from edp.etl.engine.columns import columns
from edp.etl.engine.express import UnfitExpression, first_line
from edp.etl.engine.transforming import confine, output, run
from edp.etl.engine.verdict import key_names, table_name, verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.etl.engine.columns import Cell

_UNKNOWN: Final = re.compile(r'Referenced column "([a-z_][a-z0-9_]*)" (?:was )?not found')
_compiled: dict[str, UnfitExpression | None] = {}


def compile_contract(contract: Dataset) -> None:
    """Check what only DuckDB can check of a dataset's contract; what was checked once is known.

    Where no column is declared, expressions may name any, and see texts; files without one fail.

    Raises: UnfitExpression, a ConfigError that names the setting below the dataset.
    """
    key = contract.hash()
    if key not in _compiled:
        try:
            _compile(contract)
        except UnfitExpression as error:
            _compiled[key] = error
        else:
            _compiled[key] = None
    if (known := _compiled[key]) is not None:
        raise UnfitExpression(known.setting, known.why)


def _compile(contract: Dataset) -> None:
    with closing(duckdb.connect(":memory:")) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET TimeZone = 'UTC'")
        _check_columns(con, contract)
        cells = _judged(con, contract)
    found: Mapping[str, str | None] | None = {cell.name: cell.type for cell in cells}
    _check_deduplicate(contract, found or {})
    if contract.transform is not None:
        found = _transformed(contract, cells)
    if found is not None:
        _check_partitions(contract, found)
        _check_sorting(contract, found)


def _check_columns(con: DuckDBPyConnection, contract: Dataset) -> None:
    for key, column in contract.columns.items():
        if column.regex is not None:
            try:
                con.execute(f"SELECT regexp_full_match('', {literal(column.regex)})")
            except duckdb.Error as error:
                raise UnfitExpression(f"columns.{key}.regex", first_line(error)) from None
        for n, one in enumerate(column.one_of):
            kind = column.type or "string"
            query = f"SELECT {choice_sql(one, kind)} IS NOT NULL"
            if con.execute(query).fetchall() != [(True,)]:
                raise UnfitExpression(f"columns.{key}.one_of.{n}", f"{one!r} is no {kind}")


def _judged(con: DuckDBPyConnection, contract: Dataset) -> Sequence[Cell]:
    """The columns of the judged records of a file that has all declared columns."""
    header = list(contract.columns)
    while True:
        cells = columns(header, contract)
        try:
            return verdicts(con, len(header), cells, contract).cells
        except UnfitExpression as error:
            unknown = _UNKNOWN.search(error.why)
            if contract.columns or not unknown or unknown[1] in header:
                raise
            header.append(unknown[1])


def _check_deduplicate(contract: Dataset, found: Mapping[str, str | None]) -> None:
    if isinstance(contract.deduplicate, str):
        return
    for n, name in enumerate(key_names(contract)):
        if contract.columns and name not in found:
            raise UnfitExpression(f"deduplicate.keys.{n}", f"{name} is not declared; declare it")
        if not is_plain(kind := found.get(name) or "string"):
            why = f"{name} is of type {kind}, and no key as a whole; derive a column from a part"
            raise UnfitExpression(f"deduplicate.keys.{n}", why)
    for n, given in enumerate(contract.deduplicate.order_by):
        kind = found.get(table_name(given, contract)) or ""
        why = ""
        if not kind:
            why = f"{given} has no declared type, and texts have another order; give it one"
        elif not is_plain(kind):
            why = f"{given} is of type {kind}, which has no order; derive a column from a part"
        if why:
            raise UnfitExpression(f"deduplicate.order_by.{n}", why)


def _check_partitions(contract: Dataset, found: Mapping[str, str | None]) -> None:
    dropped = {table_name(key, contract) for key, c in contract.columns.items() if c.mask == "drop"}
    for n, given in enumerate(contract.partition_by):
        name = table_name(given, contract)
        kind = found.get(name)
        why = ""
        if kind is None or name in dropped:
            why = f"{given} is no column of the table with a declared type; declare or derive one"
        elif kind == "double" or not is_plain(kind):
            why = f"{given} is of type {kind}, which has no one text to name a folder"
        if why:
            raise UnfitExpression(f"partition_by.{n}", why)


def _check_sorting(contract: Dataset, found: Mapping[str, str | None]) -> None:
    for n, given in enumerate(contract.sort_by):
        name = table_name(given, contract)
        why = ""
        if contract.columns and name not in found:
            why = f"{given} is no column of the table; declare or derive one"
        elif not is_plain(kind := found.get(name) or "string"):
            why = f"{given} is of type {kind}, which has no order; derive a column from a part"
        if why:
            raise UnfitExpression(f"sort_by.{n}", why)


def _transformed(contract: Dataset, cells: Sequence[Cell]) -> Mapping[str, str | None] | None:
    """The columns that the transform gives; None where only running it would tell."""
    assert contract.transform is not None
    if ".py:" in contract.transform:
        _check_python(contract)
        return None
    with closing(duckdb.connect(":memory:")) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET TimeZone = 'UTC'")
        names = ", ".join(
            f"{identifier(cell.name)} {physical(cell.type or 'string')}" for cell in cells
        )
        if not names:  # nothing is declared: its columns are known with the first file
            return None
        con.execute(f"CREATE TABLE input ({names})")
        confine(con, [])
        try:
            run(con, contract, empty=True)
            return {cell.name: cell.type for cell in output(con)}
        except TransformFailed as error:
            raise UnfitExpression("transform", f"{contract.transform}: {error}") from None


def _check_python(contract: Dataset) -> None:
    path, _, function = (contract.transform or "").rpartition(":")
    try:
        tree = ast.parse(contract.transform_text)
    except SyntaxError as error:
        raise UnfitExpression("transform", f"{path}:{error.lineno}: {error.msg}") from None
    made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    made |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    imported = any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    if function not in made and not imported:
        raise UnfitExpression("transform", f"{path} has no function {function}")
