"""DuckDB over the files that a snapshot lists; it can read those and nothing else."""

# ruff: noqa: S608 (names go through `identifier`, values through `literal`)

from __future__ import annotations

import json
import secrets
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.sql import identifier, literal, physical, value_sql
from edp.query.port import Answer
from edp.query.zones import in_utc, plain_sql, zoned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from edp.query.port import ArrowStream, Files, R, Snapshot, View

_LIMIT_S: Final = 600.0
"""Seconds that a query may take; on AWS it is as long."""


class LocalQuery:
    """Queries of one workspace, each in a connection and a scratch folder of its own.

    One that takes longer than `limit_s` is stopped, and one that wants more than `memory` (bytes)
    and cannot spill it fails.
    """

    def __init__(self, work: Path, *, memory: int, limit_s: float = _LIMIT_S) -> None:
        self._work = work
        self._memory = memory
        self._limit_s = limit_s

    def ask(self, sql: str, snapshot: Snapshot) -> Answer:
        """The answer to `sql`."""
        with self._open(sql, snapshot) as con, _explained(snapshot):
            asked = con.sql(_alone(sql))
            types = tuple(str(kind) for kind in asked.types)
            found = asked.query("asked", plain_sql(types, "asked")) if zoned(types) else asked
            rows = found.fetchall() if found else []
            return Answer(tuple(asked.columns), types, [in_utc(row, types) for row in rows])

    def arrow(self, sql: str, snapshot: Snapshot, take: Callable[[ArrowStream], R]) -> R:
        """What `take` makes of the answer to `sql`, which it has to read before it returns."""
        with self._open(sql, snapshot) as con, _explained(snapshot):
            found = con.sql(_alone(sql))
            try:
                return take(found)
            except OSError as error:  # how a stream that breaks off is told, DuckDB's text in it
                raise (_broken_off(str(error)) or error) from error

    def export(self, sql: str, snapshot: Snapshot, out: Path) -> int:
        """Write the answer to `out` as Parquet; how many rows."""
        with self._open(sql, snapshot, out=out) as con, _explained(snapshot):
            con.sql(_alone(sql)).write_parquet(str(out))
            footer = f"SELECT num_rows FROM parquet_file_metadata({literal(str(out))})"
            ((n,),) = con.execute(footer).fetchall()
            return int(n)

    @contextmanager
    def _open(
        self, sql: str, snapshot: Snapshot, *, out: Path | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        scratch = self._work / f"query-{secrets.token_hex(8)}"
        scratch.mkdir(mode=0o700, parents=True)
        con = duckdb.connect(":memory:")
        try:
            con.execute("SET enable_progress_bar = false")
            settings: dict[str, str | bool] = {
                "memory_limit": f"{self._memory}B",
                "temp_directory": str(scratch),
                "TimeZone": "UTC",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
            for name, value in settings.items():
                con.execute(f"SET {name} = {literal(value)}")
            with _explained(snapshot):
                paths = _tables(con, sql, snapshot, scratch)
            allowed = [*paths, *([str(out)] if out else [])]
            con.execute("SET allowed_paths = $1", [allowed])
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
            with _limited(con, self._limit_s):
                yield con
        finally:
            con.close()
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _limited(con: duckdb.DuckDBPyConnection, limit_s: float) -> Iterator[None]:
    """Stop what `con` does when the time is over."""
    over = threading.Event()

    def stop() -> None:
        over.set()
        con.interrupt()

    timer = threading.Timer(limit_s, stop)
    timer.daemon = True  # Ctrl-C ends the process, and does not wait for the limit
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            raise StoreUnavailable(
                f"the query took longer than {limit_s:g} s and was stopped; ask for less, "
                "or filter by a partition"
            ) from error
        raise
    finally:
        timer.cancel()


@contextmanager
def _explained(snapshot: Snapshot) -> Iterator[None]:
    try:
        yield
    except duckdb.CatalogException as error:
        names = [*snapshot.views, "edp.rejects", *(f"edp.{name}" for name in snapshot.records)]
        raise ConfigError(f"{_first_line(error)}\nThere are: {', '.join(names)}") from error
    except duckdb.OutOfMemoryException as error:
        raise StoreUnavailable(_first_line(error)) from error
    except duckdb.IOException as error:
        hint = "where a file of others was taken away, `edp crawl` notices"
        raise StoreUnavailable(f"{_first_line(error)}\n{hint}") from error
    except duckdb.Error as error:
        raise ConfigError(str(error)) from error


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]


def _broken_off(text: str) -> duckdb.Error | None:
    """The error that a stream's text tells of, if it is one of DuckDB's."""
    name, told, _ = text.partition(" Error: ")
    wanted = f"{name.replace(' ', '')}exception".lower()
    kinds: list[type[duckdb.Error]] = [
        kind for kind in vars(duckdb).values() if getattr(kind, "__name__", "").lower() == wanted
    ]
    return (kinds or [duckdb.Error])[0](text) if told else None


def _tables(
    con: duckdb.DuckDBPyConnection, sql: str, snapshot: Snapshot, scratch: Path
) -> list[str]:
    """Make the tables that `sql` names; the paths that they read."""
    statements = con.extract_statements(sql)
    if not statements:
        raise ConfigError("the query is empty; try: SELECT * FROM edp.files")
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError("a query is one SELECT; tables change through files, not through SQL")
    try:
        named = {name.lower() for name in con.get_table_names(sql, qualified=True)}
    except duckdb.Error:
        named = set()
    named = {name.replace('"', "") for name in named}
    everything = not named
    wanted = [
        view
        for view in snapshot.views.values()
        if everything or named & {view.name, f"main.{view.name}"}
    ]
    rejects = [view for view in snapshot.views.values() if view.name.endswith("__rejects")]
    with_rejects = everything or "edp.rejects" in named
    if with_rejects:
        wanted += [view for view in rejects if view not in wanted]
    for view in wanted:
        con.execute(f"CREATE VIEW {identifier(view.name)} AS {_select(view)}")
    con.execute("CREATE SCHEMA edp")
    if with_rejects:
        con.execute(f"CREATE VIEW edp.rejects AS {_all_rejects(rejects)}")
    for name, (columns, rows) in snapshot.records.items():
        if everything or f"edp.{name}" in named:
            _load(con, name, columns, rows(), scratch)
    return [path for view in wanted for group in view.files for path in group.paths]


def _select(view: View) -> str:
    if not view.files:
        nothing = ", ".join(
            f"CAST(NULL AS {physical(kind)}) AS {identifier(name)}"
            for name, kind in view.columns.items()
        )
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(_part(view, group) for group in view.files)


def _part(view: View, group: Files) -> str:
    columns = ", ".join(
        f"{_column(name, kind, group)} AS {identifier(name)}" for name, kind in view.columns.items()
    )
    paths = ", ".join(map(literal, group.paths))
    hive = f"hive_partitioning={literal(group.partitioned)}, hive_types_autocast=false"
    hive = hive if group.partitioned else "hive_partitioning=false"
    return f"SELECT {columns} FROM read_parquet([{paths}], {hive})"


def _column(name: str, kind: str, group: Files) -> str:
    if name in group.schema:
        try:
            return (
                f"CAST({value_sql(group.schema[name], kind, identifier(name))} AS {physical(kind)})"
            )
        except ValueError:
            pass  # a column without a value in these files, stored as it was once resolved
    elif group.own and name in (SOURCE_FILE, LOADED_AT):
        return identifier(name)
    return f"CAST(NULL AS {physical(kind)})"


def _all_rejects(views: Sequence[View]) -> str:
    selects = [
        f"SELECT {literal(view.name.removesuffix('__rejects'))} AS dataset, * "
        f"FROM {identifier(view.name)}"
        for view in views
    ]
    if selects:
        return " UNION ALL BY NAME ".join(selects)
    columns = ("dataset", "run_id", "source_file", "column_name", "value", "reason", "raw")
    nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in columns)
    return f"SELECT {nothing}, CAST(NULL AS BIGINT) AS line WHERE false"


def _load(
    con: duckdb.DuckDBPyConnection,
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, object]],
    scratch: Path,
) -> None:
    path = scratch / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps({c: row.get(c) for c in columns}) + "\n" for row in rows)
    shape = ", ".join(f"{literal(c)}: {literal(kind)}" for c, kind in columns.items())
    con.execute(
        f"CREATE TABLE edp.{identifier(name)} AS SELECT * FROM read_json({literal(str(path))}, "
        f"format='newline_delimited', columns={{{shape}}})"
    )
    path.unlink()


def _alone(sql: str) -> str:
    """The one statement of `sql` without the semicolon that ends it, and what is behind that."""
    text = sql.encode()
    ends = [at for at, _ in duckdb.tokenize(sql) if text[at : at + 1] == b";"]  # places are bytes
    return text[: ends[0]].decode() if ends else sql
