"""Where the pipeline runs: on this machine, on AWS."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ByteSize, Field, model_validator

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.s3url import Url
from edp.core.contract.units import Count, Duration, Filled, Size

_LEAST_MEMORY = 64_000_000  # bytes; below it DuckDB cannot read a CSV file


def _enough(memory: ByteSize) -> ByteSize:
    if memory < _LEAST_MEMORY:
        raise invalid("too little to run in", "write at least 64MB, e.g. 4GB")
    return memory


class Spark(Settings):
    """A Spark of one's own to run large batches on, and its configuration."""

    master: Filled = "local[*]"
    conf: Mapping[str, str] = Field(default={}, repr=False)  # may hold credentials


class Local(Settings):
    """One machine: `root` relative to the workspace, `memory` (bytes) for all workers together.

    A file that others put into the source is taken after standing still for `settle`.
    """

    root: Filled = "lake"
    workers: Count = 2
    memory: Annotated[Size, AfterValidator(_enough)] = ByteSize(4_000_000_000)
    settle: Duration = timedelta(seconds=1)
    spark: Spark | None = None


Adoptable = Literal["source", "target", "work", "ledger"]
"""What may be there before a deployment, which then does not make it."""

_LEAST_SCAN = 10_000_000  # bytes; Athena has no lower limit


def _scannable(limit: ByteSize) -> ByteSize:
    if limit < _LEAST_SCAN:
        raise invalid("less than Athena can limit a query to", "write at least 10MB, e.g. 10GB")
    return limit


class Aws(Settings):
    """An AWS account's region, and the places in its buckets.

    Buckets and the ledger are made, but for those that are to be adopted. At most `concurrency`
    calls and job runs are at work at once, a run on `workers` machines, and no query scans more
    than `scan_limit` bytes.
    """

    region: str = Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", examples=["us-east-2"])
    source: Url = Field(examples=["s3://edp-source/files/"])
    target: Url = Field(examples=["s3://edp-target/tables/"])
    engine: Literal["auto", "lambda", "spark"] = "auto"
    catalog: Literal["crawler", "direct"] = "crawler"
    adopt: tuple[Adoptable, ...] = ()
    encryption: Literal["managed", "own-key"] = "managed"
    concurrency: Annotated[Count, Field(ge=2, le=1000)] = 10  # Lambda's bounds
    workers: Annotated[Count, Field(ge=2, le=299)] = 2  # Glue's bounds for G.1X
    scan_limit: Annotated[Size, AfterValidator(_scannable)] = ByteSize(10_000_000_000)
    tags: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _apart(self) -> "Aws":
        if self.source.overlaps(self.target):
            raise invalid(
                "the target overlaps the source, so that its tables would come in as files",
                "take another bucket or prefix",
                at=("target",),
            )
        return self


class Runtimes(Settings):
    """The places to run in; `aws` is None where the contract has none."""

    local: Local = Field(default_factory=Local)
    aws: Aws | None = None
