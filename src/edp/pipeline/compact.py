"""Compact: small files of a table become one larger file; not a row changes, nor a receipt.

A run writes its own files, so that a stream of small batches leaves many of them, and each costs a
query an open file and a footer. What is merged is replaced as by any commit, so that a query which
runs meanwhile keeps what it began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from edp.core.bus import TABLE_COMPACTED
from edp.core.contract import Dataset
from edp.core.errors import StaleSnapshot
from edp.core.faults import reach
from edp.core.files import DataFile
from edp.core.identity import new_run_id
from edp.etl.port import Finished, Rewrite, Task
from edp.pipeline.replace import attempt_folder, knows, results

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Sequence

    from edp.catalog.port import Small
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Limits:
    """Which files are merged: those below `small` bytes, of partitions that hold over `crowd`.

    One merge takes at most so many `bytes`, `files` and `sources`: a worker is soon free again, and
    a file stays one that can be rewritten when one of its sources goes. Unless `uneven`, no file
    is merged that is larger than all that it would be merged with, so that a row is copied a few
    times in its life, and not once for every file that comes after it.
    """

    small: int = 16 << 20
    crowd: int = 64
    bytes: int = 64 << 20
    files: int = 1000
    sources: int = 5000
    uneven: bool = False


IDLE: Final = Limits()
"""For workers that have nothing else to do."""
BY_HAND: Final = Limits(crowd=1, uneven=True)
"""For a person who wants as few files as there can be."""


@dataclass(frozen=True)
class Batch:
    """Files that are to become one: their paths, and where they belong."""

    table: str
    dataset: str
    partition: str
    paths: frozenset[str]


@dataclass(frozen=True)
class Compacted:
    """A merge that was done: how many files became one, its rows, and its size in bytes."""

    table: str
    partition: str
    files: int
    rows: int
    bytes: int


def together(small: Iterable[Small], limits: Limits) -> Sequence[Small]:
    """Those of `small`, files that are alike, which are to become one; none or at least two."""
    taken: list[Small] = []
    size = sources = 0
    for one in sorted(small, key=lambda one: (one.bytes, one.path)):
        if sources + one.sources > limits.sources:
            continue
        if len(taken) == limits.files or size + one.bytes > limits.bytes:
            break
        taken.append(one)
        size, sources = size + one.bytes, sources + one.sources
    while taken and not limits.uneven and taken[-1].bytes > size - taken[-1].bytes:
        size -= taken.pop().bytes
    return taken if len(taken) > 1 else ()


def next_batch(
    stages: Stages,
    limits: Limits,
    *,
    table: str | None = None,
    but: Collection[tuple[str, str]] = (),
) -> Batch | None:
    """What is to be merged next, in the fullest partition; not in those in `but`, by table."""
    for crowd in stages.catalog.crowds(below=limits.small, more_than=limits.crowd, table=table):
        if (crowd.table, crowd.partition) in but:
            continue
        small = stages.catalog.small(crowd, below=limits.small)
        alike = groupby(small, key=lambda one: one.schema)
        most = max((together(files, limits) for _, files in alike), key=len, default=())
        if most:
            paths = frozenset(one.path for one in most)
            return Batch(crowd.table, crowd.dataset, crowd.partition, paths)
    return None


def compact(
    stages: Stages, batch: Batch, *, memory: int
) -> Generator[Sequence[Task], Sequence[Finished], Compacted | None]:
    """Merge a batch; None where one of its files was replaced meanwhile, and nothing was done.

    Raises: TaskFailed when a worker gives no result.
    """
    run_id = new_run_id()
    with attempt_folder(stages, run_id, 0) as workdir:
        try:
            files = stages.catalog.reshape(batch.dataset, drop=batch.paths).drop
        except StaleSnapshot:
            return None
        reach("compact.planned")
        known = knows(stages, batch.dataset)
        task = Rewrite(
            run_id=run_id,
            fence=0,
            dataset=batch.dataset,
            files=files,
            paths=tuple(map(stages.target.locate, files)),
            without=frozenset(),
            workdir=str(workdir),
            contract=stages.config.dataset(batch.dataset) if known else Dataset(),
            memory=memory,
        )
        (merged,) = yield from results([task])
        assert isinstance(merged, DataFile)
        (published,) = stages.target.publish(batch.dataset, [merged])
        return _commit(stages, batch, published, run_id)


def _commit(stages: Stages, batch: Batch, merged: DataFile, run_id: str) -> Compacted | None:
    """Put the merged file in the place of the others, whatever else was committed meanwhile."""
    done = Compacted(batch.table, batch.partition, len(batch.paths), merged.rows, merged.bytes)
    try:
        with stages.atomically():
            plan = stages.catalog.reshape(batch.dataset, drop=batch.paths)
            stages.catalog.replace(plan, rewritten=[merged], run_id=run_id, operation="compact")
            stages.events.put(TABLE_COMPACTED, vars(done))
            reach("compact.before")
    except StaleSnapshot:
        stages.target.remove([merged.path])
        return None
    reach("compact.after")
    return done


def compact_all(
    stages: Stages, table: str | None, *, memory: int
) -> Generator[Sequence[Task], Sequence[Finished], list[Compacted]]:
    """Merge until nothing small is left to be merged, in all tables or in `table`.

    Raises: TaskFailed when a worker gives no result.
    """
    done = []
    while batch := next_batch(stages, BY_HAND, table=table):
        one = yield from compact(stages, batch, memory=memory)
        if one is not None:
            done.append(one)
    return done
