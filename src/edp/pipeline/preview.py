"""Preview: one file is read as a run would read it, and nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core import clock
from edp.core.errors import RetryableError
from edp.core.sql import literal
from edp.etl.port import Input, Job, JobResult
from edp.query.port import Files, Snapshot, View

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from edp.core.files import DataFile, Outcome
    from edp.etl.port import Finished, Task
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Preview:
    """What a run would make of the file: its outcome, its rows and rejects as tables, and how.

    `statements` are the SQL of the run.
    """

    outcome: Outcome
    tables: Snapshot
    statements: Sequence[str]


def preview(
    stages: Stages,
    path: Path,
    *,
    dataset: str,
    workdir: Path,
    memory: int,
) -> Generator[Sequence[Task], Sequence[Finished], Preview]:
    """The steps that read the file at `path` as a file of `dataset`, in `workdir` alone.

    Raises: RetryableError when the engine gave no result.
    """
    key = f"{dataset}/{path.name}"
    job = Job(
        run_id="preview",
        fence=0,
        dataset=dataset,
        contract=stages.config.dataset(dataset),
        inputs=[Input(key, str(path.resolve()))],
        workdir=str(workdir),
        loaded_at=clock.now(),
        live=stages.catalog.live_admits(dataset, without=[key]),
        memory=memory,
        max_partitions=stages.config.batch.max_partitions,
        mask_key=stages.mask_key,
        trace=True,
    )
    (done,) = yield [job]
    if not isinstance(done.result, JobResult):
        raise RetryableError(done.failure.message if done.failure else "no result")
    staged = done.result.staged
    views = {
        kind: _view(kind, [file for file in staged if file.kind == of])
        for kind, of in (("rows", "data"), ("rejects", "rejects"))
    }
    return Preview(done.result.outcomes[0], Snapshot(views, {}), done.result.statements)


def _view(name: str, files: Sequence[DataFile]) -> View:
    columns = {column: kind for file in files for column, kind in file.schema.items()}
    groups = [Files(file.schema, [file.path]) for file in files]
    return View(name, columns or {"nothing": "string"}, groups)


def shown(table: str, limit: int) -> str:
    """The query for the first rows of a preview's table."""
    return f"SELECT * FROM {table} LIMIT {literal(limit)}"  # noqa: S608 (the table is ours)
