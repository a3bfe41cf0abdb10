"""Spanning: one row for each key over several files, worked out bucket by bucket.

Rows with equal keys are in one bucket, whatever file they come from, so that each bucket can be
settled by itself, anywhere. Of rows with equal keys the first or the last stays, in the stated
order, then by the order of the files, then by their place in it, as within one file.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.sql import identifier, literal, value_sql
from edp.etl.engine.session import session
from edp.etl.engine.write import Writer, durable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from edp.core.contract.dataset import Keyed
    from edp.core.files import DataFile

_BATCH: Final = 50_000
"""Rows that travel together, at the most."""


@dataclass(frozen=True)
class Spanning:
    """What is asked: one row for each key of `rule`, of files with the columns of `schema`.

    `memory` (bytes) and `threads` are for one bucket. Names are those of the table.
    """

    run_id: str
    fence: int
    dataset: str
    rule: Keyed
    schema: Mapping[str, str]
    memory: int
    threads: int = 1


def bucketed(
    asked: Spanning, file: DataFile, rank: int, *, buckets: int, room: str
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of `file` by bucket, cast to the asked schema; `rank` is its place among the files.

    Batches have the schema's columns, `_source_file`, `_loaded_at`, `$rank` and `$row`.
    """
    keys = ", ".join(map(identifier, asked.rule.keys))
    values = [
        f"{value_sql(file.schema[name], kind, identifier(name))} AS {identifier(name)}"
        if name in file.schema
        else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in _physical(asked.schema).items()
    ]
    with session(room, memory=asked.memory, threads=asked.threads) as con:
        con.execute(
            f"CREATE TABLE rows AS SELECT {', '.join(values)}, {SOURCE_FILE}, {LOADED_AT}, "
            f'{rank} AS "$rank", file_row_number AS "$row" '
            f"FROM read_parquet({literal(file.path)}, hive_partitioning = false)"
        )
        for bucket in range(buckets):
            mine = con.sql(f"SELECT * FROM rows WHERE hash({keys}) % {buckets} = {bucket}")
            for batch in mine.to_arrow_reader(_BATCH):
                yield bucket, batch


def _physical(schema: Mapping[str, str]) -> Mapping[str, str]:
    return {name: kind.partition(":")[0] for name, kind in schema.items()}


def settled(
    asked: Spanning, bucket: int, batches: Iterable[pa.RecordBatch], *, room: str
) -> tuple[DataFile, Mapping[str, int]] | None:
    """The bucket's rows that stay, as a staged file, and by source how many made way.

    None where there is no row at all.
    """
    with session(room, memory=asked.memory, threads=asked.threads) as con:
        if not _filled(con, batches):
            return None
        way = "DESC" if asked.rule.keep == "last" else "ASC"
        order = [f"{identifier(name)} {way} NULLS LAST" for name in asked.rule.order_by]
        order += [f'"$rank" {way}', f'"$row" {way}']
        keys = ", ".join(map(identifier, asked.rule.keys))
        con.execute(
            f"CREATE TABLE judged AS SELECT *, row_number() OVER (PARTITION BY {keys} "
            f'ORDER BY {", ".join(order)}) = 1 AS "$stays" FROM rows'
        )
        stays, away = _by_source(con, stays=True), _by_source(con, stays=False)
        columns = ", ".join([*map(identifier, asked.schema), SOURCE_FILE, LOADED_AT])
        written = Writer(room, asked.run_id, asked.fence, asked.dataset).write(
            con,
            f'SELECT {columns} FROM judged WHERE "$stays" ORDER BY "$rank", "$row"',
            kind="data",
            name=f"b{bucket}",
            schema=asked.schema,
            sources=stays,
        )
    return replace(durable(written), sources=stays), away


def _filled(con: DuckDBPyConnection, batches: Iterable[pa.RecordBatch]) -> bool:
    start = "CREATE TABLE rows AS"
    for batch in batches:
        con.register("batch", batch)
        con.execute(f"{start} SELECT * FROM batch")
        con.unregister("batch")
        start = "INSERT INTO rows"
    return start.startswith("INSERT")


def _by_source(con: DuckDBPyConnection, *, stays: bool) -> Mapping[str, int]:
    query = (
        f'SELECT {SOURCE_FILE}, count(*) FROM judged WHERE "$stays" = {stays} GROUP BY 1 ORDER BY 1'
    )
    return dict(con.execute(query).fetchall())
