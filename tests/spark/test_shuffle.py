"""One row a key over files: what the shuffle keeps is what one DuckDB keeps of all rows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import duckdb
import pytest

from edp.core.contract.dataset import Keyed
from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.etl.engine.session import session
from edp.etl.engine.spanning import Spanning
from edp.etl.engine.write import Writer, check_rows, in_order
from edp.etl.spark.context import spark_context
from edp.etl.spark.shuffle import one_row_a_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark import SparkContext

    from edp.core.files import DataFile

MEMORY = 300_000_000
# pyspark leaves its sockets to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkContext]:
    with spark_context("local[2]", {}) as context:
        yield context


def staged(folder: Path, chance: random.Random) -> list[DataFile]:
    """Files of one table, of which the second has another type, and the third lacks a column."""
    files = []
    for n in range(4):
        room = folder / f"file-{n}"
        room.mkdir(parents=True)
        schema = {"id": "bigint" if n != 1 else "string", "day": "timestamp", "note": "string"}
        if n == 2:
            del schema["note"]
        rows = ", ".join(
            f"({chance.randrange(40)}, {chance.choice(['NULL', str(chance.randrange(5))])})"
            for _ in range(60)
        )
        values = {
            "id": "id" if n != 1 else "CAST(id AS VARCHAR)",
            "day": "make_timestamp(day * 86400000000)",
            "note": f"'note {n}'",
        }
        columns = ", ".join(f"{values[name]} AS {name}" for name in schema)
        query = (
            f"SELECT {columns}, 't/{n}.csv' AS {SOURCE_FILE}, make_timestamp(0)::TIMESTAMPTZ AS "
            f"{LOADED_AT} FROM (VALUES {rows}) v (id, day)"
        )
        with session(str(room), memory=MEMORY, threads=1) as con, in_order(con):
            file = Writer(str(room), "run1", 1, "t").write(
                con, query, kind="data", name="0", schema=schema, sources={f"t/{n}.csv": 60}
            )
            check_rows(con, [file])
        files.append(file)
    return files


@pytest.mark.parametrize("keep", ["first", "last"])
def test_the_shuffle_keeps_what_one_database_would(
    tmp_path: Path, spark: SparkContext, keep: str
) -> None:
    files = staged(tmp_path / "in", random.Random(keep))
    rule = Keyed.model_validate({"keys": ["id"], "order_by": ["day"], "keep": keep})
    schema = {"id": "bigint", "day": "timestamp", "note": "string"}
    asked = Spanning("run1", 1, "t", rule, schema, memory=MEMORY)

    found = one_row_a_key(spark, asked, files, buckets=3, workdir=str(tmp_path / "out"))

    way = "DESC" if keep == "last" else "ASC"
    with duckdb.connect() as con:
        parts = " UNION ALL ".join(
            f"SELECT CAST(id AS BIGINT) AS id, day, {'note' if 'note' in file.schema else 'NULL'} "
            f"AS note, {SOURCE_FILE} AS source, {n} AS rank, file_row_number AS place "
            f"FROM read_parquet('{file.path}')"
            for n, file in enumerate(files)
        )
        wanted = con.execute(
            f"SELECT id, day, note, source FROM ({parts}) QUALIFY row_number() OVER "
            f"(PARTITION BY id ORDER BY day {way} NULLS LAST, rank {way}, place {way}) = 1 "
            "ORDER BY id"
        ).fetchall()
        kept = con.execute(
            f"SELECT id, day, note, {SOURCE_FILE} FROM read_parquet($1) ORDER BY id",
            [[file.path for file, _ in found]],
        ).fetchall()
    assert kept == wanted
    stayed = sum(file.rows for file, _ in found)
    made_way = sum(rows for _, away in found for rows in away.values())
    assert stayed + made_way == 240
    assert 1 < len(found) <= 3
