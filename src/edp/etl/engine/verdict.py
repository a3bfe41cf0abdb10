"""Verdicts: each record cast, derived and checked in one pass, with the code of what became of it.

    values     texts cast to the declared types, each column's rules tested
    derive     further columns from them
    checks     conditions on the row
    where      which of the good rows are wanted

An expression that has no value for a row, such as an overflow, rejects that row alone.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core.names import normalise
from edp.core.sql import identifier, parse_sql, physical
from edp.etl.engine.cast import cast_sql, reason_name, value_name
from edp.etl.engine.check import (
    Rule,
    check_rule,
    column_rules,
    expression_rule,
    fails_sql,
    key_rule,
)
from edp.etl.engine.columns import Cell
from edp.etl.engine.express import check_condition, type_of
from edp.etl.engine.nesting import nested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset

FILTERED: Final = -1
"""The code of a row that `where` does not want; a good row has none, others that of a rule."""


_MOST_COMPILED: Final = 256
_RECORDS: Final = identifier("$records")
_TEXTS: Final = identifier("$texts")


@dataclass(frozen=True)
class Verdicts:
    """The query for judged records, and what its codes mean.

    Its columns are `$row` (place among the group's records), `$f` (number of the file), `$code`,
    a value `c<place>` for each of `cells`, `$warn<n>` for each of `warnings`, and `$texts`, the
    list of a rejected record's texts. `plain` says that it judges nothing.
    """

    query: str
    rules: tuple[Rule, ...]
    cells: tuple[Cell, ...]
    warnings: tuple[str, ...] = ()
    plain: bool = False

    def of(self, records: str) -> str:
        """The query over `records`, a query whose columns are $row, c0, c1, ..., f."""
        return f"WITH {_RECORDS} AS NOT MATERIALIZED ({records}) {self.query}"

    def of_unnumbered(self, records: str) -> str:
        """The query, but for `$row`, over `records`, a query whose columns are c0, c1, ..., f."""
        numbered = f'SELECT 0 AS "$row", * FROM ({records})'
        return f'SELECT * EXCLUDE ("$row") FROM ({self.of(numbered)})'


_compiled: dict[tuple[str, int, tuple[Cell, ...]], Verdicts] = {}


def verdicts(
    con: DuckDBPyConnection, width: int, cells: Sequence[Cell], contract: Dataset
) -> Verdicts:
    """How records with so many texts (c0, c1, ..., f) are judged.

    What was compiled for a contract and a header is known from then on: neither the types of
    expressions nor the text change while this process, and so this DuckDB, lives.
    Raises: UnfitExpression naming the setting that does not fit these columns.
    """
    key = (contract.hash(), width, tuple(cells))
    if key not in _compiled:
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        con.execute(f"CREATE TEMP TABLE {_RECORDS} ({_record_columns(width, cells)})")
        try:
            _compiled[key] = _verdicts(con, width, cells, contract)
        finally:
            con.execute(f"DROP TABLE {_RECORDS}")
    return _compiled[key]


def _record_columns(width: int, cells: Sequence[Cell]) -> str:
    """The columns of records as SQL declares them."""
    columns = ['"$row" BIGINT', "f INTEGER", *(f"c{n} VARCHAR" for n in range(width))]
    for cell in nested(cells):
        columns.append(f"{value_name(cell.text)} {physical(cell.type or '')}")
        columns.append(f"{reason_name(cell.text)} VARCHAR")
    return ", ".join(columns)


def _verdicts(
    con: DuckDBPyConnection, width: int, cells: Sequence[Cell], contract: Dataset
) -> Verdicts:
    keys = key_names(contract)
    suspects = column_rules(cells, keys)
    rules = [rule for _, rule in suspects]
    texts = [identifier(f"$text{n}") for n in range(width)]
    query = _cast(cells, [cell for cell, _ in suspects], keys, texts)
    known = [cell for cell in cells if not cell.unknown]
    derived_keys = [key for key in keys if key not in {cell.name for cell in known}]
    if not (contract.derive or contract.checks or contract.where or derived_keys):
        plain = not rules and all(not cell.type and not cell.rules.case for cell in known)
        return Verdicts(_with_texts(query, texts), tuple(rules), tuple(known), plain=plain)

    query = _named(query, known, contract, texts)
    whens = []

    def reject(test: str, rule: Rule) -> None:
        whens.append(f"WHEN {test} THEN {len(rules)}")
        rules.append(rule)

    derived = []
    for n, (name, expr) in enumerate(contract.derive.items()):
        kind = type_of(con, f"derive.{name}", expr, query)
        query = _derive(query, name, expr, kind, failed=f"$failed{n}")
        reject(identifier(f"$failed{n}"), expression_rule("derive", expr, column=name))
        derived.append(Cell(width + n, name, name, kind, rank=len(contract.columns) + width + n))
    for key in derived_keys:
        reject(f"{identifier(key)} IS NULL", key_rule(key))
    flags = []
    for n, check in enumerate(contract.checks):
        check_condition(con, f"checks.{n}.expr", check.expr, query)
        false = f"NOT coalesce(TRY(({check.expr}\n) IS NOT FALSE), false)"
        if check.action == "warn":
            flags.append((check.name, false))
        else:
            reject(false, check_rule(check.name, check.expr, fatal=check.action == "fail"))
    kept = "true"
    if contract.where is not None:
        check_condition(con, "where", contract.where, query)
        kept = f"TRY(({contract.where}\n) IS TRUE)"
    columns = [
        "*",
        f"{kept} AS {identifier('$kept')}",
        *(f"{test} AS {identifier(f'$warn{n}')}" for n, (_, test) in enumerate(flags)),
    ]
    query = f"SELECT {', '.join(columns)} FROM ({query})"
    if contract.where is not None:
        reject('"$kept" IS NULL', expression_rule("where", contract.where))
        whens.append(f'WHEN NOT "$kept" THEN {FILTERED}')
    found = [*known, *derived]
    names = ", ".join(f"{identifier(cell.name)} AS {cell.text}" for cell in found)
    warned = "".join(f", {identifier(f'$warn{n}')}" for n in range(len(flags)))
    code = f'CASE WHEN "$code" IS NOT NULL THEN "$code" {" ".join(whens)} END'
    kept = ", ".join([names, *texts])
    query = f'SELECT "$row", "$f", {code} AS "$code", {kept}{warned} FROM ({query})'
    warnings = tuple(name for name, _ in flags)
    return Verdicts(_with_texts(query, texts), tuple(rules), tuple(found), warnings)


def key_names(contract: Dataset) -> list[str]:
    """The names in the table of the columns that records are deduplicated by; none without keys."""
    if isinstance(contract.deduplicate, str):
        return []
    return [table_name(name, contract) for name in contract.deduplicate.keys]


def table_name(name: str, contract: Dataset) -> str:
    """The name in the table of a column that the contract calls `name`."""
    for key, column in contract.columns.items():
        if column.rename and (key == name or normalise(key) == normalise(name)):
            return column.rename
    return normalise(name)


def rejects_sql(texts: str, judged: str, rules: Sequence[Rule]) -> str:
    """The rejected rows: columns row, f, column_name, value, reason, fatal."""
    if not rules:
        return (
            "SELECT 0::BIGINT AS row, 0::INTEGER AS f, '' AS column_name, '' AS value, "
            "'' AS reason, false AS fatal WHERE false"
        )

    def chosen(kind: str) -> str:
        whens = " ".join(f"WHEN {n} THEN {_part(rule, kind)}" for n, rule in enumerate(rules))
        return f'CASE j."$code" {whens} END AS {kind}'

    parts = ", ".join(chosen(kind) for kind in ("column_name", "value", "reason", "fatal"))
    return (
        f'SELECT j."$row" AS row, t.f, {parts} FROM {texts} t '
        f'JOIN (SELECT "$row", "$code" FROM {judged} WHERE "$code" >= 0) j ON t."$row" = j."$row" '
        "ORDER BY row"
    )


def _part(rule: Rule, kind: str) -> str:
    match kind:
        case "column_name":
            return "CAST(NULL AS VARCHAR)" if rule.column_name is None else _text(rule.column_name)
        case "value":
            return f"CAST({rule.value} AS VARCHAR)"
        case "reason":
            return rule.reason
        case _:
            return "true" if rule.fatal else "false"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cast(
    cells: Sequence[Cell], suspects: Sequence[Cell], keys: Sequence[str], texts: Sequence[str]
) -> str:
    """The values of all cells, the code of the first that breaks a rule, and the texts."""
    read = ['"$row"', 'f AS "$f"']
    read += [f"{cast_sql(cell.text, cell.type, cell.rules)} AS {cell.text}" for cell in cells]
    read += [f"c{n} AS {text}" for n, text in enumerate(texts)]
    whens = " ".join(
        f"WHEN {fails_sql(cell, texts[cell.place], cell.text, keys)} THEN {n}"
        for n, cell in enumerate(suspects)
    )
    code = f"CASE {whens} END" if whens else "CAST(NULL AS INTEGER)"
    values = [cell.text for cell in cells if not cell.unknown]
    inner = f"SELECT {', '.join(read)} FROM {_RECORDS}"
    kept = ", ".join([*values, *texts])
    return f'SELECT "$row", "$f", {code} AS "$code", {kept} FROM ({inner})'


def _with_texts(query: str, texts: Sequence[str]) -> str:
    """The query with the list of texts in place of the texts, and only where it is wanted."""
    listed = f'CASE WHEN "$code" >= 0 THEN [{", ".join(texts)}] END AS {_TEXTS}'
    return f"SELECT * EXCLUDE ({', '.join(texts)}), {listed} FROM ({query})"


def _named(query: str, cells: Sequence[Cell], contract: Dataset, texts: Sequence[str]) -> str:
    """The values under the names that expressions know; a declared column may be missing."""
    names = [f"{cell.text} AS {identifier(cell.name)}" for cell in cells]
    there = {cell.name for cell in cells}
    for key, column in contract.columns.items():
        name = column.rename or normalise(key)
        if name and name not in there:
            kind = physical(column.type or "string")
            names.append(f"CAST(NULL AS {kind}) AS {identifier(name)}")
    return f'SELECT "$row", "$f", "$code", {", ".join([*names, *texts])} FROM ({query})'


def _derive(query: str, name: str, expr: str, kind: str, *, failed: str) -> str:
    value = f"CAST(({expr}\n) AS {physical(kind)})"
    # within a struct a value that is NULL is not taken for one that cannot be computed
    tried = f"TRY({{'v': {value}}})"
    if kind == "json":
        # DuckDB's own JSON may be NaN or [1,], and has a null that is a value
        strict = f"TRY({value} IS NULL OR {parse_sql(value, kind)} IS NOT NULL)"
        tried = f"CASE WHEN {strict} THEN TRY({{'v': nullif({value}, 'null')}}) END"
    inner = f'SELECT *, {tried} AS "$tried" FROM ({query})'
    return (
        f'SELECT * EXCLUDE ("$tried"), "$tried".v AS {identifier(name)}, '
        f'"$tried" IS NULL AS {identifier(failed)} FROM ({inner})'
    )
