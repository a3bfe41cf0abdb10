"""Transforming: each file's good rows go through the dataset's own SQL or Python, once.

It runs in a database of its own, which holds this file's rows and can read neither files nor the
network; Python runs with the worker's rights. What comes out are the table's columns.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.errors import Failure, RetryableError, TransformFailed
from edp.core.names import RESERVED, normalise
from edp.core.sql import identifier, literal, physical
from edp.etl.engine.columns import Cell
from edp.etl.engine.express import first_line, stored_type
from edp.etl.engine.masking import masked
from edp.etl.engine.session import session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.etl.engine.header import Source

_TELLING: Final = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
"""Errors that speak of the statement and hold no value of a row."""
_OUT: Final = "edp_output"


class UnequalTransforms(RetryableError):
    """Files of one run came out of a transform with different columns; each has to run alone."""

    code = "unequal transforms"


@dataclass(frozen=True)
class Room:
    """Where transforms may work: a folder, and memory (bytes) and threads to take."""

    workdir: str
    memory: int
    threads: int


@dataclass(frozen=True)
class Transformed:
    """The query for what came out (row, f, c0, ...), its columns, and files that failed."""

    kept: str
    cells: tuple[Cell, ...]
    failures: Mapping[int, Failure]


def transform(
    con: DuckDBPyConnection,
    kept: str,
    cells: Sequence[Cell],
    sources: Sequence[Source],
    contract: Dataset,
    *,
    table: str,
    room: Room,
) -> Transformed:
    """Take each file's rows of `kept` (row, f, c0, ...) through the transform, into `table`.

    Raises: UnequalTransforms.
    """
    found: tuple[Cell, ...] = ()
    failures: dict[int, Failure] = {}
    names = ", ".join(f"{cell.text} AS {identifier(cell.name)}" for cell in cells)
    for source in sources:
        number = source.snapshot.number
        folder = Path(room.workdir) / f"transform-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        query = f"SELECT {names} FROM ({kept}) WHERE f = {number} ORDER BY row"
        try:
            given = _export(con, query, folder / "in.parquet")
            came = _one(folder, contract, room, rows=given)
        except TransformFailed as error:
            failures[number] = Failure.of(TransformFailed(f"{source.key}: {error}"))
            continue
        else:
            if found and came != found:
                raise UnequalTransforms(f"{source.key}: its transform gave other columns")
            _load(con, table, number, came, folder / "out.parquet", new=not found)
            found = came
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if not found:
        return Transformed(f"SELECT * FROM ({kept}) WHERE false", tuple(cells), failures)
    return Transformed(f"SELECT rowid AS row, * FROM {table}", found, failures)


def _export(con: DuckDBPyConnection, query: str, path: Path) -> int:
    con.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION snappy)")
    footer = f"SELECT num_rows FROM parquet_file_metadata({literal(str(path))})"
    ((rows,),) = con.execute(footer).fetchall()
    return int(rows)


def _load(
    con: DuckDBPyConnection,
    table: str,
    number: int,
    cells: Sequence[Cell],
    path: Path,
    *,
    new: bool,
) -> None:
    values = ", ".join(
        f"CAST({identifier(cell.name)} AS {physical(cell.type or 'string')}) AS {cell.text}"
        for cell in cells
    )
    rows = f"SELECT {number} AS f, {values} FROM read_parquet({literal(str(path))})"
    con.execute(f"CREATE TABLE {table} AS {rows}" if new else f"INSERT INTO {table} {rows}")


def _one(folder: Path, contract: Dataset, room: Room, *, rows: int) -> tuple[Cell, ...]:
    """Transform the rows in the folder's `in.parquet` into its `out.parquet`."""
    assert contract.transform is not None
    source, out = folder / "in.parquet", folder / "out.parquet"
    with session(str(folder), memory=room.memory, threads=room.threads) as con:
        con.execute(f"CREATE TABLE input AS FROM read_parquet({literal(str(source))})")
        confine(con, [str(out)])
        try:
            run(con, contract, empty=not rows)
            cells = output(con)
            ((came,),) = con.execute(f"SELECT count(*) FROM {_OUT}").fetchall()
        except TransformFailed as error:
            raise TransformFailed(f"transform {contract.transform}: {error}") from None
        if came > rows:
            raise TransformFailed(
                f"transform {contract.transform} made {came} rows of {rows}; a row may become "
                "none or one"
            )
        con.execute(f"COPY {_OUT} TO {literal(str(out))} (FORMAT parquet, COMPRESSION snappy)")
    return cells


def confine(con: DuckDBPyConnection, paths: Sequence[str]) -> None:
    """From here on the connection reads and writes `paths` and nothing else."""
    con.execute("SET python_enable_replacements = false")
    con.execute("SET allowed_paths = $1", [list(paths)])
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def run(con: DuckDBPyConnection, contract: Dataset, *, empty: bool) -> None:
    """Make the output of the connection's table `input`; only its columns count if that is empty.

    Raises: TransformFailed.
    """
    assert contract.transform is not None
    text = contract.transform_text
    path, _, function = contract.transform.rpartition(":")
    try:
        if contract.transform.endswith(".sql"):
            relation = con.sql(select(con, text))
        else:
            relation = _function(text, path, function)(con.table("input"))
            if not isinstance(relation, duckdb.DuckDBPyRelation):
                raise TransformFailed(f"{function}() gave no DuckDB relation")
        (relation.limit(0) if empty else relation).create(_OUT)
    except TransformFailed:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 (code of the user's: it may raise anything)
        raise TransformFailed(_said(error, contract)) from None


def _said(error: BaseException, contract: Dataset) -> str:
    text = first_line(error) if isinstance(error, duckdb.Error) else str(error)
    if masked(contract) and not isinstance(error, _TELLING):
        return f"{type(error).__name__} (its text is withheld: columns are masked)"
    return text if isinstance(error, duckdb.Error) else f"{type(error).__name__}: {text}"


def select(con: DuckDBPyConnection, text: str) -> str:
    """The one SELECT that `text` is, without the semicolon that ends it.

    Raises: TransformFailed.
    """
    statements = con.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise TransformFailed("it is not one SELECT")
    # positions are in bytes
    raw = text.encode()
    ends = [at for at, _ in duckdb.tokenize(text) if raw[at : at + 1] == b";"]
    return raw[: ends[0]].decode() if ends else text


def _function(text: str, path: str, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    module = {"__name__": "edp_transform", "__file__": path}
    exec(compile(text, path, "exec"), module)  # noqa: S102 (the workspace's own code, by its contract)
    if not callable(module.get(name)):
        raise TransformFailed(f"{path} has no function {name}")
    return module[name]


def output(con: DuckDBPyConnection) -> tuple[Cell, ...]:
    """The columns that came out.

    Raises: TransformFailed naming one that no table can have.
    """
    cells = []
    for place, (name, duck, *_) in enumerate(con.execute(f"DESCRIBE {_OUT}").fetchall()):
        kind = stored_type(duck)
        if name in RESERVED or normalise(name) != name:
            raise TransformFailed(f"column {name!r}: name it with a-z, 0-9 and _, as tables do")
        if kind is None:
            raise TransformFailed(f"column {name!r} has the type {duck}; cast it to one of EDP's")
        cells.append(Cell(place, name, name, kind, rank=place))
    return tuple(cells)
