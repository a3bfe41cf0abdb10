"""What an etl engine is asked, and what it answers.

A task is a value that travels to a worker process; its answer names every file it was given.
Nothing that a task stages is visible to a reader: the commit decides what counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from edp.core.contract import Dataset
from edp.core.files import DataFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.errors import Failure
    from edp.core.files import Outcome
    from edp.core.types import Admits


@dataclass(frozen=True)
class Input:
    """A source file to read: its key, where its bytes are, and what they should hash to.

    `sha256` is None when the source's tag is no content hash (an S3 etag); what was read is
    then noted. `size` (bytes) is for sharing work out, 0 where nobody looked. `rows` is the part
    of a Parquet file that is meant: from the first row (0) up to the second. `version` is the
    VersionId where the bytes are in a versioned bucket; `etag` is S3's tag of them.
    """

    key: str
    path: str
    sha256: str | None = None
    size: int = 0
    rows: tuple[int, int] | None = None
    version: str | None = None
    etag: str | None = None


@dataclass(frozen=True)
class Job:
    """Read `inputs` and stage their rows and rejects.

    `live` is what the table's other live files admit, by column: inferred types are resolved
    against it. `fixed` are types with their readings, by column of the table, for columns that
    the contract gives no type: what does not fit is a reject. `loaded_at` is the run's start
    (seconds). `workdir` is private to this attempt and on the target's file system; `memory` in
    bytes. `mask_key` is what masked columns are hashed with. With `trace` the result tells the SQL
    that was run. `samples` is how many rejected rows the outcome of a file that fails over them
    quotes.
    """

    run_id: str
    fence: int
    dataset: str
    contract: Dataset
    inputs: Sequence[Input]
    workdir: str
    loaded_at: float
    live: Mapping[str, Admits] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    memory: int = 1_000_000_000
    threads: int = 1
    max_partitions: int = 1000
    mask_key: str = field(default="", repr=False)
    trace: bool = False
    samples: int = 0


@dataclass(frozen=True)
class JobResult:
    """One outcome per input, in order, and the staged files, fsynced and verified.

    `statements` are the SQL that was run, if that was asked for; never with the mask key in it.
    """

    outcomes: Sequence[Outcome]
    staged: Sequence[DataFile]
    statements: Sequence[str] = ()


@dataclass(frozen=True)
class Rewrite:
    """Copy Parquet files of a table into one, without the rows of some keys (copy-on-write).

    `files` are one, or several that are alike in kind, partition and schema; `paths` are where they
    are, absolute. `types` casts columns on the way, as canonical text where a value's own text is
    gone. The rows of several files are put in order as `contract` says.
    """

    run_id: str
    fence: int
    dataset: str
    files: tuple[DataFile, ...]
    paths: tuple[str, ...]
    without: frozenset[str]
    workdir: str
    types: Mapping[str, str] = field(default_factory=dict)
    contract: Dataset = field(default_factory=Dataset)
    memory: int = 1_000_000_000
    threads: int = 1


@dataclass(frozen=True)
class Finished:
    """A task's end: its result, or why there is none."""

    ticket: int
    result: Result | None
    failure: Failure | None = None


Task = Job | Rewrite
Result = JobResult | DataFile


@dataclass(frozen=True)
class JobRun:
    """A run of a job elsewhere: for which run, where it works, and how it goes.

    `failure` says why it failed.
    """

    run_id: str
    workdir: str
    state: Literal["at work", "succeeded", "failed"]
    failure: Failure | None = None


class Jobs(Protocol):
    """Others who do jobs, and go on when whoever started one is gone."""

    def workdir(self, run_id: str, fence: int) -> str:
        """Where a job of that attempt is to work."""

    def start(self, job: Job) -> None:
        """Have the job done.

        Raises: Throttled when too many are at work.
        """

    def find(self, name: str) -> JobRun | None:
        """The job run that they call `name`, if it was started here."""

    def since(self, started_at: float) -> Mapping[str, JobRun]:
        """The newest job run of each run, of those started at that time (seconds) or later."""

    def result(self, workdir: str, keys: Sequence[str]) -> JobResult | Failure:
        """What came of the job that worked there, its outcomes in the order of `keys`.

        One that left no result has failed.
        """


class Etl(Protocol):
    """Worker processes that do tasks."""

    def warm(self) -> None:
        """Have the workers ready before there is a task."""

    def idle(self) -> int:
        """How many tasks could start right now."""

    def submit(self, task: Task) -> int:
        """Start a task; the ticket names it in `wait`."""

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        """What finished since the last call, after at most `timeout_s` seconds.

        Returns early, perhaps with nothing, when the file descriptor `bell` can be read.
        """

    def close(self) -> None:
        """End the workers; unfinished tasks give no result."""
