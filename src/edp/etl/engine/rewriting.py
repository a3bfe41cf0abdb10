"""Rewriting: files of a table copied into one, without the rows of some sources, columns cast.

The copy says in its metadata what it holds now. The rows of one file stay in their order; those of
several are put in order as a run would have done.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from edp.core.faults import reach
from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.sql import identifier, literal, value_sql
from edp.etl.engine.partitions import ROW, sorting
from edp.etl.engine.session import session
from edp.etl.engine.write import Writer, check_rows, durable, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.core.files import DataFile
    from edp.etl.port import Rewrite

REJECTS_ORDER: Final = ("source_file", "line")


def rewrite(task: Rewrite) -> DataFile:
    """The new file; its name tells the old ones', so that one run can rewrite several.

    Raises: RuntimeError when the rows are not those that the catalog counts; ValueError when the
    files are not alike.
    """
    first = task.files[0]
    if any(_kind(file) != _kind(first) for file in task.files):
        raise ValueError("files that become one have the same kind, partition and schema")
    schema = {name: task.types.get(name, stored) for name, stored in first.schema.items()}
    sources: Counter[str] = Counter()
    for file in task.files:
        sources.update({k: n for k, n in file.sources.items() if k not in task.without})
    told = "\n".join(file.path for file in task.files)
    with (
        session(task.workdir, memory=task.memory, threads=task.threads) as con,
        in_order(con),
    ):
        written = Writer(task.workdir, task.run_id, task.fence, task.dataset).write(
            con,
            _ordered_sql(task, schema),
            kind=first.kind,
            name=f"r{hashlib.sha256(told.encode()).hexdigest()[:12]}",
            schema=schema,
            sources=sources,
            partition=first.partition,
        )
        check_rows(con, [written])
    file = durable(written)
    reach("engine.rewritten")
    return file


def _kind(file: DataFile) -> tuple[str, str, list[tuple[str, str]]]:
    return file.kind, file.partition, sorted(file.schema.items())


def _ordered_sql(task: Rewrite, schema: Mapping[str, str]) -> str:
    rows = _rows_sql(task, schema)
    by = list(REJECTS_ORDER) if task.files[0].kind == "rejects" else sorting(schema, task.contract)
    if len(task.files) == 1 or not by:
        return rows
    row = identifier(ROW)
    numbered = f"SELECT *, row_number() OVER () AS {row} FROM ({rows})"
    return f"SELECT * EXCLUDE ({row}) FROM ({numbered}) ORDER BY {', '.join([*by, row])}"


def _rows_sql(task: Rewrite, schema: Mapping[str, str]) -> str:
    first = task.files[0]
    key = identifier(SOURCE_FILE if first.kind == "data" else "source_file")
    values = [
        f"{value_sql(first.schema[name], wanted, identifier(name))} AS {identifier(name)}"
        for name, wanted in schema.items()
        if name not in (SOURCE_FILE, LOADED_AT)
    ]
    if first.kind == "data":
        values += [identifier(SOURCE_FILE), identifier(LOADED_AT)]
    gone = ", ".join(literal(name) for name in sorted(task.without))
    where = f" WHERE {key} NOT IN ({gone})" if gone else ""
    # the folder's name would stand for the column, where the file has it as well
    paths = ", ".join(map(literal, task.paths))
    return (
        f"SELECT {', '.join(values)} FROM read_parquet([{paths}], hive_partitioning = false){where}"
    )
