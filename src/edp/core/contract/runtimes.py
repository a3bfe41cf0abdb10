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


class Aws(Settings):
    """An AWS account's region, and the places in its buckets."""

    region: str = Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", examples=["us-east-2"])
    source: Url = Field(examples=["s3://edp-source/files/"])
    target: Url = Field(examples=["s3://edp-target/tables/"])
    engine: Literal["auto", "lambda", "spark"] = "auto"
    catalog: Literal["crawler", "direct"] = "crawler"

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
