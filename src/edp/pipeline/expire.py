"""Expire: rejected rows leave the rejects tables once they are older than `retention.rejects`.

How many there were stays in the receipts. Where all rows of a file are old the file goes; one that
has younger ones, too, is written again without the old, though not for every day that passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.catalog.port import Rewriting
from edp.core import clock
from edp.core.bus import CHORE_FAILED, REJECTS_EXPIRED
from edp.core.errors import Failure, StaleSnapshot
from edp.core.files import DataFile
from edp.core.identity import new_run_id
from edp.etl.port import Rewrite
from edp.pipeline.replace import TaskFailed, attempt_folder, results

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from edp.catalog.port import Table
    from edp.etl.port import Finished, Task
    from edp.pipeline.stages import Stages

_PATIENCE: Final = 1 / 90
"""Of the time that rejects are kept: how much longer they wait for others of their file."""


@dataclass(frozen=True)
class Old:
    """Rejects of a table that are to go: whole files, and some sources of others."""

    drop: tuple[DataFile, ...] = ()
    rewrite: tuple[Rewriting, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows go."""
        whole = sum(file.rows for file in self.drop)
        return whole + sum(one.file.sources[key] for one in self.rewrite for key in one.without)


def old(files: Iterable[DataFile], since: Mapping[str, float], *, now: float, keep_s: float) -> Old:
    """What of `files` is to go; `since` says when each source was committed (seconds)."""
    drop: list[DataFile] = []
    rewrite: list[Rewriting] = []
    for file in files:
        ages = {key: now - since[key] for key in file.sources if key in since}
        gone = frozenset(key for key, age_s in ages.items() if age_s > keep_s)
        if gone == file.sources.keys():
            drop.append(file)
        elif gone and max(ages.values()) > keep_s * (1 + _PATIENCE):
            rewrite.append(Rewriting(file, gone))
    return Old(tuple(drop), tuple(rewrite))


def expire(stages: Stages, *, memory: int) -> Generator[Sequence[Task], Sequence[Finished], int]:
    """Take old rejects out of all tables; how many rows.

    What cannot be done now is told by an event, and left for the next time.
    """
    rows = 0
    for table in stages.catalog.tables():
        if table.kind == "rejects" and table.rows:
            try:
                rows += yield from _expire(stages, table, memory)
            except StaleSnapshot:
                continue  # another commit came first
            except TaskFailed as error:
                failure = Failure.of(error)
                told = {"table": table.name, "code": failure.code, "reason": failure.message}
                stages.events.put(CHORE_FAILED, told)
    return rows


def _expire(
    stages: Stages, table: Table, memory: int
) -> Generator[Sequence[Task], Sequence[Finished], int]:
    files = stages.catalog.files(table.name)
    keys = sorted({key for file in files for key in file.sources})
    since = {key: one.at for key, one in stages.receipts.committed(keys).items()}
    keep_s = stages.config.retention.rejects.total_seconds()
    gone = old(files, since, now=clock.now(), keep_s=keep_s)
    if not gone.rows:
        return 0
    run_id = new_run_id()
    with attempt_folder(stages, run_id, 0) as workdir:
        written: list[DataFile] = []
        for one in gone.rewrite:  # one by one, so that other workers stay free
            task = Rewrite(
                run_id=run_id,
                fence=0,
                dataset=table.dataset,
                files=(one.file,),
                paths=(stages.target.locate(one.file),),
                without=one.without,
                workdir=str(workdir),
                memory=memory,
            )
            written += [f for f in (yield from results([task])) if isinstance(f, DataFile)]
        published = stages.target.publish(table.dataset, written)
        try:
            _commit(stages, table, gone, published, run_id)
        except StaleSnapshot:
            stages.target.remove([file.path for file in published])
            raise
    return gone.rows


def _commit(
    stages: Stages, table: Table, gone: Old, published: Sequence[DataFile], run_id: str
) -> None:
    paths = [file.path for file in gone.drop]
    with stages.atomically():
        plan = stages.catalog.reshape(table.dataset, drop=paths, rewrite=gone.rewrite)
        stages.catalog.replace(plan, rewritten=published, run_id=run_id, operation="expire")
        told = {"table": table.name, "rows": gone.rows, "files": len(gone.drop)}
        stages.events.put(REJECTS_EXPIRED, told)
