"""Crawl: Parquet that others put into the target becomes tables, and what they took away goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.catalog.port import Change
from edp.core import bus, clock
from edp.core.errors import EdpError, Failure, StaleSnapshot
from edp.core.files import ADOPTED
from edp.crawler.port import Found
from edp.pipeline.replace import Attempt, Steps, attempt_folder, prepare
from edp.pipeline.run import declared
from edp.pipeline.telling import Standing, crawl_ended, crawl_failed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from edp.crawler.port import Unreadable
    from edp.etl.port import Finished, Task
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Crawled:
    """What a crawl changed: paths adopted, paths that are gone, files that are no Parquet."""

    adopted: tuple[str, ...]
    gone: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]


def crawl(
    stages: Stages,
    table: str | None,
    *,
    run_id: str,
    memory: int,
) -> Generator[Sequence[Task], Sequence[Finished], Crawled]:
    """Bring the catalog up to date with what others did to the target; only `table` if given."""
    began, before = clock.now(), Standing.of(stages)
    try:
        crawled = yield from _crawl(stages, table, run_id=run_id, memory=memory)
    except EdpError as error:
        crawl_failed(stages, table, Failure.of(error))
        raise
    crawl_ended(stages, began, before)
    return crawled


def _crawl(
    stages: Stages,
    table: str | None,
    *,
    run_id: str,
    memory: int,
) -> Generator[Sequence[Task], Sequence[Finished], Crawled]:
    known = stages.catalog.adopted()
    there = {path for path, _ in stages.target.list()}
    looked = stages.crawler().crawl(known={path: one.sha256 for path, one in known.items()})
    found = [one for one in looked if isinstance(one, Found) and table in (None, one.table)]
    gone = {
        path: one.dataset
        for path, one in known.items()
        if path not in there and table in (None, one.dataset)
    }
    with attempt_folder(stages, run_id, 0) as workdir:
        for dataset in sorted({one.table for one in found} | set(gone.values())):
            attempt = Attempt(
                run_id=run_id,
                fence=0,
                dataset=dataset,
                started_at=clock.now(),
                workdir=workdir,
                contents={},
                memory=memory,
            )
            come = [one for one in found if one.table == dataset]
            change = Change(
                dataset=dataset,
                remove=frozenset(ADOPTED + path for path, of in gone.items() if of == dataset),
                add=tuple(one.file for one in come),
                profiles={ADOPTED + one.file.path: one.profile for one in come},
                declared=declared(stages, dataset),
            )
            yield from _replace(stages, attempt, change)
    return Crawled(
        tuple(one.file.path for one in found),
        tuple(gone),
        tuple(one for one in looked if not isinstance(one, Found)),
    )


def _replace(stages: Stages, attempt: Attempt, change: Change) -> Steps:
    while True:
        ready = yield from prepare(stages, attempt, change)
        try:
            with stages.atomically():
                stages.catalog.replace(
                    ready.plan,
                    rewritten=ready.rewritten,
                    run_id=attempt.run_id,
                    operation="crawl",
                )
                detail = {
                    "table": attempt.dataset,
                    "state": "succeeded",
                    "adopted": len(change.profiles),
                    "gone": len(change.remove),
                }
                stages.events.put(bus.CRAWL_CHANGED, detail)
        except StaleSnapshot:
            continue
        return
