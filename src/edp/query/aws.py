"""Queries by Athena over the Glue Data Catalog: one SELECT, its pages, and what it scanned.

Athena's text becomes typed rows in DuckDB, so that an answer has the same types on both runtimes.
A query that nobody waits for any more is stopped, as AWS charges for what it scans.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import duckdb
from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.sql import identifier, literal
from edp.query.port import Answer, Snapshot
from edp.query.zones import in_utc, plain_sql, zoned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edp.backends.boto import Service
    from edp.query.port import ArrowStream, Query

R = TypeVar("R")

_READS: Final = frozenset({"select", "with", "values", "table"})
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_RECORDS = re.compile(r"\b(from|join)\s+\"?edp\"?\s*\.", re.IGNORECASE)
_DECIMAL = re.compile(r"decimal(\(\d+,\s*\d+\))?")
_TYPES: Final[Mapping[str, str]] = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
}
"""Athena's types that DuckDB has, too; others come as the text that Athena writes."""
_ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_USERS: Final = 2
"""Athena's category of errors that whoever asks can mend."""
_NAP_S: Final = 0.05
_LONGEST_NAP_S: Final = 2.0


class RecordsOrTables:
    """Asks `records` what is about EDP's own records (`edp.files`, ...), and `tables` the rest.

    One question cannot be about both: the tables are with Athena, and the records are not.
    """

    def __init__(self, *, records: Query, tables: Query) -> None:
        self._records = records
        self._tables = tables

    def ask(self, sql: str, snapshot: Snapshot) -> Answer:
        """The answer to `sql`."""
        return self._of(sql).ask(sql, Snapshot({}, snapshot.records))

    def arrow(self, sql: str, snapshot: Snapshot, take: Callable[[ArrowStream], R]) -> R:
        """What `take` makes of the answer to `sql`, which it has to read before it returns."""
        return self._of(sql).arrow(sql, Snapshot({}, snapshot.records), take)

    def export(self, sql: str, snapshot: Snapshot, out: Path) -> int:
        """Write the answer to `out` as Parquet; how many rows."""
        return self._of(sql).export(sql, Snapshot({}, snapshot.records), out)

    def _of(self, sql: str) -> Query:
        return self._records if _RECORDS.search(_COMMENT.sub(" ", sql)) else self._tables


