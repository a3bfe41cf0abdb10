"""The work in DuckDB SQL, by hand: one parse into a table of values, copied from twice.

What is dear is kept off the common path: only a text with a space at its edge is trimmed, only a
short one is compared with the null tokens, and a cast comes before the list of formats.
"""

# ruff: noqa: S608 (the SQL is made of constants, and of paths that are quoted)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from benchmarks.peers.arguments import arguments
from benchmarks.work import COLUMNS, FORMATS, NULLS, STATUSES

if TYPE_CHECKING:
    from pathlib import Path

_SPACE: Final = " \t\n\r\v\f"
_TOKENS: Final = ", ".join(f"'{token}'" for token in NULLS)
_STATUSES: Final = ", ".join(f"'{status}'" for status in STATUSES)
_CASTS: Final = {
    "order_id": "TRY_CAST(order_id_ AS BIGINT)",
    "customer_id": (
        "CASE WHEN NOT contains(customer_id_, '.') THEN TRY_CAST(customer_id_ AS BIGINT) END"
    ),
    "created_at": "coalesce(TRY_CAST(created_at_ AS TIMESTAMP), "
    f"TRY_STRPTIME(created_at_, ['{FORMATS[1]}', '{FORMATS[2]}']))",
    "updated_at": "TRY_CAST(updated_at_ AS TIMESTAMP)",
    "quantity": "TRY_CAST(quantity_ AS INTEGER)",
    "unit_price": "TRY_CAST(unit_price_ AS DECIMAL(10,2))",
    "discount": "TRY_CAST(discount_ AS DECIMAL(4,2))",
}


def _clean(text: str) -> str:
    bare = f"trim({text}, '{_SPACE}')"
    return (
        f"CASE WHEN {text} < '!' OR {text}[-1] < '!' "
        f"THEN CASE WHEN {bare} IN ({_TOKENS}) THEN NULL ELSE {bare} END "
        f"WHEN strlen({text}) <= 4 AND {text} IN ({_TOKENS}) THEN NULL ELSE {text} END"
    )


_FAILS: Final = {
    "order_id": "order_id IS NULL",
    "customer_id": "customer_id IS NULL",
    "created_at": "created_at IS NULL",
    "updated_at": "updated_at IS NULL",
    "status": f"status IS NULL OR status NOT IN ({_STATUSES})",
    "quantity": "quantity IS NULL OR quantity < 1",
    "unit_price": "unit_price IS NULL",
    "discount": f"discount IS NULL AND discount_ IS NOT NULL AND {_clean('discount_')} IS NOT NULL",
}


def do(con: duckdb.DuckDBPyConnection, paths: list[str], out: Path) -> None:
    """Read `paths`; write `out`/data by day, and `out`/rejects."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    types = ", ".join(f"'{name}_': 'VARCHAR'" for name in COLUMNS)
    values = ", ".join(f"{_CASTS.get(name, _clean(name + '_'))} AS {name}" for name in COLUMNS)
    whens = " ".join(f"WHEN {test} THEN {n}" for n, test in enumerate(_FAILS.values(), 1))
    value = f"[{', '.join(_clean(name + '_') for name in _FAILS)}][failed]"
    raw = f"concat_ws(',', {', '.join(f'{name}_' for name in COLUMNS)})"
    con.execute(
        f"CREATE TABLE orders AS SELECT file, {', '.join(COLUMNS)}, failed, "
        f"CASE WHEN failed IS NOT NULL THEN {value} END AS value, "
        f"CASE WHEN failed IS NOT NULL THEN {raw} END AS raw "
        f"FROM (SELECT *, CASE {whens} END AS failed FROM (SELECT *, {values} "
        f"FROM (SELECT *, file_index AS file FROM read_csv([{listed}], auto_detect = false, "
        f"header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{types}}}))))"
    )
    columns = ", ".join(f"'{name}'" for name in _FAILS)
    (out / "rejects").mkdir()
    con.execute(
        f"COPY (SELECT [{columns}][failed] AS column_name, value, "
        "'not what the column holds' AS reason, raw FROM orders WHERE failed IS NOT NULL) "
        f"TO '{_path(out / 'rejects' / '0.parquet')}' (FORMAT parquet, COMPRESSION zstd)"
    )
    con.execute(
        f"COPY (SELECT {', '.join(COLUMNS)}, CAST(created_at AS DATE) AS order_date, "
        "hour(created_at) AS order_hour, CAST(quantity * unit_price AS DECIMAL(12,2)) AS gross, "
        "quantity * unit_price >= 1000 AS is_large FROM orders "
        "WHERE rowid IN (SELECT rowid FROM orders WHERE failed IS NULL QUALIFY row_number() OVER ("
        "PARTITION BY file, order_id ORDER BY updated_at DESC NULLS LAST, rowid DESC) = 1)) "
        f"TO '{_path(out / 'data')}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (order_date))"
    )


def _path(path: Path) -> str:
    return str(path).replace("'", "''")


def main() -> None:
    """Do the work, as the command line says."""
    given = arguments()
    with duckdb.connect(":memory:") as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = '{_path(given.out / 'spill')}'")
        if given.memory:
            con.execute(f"SET memory_limit = '{given.memory}'")
        do(con, given.paths, given.out)


if __name__ == "__main__":
    main()
