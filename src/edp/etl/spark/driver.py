"""The driver: shares become tasks, and their answers become one result.

A share that fails as a whole, as when the engine dies over it, is tried again in halves, until the
file that is to blame is alone and has the failure as its outcome. The driver holds what tasks say,
which is little, and never what files hold.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from edp.core.errors import Failure, RetryableError, StoreUnavailable
from edp.core.files import Outcome
from edp.etl.engine import check_partitions
from edp.etl.spark import task
from edp.etl.spark.manifest import job_of, outcome_line, result_head
from edp.etl.spark.parts import Ended, by_file, joined, with_whole_files
from edp.etl.spark.place import place_of
from edp.etl.spark.sharing import shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark import SparkContext

    from edp.etl.port import Job
    from edp.etl.spark.place import Place
    from edp.etl.spark.sharing import Share

RESULT: Final = "result.jsonl"
TASK_BYTES: Final = "spark.edp.taskBytes"
_LEAST_BYTES: Final = 16_000_000
_MOST_BYTES: Final = 128_000_000
_ROUNDS: Final = 3
"""Tasks for each place that Spark has, so that one that is slow holds up little."""


def drive(
    spark: SparkContext,
    manifest: str,
    *,
    mask_key: str = "",
    memory: int | None = None,
) -> str:
    """Have the job of `manifest` done; where the result is, which is there whole or not at all.

    `memory` (bytes) for each task takes the place of the manifest's. `spark.edp.taskBytes` says
    how many bytes of files make one task; without it they are enough to keep all of Spark busy.
    Raises: py4j's error when Spark gives a task up.
    """
    home = manifest.rpartition("/")[0]
    place = place_of(home)
    job = job_of(place.read(manifest), mask_key=mask_key)
    conf = spark.getConf()
    threads = int(conf.get("spark.task.cpus") or 1)
    job = replace(job, threads=threads, memory=memory or job.memory)
    size = int(conf.get(TASK_BYTES) or _task_bytes(job, spark.defaultParallelism))
    found = _spread(spark, job, shares(job.inputs, job.contract, place.open, size), home)
    return place.write(RESULT, _result(place, job, found))


def _task_bytes(job: Job, parallelism: int) -> int:
    whole = sum(one.size for one in job.inputs)
    return min(max(whole // (_ROUNDS * parallelism), _LEAST_BYTES), _MOST_BYTES)


def _spread(spark: SparkContext, job: Job, waiting: Sequence[Share], home: str) -> list[Ended]:
    """Each share with its answer; those that failed have become smaller ones."""
    driver = secrets.token_hex(4)  # a driver that is taken for dead may still have tasks
    bare = replace(job, inputs=())
    ended: list[Ended] = []
    while waiting:
        numbered = [(len(ended) + n, share) for n, share in enumerate(waiting)]
        doing = partial(task.tasks, bare, work_uri=home, driver=driver)
        answers = spark.parallelize(numbered, len(numbered)).mapPartitions(doing).collect()
        waiting = []
        for (_, share), answer in zip(numbered, answers, strict=True):
            smaller = share.halves() if answer.failure and _may_be_a_files(answer.failure) else ()
            waiting += smaller
            if not smaller:
                ended.append(Ended(share, answer))
        if not waiting:
            ended, waiting = with_whole_files(ended, job)
    return ended


def _may_be_a_files(failure: Failure) -> bool:
    return failure.code != StoreUnavailable.code


def _result(place: Place, job: Job, ended: Sequence[Ended]) -> Iterator[str]:
    """The lines of the result; the tasks' own pass through, one at a time."""
    if failure := _failure(job, ended):
        yield result_head(failure)
        return
    yield result_head(None)
    for one in ended:
        if one.answer.failure:
            (only,) = one.share.inputs
            outcome = Outcome(only.key, only.sha256 or "", only.size, failure=one.answer.failure)
            yield outcome_line(outcome)
            continue
        for line in islice(place.read(one.answer.uri), 1, None):
            if not (one.share.part and "outcome" in json.loads(line)):
                yield line.rstrip("\n")
    for parts in by_file(ended).values():
        yield outcome_line(joined(parts))


def _failure(job: Job, ended: Sequence[Ended]) -> Failure | None:
    """Why there is no result: the disk, or more partitions than one run may write."""
    for one in ended:
        if one.answer.failure and not _may_be_a_files(one.answer.failure):
            return one.answer.failure
    try:
        folders = frozenset[str]().union(*(one.answer.folders for one in ended))
        check_partitions(len(folders), job.max_partitions)
    except RetryableError as error:
        return Failure.of(error)
    return None