class AthenaQuery:
    """Asks in a workgroup, whose settings say where results lie and how much may be scanned.

    A query that takes longer than `timeout_s` is stopped. What a snapshot says is left aside: the
    Glue Data Catalog says which tables there are.
    """

    def __init__(
        self, athena: Service, *, workgroup: str, database: str, timeout_s: float = 600.0
    ) -> None:
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._timeout_s = timeout_s

    def ask(self, sql: str, snapshot: Snapshot) -> Answer:
        """The answer to `sql`, with the bytes that it scanned."""
        del snapshot
        with self._answer(sql) as (rows, scanned):
            types = tuple(map(str, rows.types))
            found = rows.query("asked", plain_sql(types, "asked")) if zoned(types) else rows
            values = [in_utc(row, types) for row in found.fetchall()] if found else []
            return Answer(tuple(rows.columns), types, values, scanned=scanned)

    def arrow(self, sql: str, snapshot: Snapshot, take: Callable[[ArrowStream], R]) -> R:
        """What `take` makes of the answer to `sql`, which it has to read before it returns."""
        del snapshot
        with self._answer(sql) as (rows, _):
            return take(cast("ArrowStream", rows))

    def export(self, sql: str, snapshot: Snapshot, out: Path) -> int:
        """Write the answer to `out` as Parquet; how many rows."""
        del snapshot
        with self._answer(sql) as (rows, _):
            rows.write_parquet(str(out), compression="zstd")
            return len(rows)

    @contextmanager
    def _answer(self, sql: str) -> Iterator[tuple[duckdb.DuckDBPyRelation, int]]:
        """The answer as a relation, and the bytes scanned."""
        _check(sql)
        query, scanned = self._run(sql)
        with TemporaryDirectory(prefix="edp-query-") as folder, duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            path = Path(folder, "rows.jsonl")
            columns = self._fetch(query, path)
            yield _typed(con, path, columns), scanned

    def _run(self, sql: str) -> tuple[str, int]:
        """The id of the query, once Athena has answered it, and the bytes that it scanned."""
        try:
            query: str = self._athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
            )["QueryExecutionId"]
        except ClientError as error:
            if code_of(error) != "InvalidRequestException":
                raise
            raise ConfigError(f"Athena does not take the query: {error}") from error
        try:
            ended = self._wait(query)
        except BaseException:
            self._athena.stop_query_execution(QueryExecutionId=query)
            raise
        if ended["Status"]["State"] != "SUCCEEDED":
            raise _failure(ended["Status"])
        return query, int(ended.get("Statistics", {}).get("DataScannedInBytes", 0))

    def _wait(self, query: str) -> Mapping[str, Any]:
        """What Athena tells of the query, once that has ended."""
        until, nap_s = time.monotonic() + self._timeout_s, _NAP_S
        while True:
            answer = self._athena.get_query_execution(QueryExecutionId=query)
            found: Mapping[str, Any] = answer["QueryExecution"]
            if found["Status"]["State"] in _ENDED:
                return found
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"the query took longer than {self._timeout_s:g} s and was stopped; "
                    f"ask for less, or filter by a partition"
                )
            time.sleep(nap_s)
            nap_s = min(2 * nap_s, _LONGEST_NAP_S)

    def _fetch(self, query: str, path: Path) -> list[tuple[str, str]]:
        """Write the rows of all pages to `path` as JSON lists; names and types of the columns."""
        columns: list[tuple[str, str]] = []
        with path.open("w", encoding="utf-8") as out:
            for n, page in enumerate(
                self._athena.pages("get_query_results", QueryExecutionId=query)
            ):
                result = page["ResultSet"]
                if n == 0:
                    told = result["ResultSetMetadata"]["ColumnInfo"]
                    columns = [(_name(one), _type(one)) for one in told]
                for row in result["Rows"][int(n == 0) :]:  # the first one has the names
                    values = [one.get("VarCharValue") for one in row["Data"]]
                    numbered = {f"c{m}": value for m, value in enumerate(values)}
                    out.write(json.dumps(numbered) + "\n")
        return columns


def _check(sql: str) -> None:
    """Refuse what does more than read; what it may read is the role's affair.

    Raises: ConfigError.
    """
    words = _COMMENT.sub(" ", sql).lstrip(" \t\r\n(").split(maxsplit=1)
    if not words:
        raise ConfigError("the query is empty; name a table: SELECT * FROM orders LIMIT 10")
    if words[0].lower() not in _READS:
        raise ConfigError("a query is one SELECT; tables change through files, not through SQL")


def _failure(status: Mapping[str, Any]) -> Exception:
    """The error that a query ended with: of whoever asked, or one that may pass."""
    why = status.get("StateChangeReason", "Athena does not say why")
    if status["State"] == "CANCELLED":
        return ConfigError(f"the query was stopped: {why}; ask for less, or raise the limit")
    if status.get("AthenaError", {}).get("ErrorCategory") == _USERS:
        return ConfigError(why)
    return StoreUnavailable(f"Athena could not answer: {why}")


def _name(column: Mapping[str, Any]) -> str:
    return str(column.get("Label") or column["Name"])


def _type(column: Mapping[str, Any]) -> str:
    kind = str(column["Type"]).lower()
    if kind == "decimal":
        return f"DECIMAL({column['Precision']}, {column['Scale']})"
    if _DECIMAL.fullmatch(kind):
        return kind.upper()
    return _TYPES.get(kind, "VARCHAR")


def _typed(
    con: duckdb.DuckDBPyConnection, path: Path, columns: list[tuple[str, str]]
) -> duckdb.DuckDBPyRelation:
    """The rows in `path`, each text as a value of its column's type."""
    shape = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(columns)))
    casts = ", ".join(
        f"CAST(c{n} AS {kind}) AS {identifier(name)}" for n, (name, kind) in enumerate(columns)
    )
    lines = f"read_json({literal(str(path))}, format='newline_delimited', columns={{{shape}}})"
    return con.sql(f"SELECT {casts} FROM {lines}")  # noqa: S608 (names and paths are quoted)
