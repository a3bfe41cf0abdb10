"""Staging: the rows and rejects of a job's good files, cast and written.

A group of files gives one data file for each partition, its rows in input order; a job gives one
file of rejects.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.sql import fitting_sql, identifier, literal
from edp.etl.engine.masking import mask_sql
from edp.etl.engine.partitions import ROW, Part, parts, sorting
from edp.etl.engine.rejects import SCHEMA, rejects_query
from edp.etl.engine.write import Writer, durable, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.files import DataFile
    from edp.core.receipts import Counts
    from edp.etl.engine.columns import Cell
    from edp.etl.engine.group import Group
    from edp.etl.port import Job

_SYNCED_AT_ONCE: Final = 8


def stage_rejects(
    con: DuckDBPyConnection, job: Job, groups: Sequence[Group], failed: Collection[int]
) -> list[DataFile]:
    """Write the rejects of all files that have not failed."""
    queries = []
    sources: dict[str, int] = {}
    for group in groups:
        rejected = _rows_by_key(group, failed, lambda counts: counts.rows_rejected)
        if rejected:
            queries.append(rejects_query(group, failed, job.run_id))
            sources |= rejected
    if not queries:
        return []
    everything = f"{' UNION ALL '.join(queries)} ORDER BY source_file, line"
    writer = Writer(job.workdir, job.run_id, job.fence, job.dataset)
    with in_order(con):
        written = writer.write(
            con, everything, kind="rejects", name="0", schema=SCHEMA, sources=sources
        )
    return [durable(written)]


def _rows_by_key(
    group: Group, failed: Collection[int], rows: Callable[[Counts], int]
) -> dict[str, int]:
    """Rows by key of the files that have some and have not failed."""
    found = {
        source.key: rows(group.counts[source.snapshot.number])
        for source in group.sources
        if source.snapshot.number not in failed
    }
    return {key: count for key, count in found.items() if count}


def stage_data(
    con: DuckDBPyConnection,
    job: Job,
    groups: Sequence[Group],
    types: Mapping[str, str],
    failed: Collection[int],
) -> list[DataFile]:
    """Write the rows of all files that have not failed, with inferred columns as `types` says."""
    writer = Writer(job.workdir, job.run_id, job.fence, job.dataset)
    waiting: list[tuple[int, Mapping[str, str], Part]] = []
    for number, group in enumerate(groups):
        sources = _rows_by_key(group, failed, lambda counts: counts.rows_written)
        if not sources:
            continue
        schema = {cell.name: cell.known or types[cell.name] for cell in group.cells}
        values = _values_sql(group, schema, job.loaded_at)
        rows = _rows_sql(group, failed)
        placed = f"SELECT {values}, k.row AS {identifier(ROW)} {rows}"
        if job.contract.partition_by:
            parted = parts(con, placed, group, job.contract, f"final_{number}")
        elif by := sorting(schema, job.contract):
            row = identifier(ROW)
            query = f"SELECT * EXCLUDE ({row}) FROM ({placed}) ORDER BY {', '.join([*by, row])}"
            parted = [Part("", query, sources)]
        else:
            parted = [Part("", f"SELECT {values} {rows}", sources)]
        waiting += [(number, schema, part) for part in parted]
    # the disk makes some durable while the next ones are written
    with in_order(con), ThreadPoolExecutor(_SYNCED_AT_ONCE) as syncing:
        files = [
            syncing.submit(
                durable,
                writer.write(
                    con,
                    part.query,
                    kind="data",
                    name=str(number),
                    schema=schema,
                    sources=part.sources,
                    partition=part.folder,
                ),
            )
            for number, schema, part in waiting
        ]
        return [file.result() for file in files]


def _values_sql(group: Group, schema: Mapping[str, str], loaded_at: float) -> str:
    """The table's columns, of the rows of `_rows_sql`."""
    values = [
        f"{_value(cell, schema[cell.name])} AS {identifier(cell.name)}" for cell in group.cells
    ]
    micros = round(loaded_at * 1_000_000)
    values.append(f"n.key AS {identifier(SOURCE_FILE)}")
    values.append(f"make_timestamp({micros})::TIMESTAMPTZ AS {identifier(LOADED_AT)}")
    return ", ".join(values)


def _rows_sql(group: Group, failed: Collection[int]) -> str:
    """The rows (`k`) of the group's files that have not failed, each with its file (`n`)."""
    keys = {source.snapshot.number: source.key for source in group.sources}
    names = ", ".join(f"({number}, {literal(key)})" for number, key in keys.items())
    gone = ", ".join(map(str, sorted(failed))) or "-1"
    return (
        f"FROM ({group.kept}) k "
        f"JOIN (VALUES {names}) n (number, key) ON k.f = n.number WHERE k.f NOT IN ({gone})"
    )


def _value(cell: Cell, kind: str) -> str:
    if cell.mask:
        return mask_sql(cell.text, cell.mask)
    return cell.text if cell.type else fitting_sql(cell.text, kind)
