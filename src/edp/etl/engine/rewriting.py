"""Rewriting: a table's file copied without the rows of some sources, its columns cast on the way.

The copy has the file's rows in their order, and says in its metadata what it holds now.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.sql import identifier, literal, value_sql
from edp.etl.engine.session import session
from edp.etl.engine.write import Writer, check_rows, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.core.files import DataFile
    from edp.etl.port import Rewrite


def rewrite(task: Rewrite) -> DataFile:
    """The new file; its name tells the old one's, so that one run can rewrite several.

    Raises: RuntimeError when the file's rows are not those that the catalog counts.
    """
    file = task.file
    schema = {name: task.types.get(name, stored) for name, stored in file.schema.items()}
    sources = {key: rows for key, rows in file.sources.items() if key not in task.without}
    name = f"r{hashlib.sha256(file.path.encode()).hexdigest()[:12]}"
    with (
        session(task.workdir, memory=task.memory, threads=task.threads) as con,
        in_order(con),
    ):
        written = Writer(task.workdir, task.run_id, task.fence, task.dataset).write(
            con,
            _rows_sql(task, schema),
            kind=file.kind,
            name=name,
            schema=schema,
            sources=sources,
            partition=file.partition,
        )
        check_rows(con, [written])
    return written


def _rows_sql(task: Rewrite, schema: Mapping[str, str]) -> str:
    stored = task.file.schema
    key = identifier(SOURCE_FILE if task.file.kind == "data" else "source_file")
    values = [
        f"{value_sql(stored[name], wanted, identifier(name))} AS {identifier(name)}"
        for name, wanted in schema.items()
        if name not in (SOURCE_FILE, LOADED_AT)
    ]
    if task.file.kind == "data":
        values += [identifier(SOURCE_FILE), identifier(LOADED_AT)]
    gone = ", ".join(literal(name) for name in sorted(task.without))
    where = f" WHERE {key} NOT IN ({gone})" if gone else ""
    # the folder's name would stand for the column, where the file has it as well
    rows = f"read_parquet({literal(task.path)}, hive_partitioning = false)"
    return f"SELECT {', '.join(values)} FROM {rows}{where}"
