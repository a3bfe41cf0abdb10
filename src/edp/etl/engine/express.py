"""Expressions: the SQL of `derive`, `checks` and `where`, one row in, one value out.

An expression is a function of its row and of nothing else, so that a table does not depend on
when, or with which other files, a row was read: no subquery, window, aggregate, clock or chance.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import duckdb

from edp.core.errors import ConfigError
from edp.core.nested import from_duck, spelled, with_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

_REFUSED: Final = {
    "SUBQUERY": "it holds a subquery, and may look at its own row only",
    "WINDOW": "it looks at other rows, and may look at its own only",
    "STAR": "it holds a *; name the columns",
    "PARAMETER": "it holds a parameter; write the value",
}
_MOVING: Final = frozenset(
    """
    now today current_date current_time current_timestamp current_localtime current_localtimestamp
    get_current_time get_current_timestamp get_current_date localtime localtimestamp
    transaction_timestamp random setseed uuid gen_random_uuid uuidv4 uuidv7 nextval currval
    getvariable getenv current_setting current_user current_role session_user user
    current_database current_schema current_schemas current_catalog current_query
    current_query_id current_connection_id current_transaction_id txid_current pg_backend_pid
    version write_log stats error
    """.split()  # noqa: SIM905 (names read best as words)
)
_STORED: Final = {
    "BOOLEAN": "boolean",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "FLOAT": "double",
    "DOUBLE": "double",
    "VARCHAR": "string",
    '"NULL"': "string",
    "UUID": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


class UnfitExpression(ConfigError):
    """An expression or transform of the contract that cannot be used; `setting` is its place."""

    code = "config"

    def __init__(self, setting: str, why: str) -> None:
        self.setting = setting
        self.why = why
        super().__init__(f"{setting}: {why}")

    def __reduce__(self) -> tuple[object, ...]:
        return UnfitExpression, (self.setting, self.why)


def stored_type(duck: str) -> str | None:
    """The column type that keeps values of a DuckDB type; None where none does.

    >>> stored_type("HUGEINT"), stored_type("DECIMAL(10,2)"), stored_type("BLOB")
    ('decimal(38,0)', 'decimal(10,2)', None)
    >>> stored_type('STRUCT("a" DATE[], b VARCHAR)[]')
    'array<struct<a: array<date>, b: string>>'
    """
    if match := _DECIMAL.fullmatch(duck):
        return f"decimal({match[1]},{match[2]})"
    if duck == "JSON":
        return "json"
    if duck.endswith("[]") or duck.startswith("STRUCT("):
        nested = with_leaves(from_duck(duck), stored_type)
        return None if nested is None else spelled(nested)
    return _STORED.get(duck)


def check_shape(con: DuckDBPyConnection, setting: str, expr: str) -> None:
    """Refuse what is not one expression over one row.

    Raises: UnfitExpression.
    """
    text = f"SELECT ({expr}\n)"
    try:
        ((tree,),) = con.execute("SELECT json_serialize_sql($1::VARCHAR)", [text]).fetchall()
    except duckdb.Error as error:
        raise UnfitExpression(setting, first_line(error)) from None
    parsed = json.loads(tree)
    if parsed.get("error"):
        raise UnfitExpression(setting, str(parsed.get("error_message", "not SQL")))
    statements = parsed["statements"]
    node = statements[0]["node"]
    if len(statements) != 1 or len(node["select_list"]) != 1 or "from_table" not in node:
        raise UnfitExpression(setting, "it is more than one expression")
    for part in _walk(node["select_list"][0]):
        if why := _REFUSED.get(part.get("class", "")):
            raise UnfitExpression(setting, why)
        name = str(part.get("function_name", "")).lower()
        if name in _MOVING or (name == "age" and len(part.get("arguments", ())) == 1):
            why = f"{name}() is another at another time, and rows may not depend on that"
            raise UnfitExpression(setting, why)
        if any(str(one).startswith("$") for one in part.get("column_names", ())):
            raise UnfitExpression(setting, "it names a column of the engine's own")


def _walk(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (parsed JSON)
    if isinstance(tree, dict):
        yield tree
        for inner in tree.values():
            yield from _walk(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _walk(inner)


def type_of(con: DuckDBPyConnection, setting: str, expr: str, scope: str) -> str:
    """The column type of `expr` over the query `scope`.

    Raises: UnfitExpression where it has none, or is no function of one row.
    """
    check_shape(con, setting, expr)
    # names that no expression may use: DuckDB would find them before the columns
    probe = f'({expr}\n) AS "$value", TRY({{\'v\': ({expr}\n)}}) AS "$tried"'
    query = f"DESCRIBE SELECT {probe} FROM ({scope})"
    try:
        described = con.execute(query).fetchall()
    except duckdb.Error as error:
        raise UnfitExpression(setting, first_line(error)) from None
    duck = str(described[0][1])
    found = stored_type(duck)
    if found is None:
        raise UnfitExpression(setting, f"no column can have the type {duck}; cast it")
    return found


def check_condition(con: DuckDBPyConnection, setting: str, expr: str, scope: str) -> None:
    """Refuse what is not true or false of a row.

    Raises: UnfitExpression.
    """
    found = type_of(con, setting, expr, scope)
    if found != "boolean" and expr.strip().upper() != "NULL":
        raise UnfitExpression(setting, f"it is a {found}, and a condition is true or false")


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the place in a text that nobody wrote."""
    return str(error).partition("\n")[0]
