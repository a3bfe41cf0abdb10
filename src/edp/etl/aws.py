"""The etl port on AWS: what a function's disk holds is done in it, the rest by a Glue job.

The engine reads local files only, so that a task's objects are fetched first, each in the version
that the ledger means. A job elsewhere gets a manifest, and answers with a result beside it.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import EdpError, Failure, Throttled
from edp.etl.port import Finished, Job, JobRun
from edp.etl.spark.manifest import job_lines, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Literal

    from edp.backends.boto import Service
    from edp.etl.port import Etl, Input, JobResult, Task

_S3: Final = "s3://"
_AT_ONCE: Final = 8
_CHUNK: Final = 1 << 20
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
_CHANGED: Final = frozenset({"412", "PreconditionFailed"})
_NO_HASH: Final = "other bytes"
"""What no bytes hash to: so the engine says that they are not those that were meant."""


class StagedEtl:
    """Has `inner` do tasks, whose objects on S3 are on the local disk by then."""

    def __init__(self, inner: Etl, s3: Service) -> None:
        self._inner = inner
        self._s3 = s3
        self._folders: dict[int, Path] = {}

    def warm(self) -> None:
        """Have the workers ready before there is a task."""
        self._inner.warm()

    def idle(self) -> int:
        """How many tasks could start right now."""
        return self._inner.idle()

    def submit(self, task: Task) -> int:
        """Fetch what the task reads, and start it; the ticket names it in `wait`."""
        folder = Path(tempfile.mkdtemp(prefix="edp-inputs-"))
        try:
            ticket = self._inner.submit(self._here(task, folder))
        except BaseException:
            shutil.rmtree(folder)
            raise
        self._folders[ticket] = folder
        return ticket

    def _here(self, task: Task, folder: Path) -> Task:
        places = [folder / str(n) for n in range(_reads(task))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            if isinstance(task, Job):
                return replace(task, inputs=list(pool.map(self._fetch, task.inputs, places)))
            return replace(task, paths=tuple(pool.map(self._fetch_path, task.paths, places)))

    def _fetch(self, given: Input, place: Path) -> Input:
        """The input with its bytes at `place`; where they are gone, nothing is there."""
        if not given.path.startswith(_S3):
            return given
        only: dict[str, str] = {}
        if given.version:
            only = {"VersionId": given.version}
        elif given.etag:
            only = {"IfMatch": f'"{given.etag}"'}
        try:
            self._download(given.path, place, only)
        except ClientError as error:
            if code_of(error) in _CHANGED:
                place.touch()
                return replace(given, path=str(place), sha256=_NO_HASH)
            if code_of(error) not in _GONE:
                raise
        return replace(given, path=str(place))

    def _fetch_path(self, path: str, place: Path) -> str:
        if not path.startswith(_S3):
            return path
        try:
            self._download(path, place, {})
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
        return str(place)

    def _download(self, path: str, place: Path, only: Mapping[str, str]) -> None:
        bucket, _, key = path.removeprefix(_S3).partition("/")
        found = self._s3.get_object(Bucket=bucket, Key=key, **only)
        with self._s3.reading(found["Body"]) as body, place.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK):
                file.write(chunk)

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        """What finished since the last call, after at most `timeout_s` seconds."""
        ended = self._inner.wait(timeout_s, bell=bell)
        for one in ended:
            shutil.rmtree(self._folders.pop(one.ticket), ignore_errors=True)
        return ended

    def close(self) -> None:
        """End the workers, and remove what was fetched for them."""
        self._inner.close()
        for folder in self._folders.values():
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()


def _reads(task: Task) -> int:
    return len(task.inputs) if isinstance(task, Job) else len(task.paths)


_MANIFEST: Final = "manifest.jsonl"
_RESULT: Final = "result.jsonl"
_FULL: Final = frozenset(
    {"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"}
)
_STATES: Final[Mapping[str, Literal["at work", "succeeded"]]] = {
    "STARTING": "at work",
    "RUNNING": "at work",
    "STOPPING": "at work",
    "WAITING": "at work",
    "SUCCEEDED": "succeeded",
}
_WHY: Final = {"TIMEOUT": "timed out", "STOPPED": "stopped"}


class GlueJobs:
    """Runs of the Glue job `name`, which work where `workdir` says."""

    def __init__(
        self, glue: Service, s3: Service, name: str, *, workdir: Callable[[str, int], str]
    ) -> None:
        self._glue = glue
        self._s3 = s3
        self._name = name
        self.workdir = workdir

    def start(self, job: Job) -> None:
        """Write the manifest, and start a run of the job with it.

        Raises: Throttled when as many runs as there may be are at work.
        """
        manifest = f"{job.workdir}/{_MANIFEST}"
        bucket, key = _parted(manifest)
        body = "".join(f"{line}\n" for line in job_lines(job)).encode()
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        try:
            self._glue.start_job_run(
                JobName=self._name,
                Arguments={"--run-id": job.run_id, "--manifest": manifest},
            )
        except ClientError as error:
            if code_of(error) not in _FULL:
                raise
            raise Throttled(
                f"{self._name}: as many job runs as there may be are at work"
            ) from error

    def find(self, name: str) -> JobRun | None:
        """The job run that Glue calls `name`, if it was started here."""
        try:
            answer = self._glue.get_job_run(JobName=self._name, RunId=name)
        except ClientError as error:
            if code_of(error) != "EntityNotFoundException":
                raise
            return None
        return _job_run(answer["JobRun"])

    def since(self, started_at: float) -> Mapping[str, JobRun]:
        """The newest job run of each run, of those started at that time (seconds) or later."""
        found: dict[str, JobRun] = {}
        for page in self._glue.pages("get_job_runs", JobName=self._name):
            for row in page["JobRuns"]:  # the newest first
                if row["StartedOn"].timestamp() < started_at - _CLOCKS_S:
                    return found
                run = _job_run(row)
                if run is not None:
                    found.setdefault(run.run_id, run)
        return found

    def result(self, workdir: str, keys: Sequence[str]) -> JobResult | Failure:
        """What came of the job that worked there, its outcomes in the order of `keys`."""
        bucket, key = _parted(f"{workdir}/{_RESULT}")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return Failure("worker lost", f"the job left no result in {workdir}")
        with self._s3.reading(answer["Body"]) as body:
            try:
                return result_of(_lines(body), keys)
            except (EdpError, ValueError) as error:
                return Failure.of(error)


_CLOCKS_S: Final = 60.0
"""How far two clocks may be apart."""


def _job_run(row: Mapping[str, Any]) -> JobRun | None:
    arguments = row.get("Arguments", {})
    if not {"--run-id", "--manifest"} <= arguments.keys():
        return None  # a person started it
    make = partial(
        JobRun, arguments["--run-id"], arguments["--manifest"].removesuffix(f"/{_MANIFEST}")
    )
    state = row["JobRunState"]
    if state in _STATES:
        return make(_STATES[state])
    said = row.get("ErrorMessage") or "Glue gives no reason"
    why = f"the Glue job run {row['Id']} ended as {state}: {said}"
    return make("failed", Failure(_WHY.get(state, "job failed"), why))


def _lines(body: Any) -> Iterator[str]:  # noqa: ANN401 (botocore's stream)
    for line in body.iter_lines():
        yield line.decode()


def _parted(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(_S3).partition("/")
    return bucket, key
