"""A task: the engine over its share of a job's files, in a process that it may kill.

The answer lies beside the work, under the attempt's own name; Spark carries only where it is. Two
attempts at one share, which Spark may run side by side, never write the same name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from edp.core.errors import Failure
from edp.etl.local import LocalEtl
from edp.etl.port import JobResult
from edp.etl.spark.manifest import result_head, result_lines
from edp.etl.spark.place import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edp.core.files import Outcome
    from edp.etl.port import Finished, Job
    from edp.etl.spark.sharing import Share

TIMEOUT_S: Final = 3600.0
_POLL_S: Final = 1.0


@dataclass(frozen=True)
class Answer:
    """What a task says to the driver: little, whatever the files hold.

    `share` is its place among the shares. `uri` is where outcomes and staged files are listed.
    `folders` are the partitions that it wrote. `outcome` and `schema` (column to stored type) are
    told only of a part of a file.
    """

    share: int
    uri: str = ""
    folders: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    schema: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None


def work(job: Job, share: Share, number: int, attempt: str, *, work_uri: str) -> Answer:
    """Do share `number`, and keep what came of it; `attempt` is a name that no other has.

    `job` is the whole job, without its inputs.
    """
    place = place_of(work_uri)
    name = f"{number}-{attempt}"
    with place.room(name) as room:
        inputs = [place.fetch(one, room) for one in share.inputs]
        done = _done(replace(job, inputs=inputs, workdir=str(room)))
        if not isinstance(done.result, JobResult):
            return Answer(number, failure=done.failure or Failure("worker lost", "no result"))
        staged = [place.keep(file, room, name) for file in done.result.staged]
        result = replace(done.result, staged=staged)
        data = [file for file in staged if file.kind == "data"]
        answer = Answer(
            number,
            uri=place.write(f"answers/{name}.jsonl", [result_head(None), *result_lines(result)]),
            folders=frozenset(file.partition for file in data),
        )
        if not share.part:
            return answer
        schema = data[0].schema if data else {}
        return replace(answer, outcome=result.outcomes[0], schema=schema)


def _done(job: Job) -> Finished:
    etl = _warm(job.memory)
    etl.submit(job)
    ended: Sequence[Finished] = ()
    while not ended:
        ended = etl.wait(_POLL_S)
    return ended[0]


@cache
def _warm(memory: int) -> LocalEtl:
    """A worker that stays for the tasks to come; it ends with this process, which Spark keeps."""
    return LocalEtl(1, memory=memory, timeout_s=TIMEOUT_S)


def tasks(
    job: Job, shares: Iterator[tuple[int, Share]], *, work_uri: str, driver: str
) -> Iterator[Answer]:
    """The answers of one Spark task, in the process of an executor; `driver` names its driver."""
    from pyspark import TaskContext  # noqa: PLC0415 (there are tasks only where there is Spark)

    context = TaskContext.get()
    assert context is not None
    for number, share in shares:
        attempt = f"{driver}-{context.taskAttemptId()}"
        yield work(job, share, number, attempt, work_uri=work_uri)
