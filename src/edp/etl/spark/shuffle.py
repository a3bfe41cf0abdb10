"""The shuffle: rows whose key may be in any file are brought together by its hash.

Each file's rows are sent to their buckets, and each bucket is settled by the engine. It is for
keys that span files; nothing else needs rows to travel.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pyarrow as pa

from edp.etl.engine.spanning import bucketed, settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyspark import SparkContext

    from edp.core.files import DataFile
    from edp.etl.engine.spanning import Spanning

Settled = tuple["DataFile", "Mapping[str, int]"]


def one_row_a_key(
    spark: SparkContext, asked: Spanning, files: Sequence[DataFile], *, buckets: int, workdir: str
) -> list[Settled]:
    """The rows of staged `files` that stay, a file for each bucket that has some.

    With each: by source, how many of its rows made way. `workdir` is a folder that all tasks see.
    """

    def scattered(ranked: tuple[int, DataFile]) -> Iterator[tuple[int, bytes]]:
        rank, file = ranked
        with _scratch() as room:
            for bucket, batch in bucketed(asked, file, rank, buckets=buckets, room=room):
                yield bucket, _sent(batch)

    def gathered(pairs: Iterable[tuple[int, Iterable[bytes]]]) -> Iterator[Settled]:
        from pyspark import TaskContext  # noqa: PLC0415 (on an executor)

        context = TaskContext.get()
        assert context is not None
        for bucket, sent in pairs:
            room = Path(workdir) / f"bucket-{bucket}-{context.taskAttemptId()}"
            room.mkdir(parents=True)
            if done := settled(asked, bucket, map(_received, sent), room=str(room)):
                yield done

    ranked = list(enumerate(files))
    sent = spark.parallelize(ranked, max(1, len(ranked))).flatMap(scattered)
    return sent.groupByKey(buckets, lambda bucket: bucket).mapPartitions(gathered).collect()


@contextmanager
def _scratch() -> Iterator[str]:
    room = mkdtemp(prefix="edp-shuffle-")
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _sent(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    sent: bytes = sink.getvalue().to_pybytes()
    return sent


def _received(sent: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(sent) as reader:
        return reader.read_next_batch()
