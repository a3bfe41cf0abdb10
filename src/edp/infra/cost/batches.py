"""Batches: how many files a run takes at a time, and whether a function or the Glue job does it.

Durations are assumptions. What a byte costs was measured, see the page on scaling; that functions
and workers of AWS are as fast as that processor was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from edp.infra.cost.work import FILE, RUN
from edp.infra.stack.sizes import ETL, window_s

if TYPE_CHECKING:
    from edp.core.contract import Config
    from edp.core.contract.runtimes import Aws
    from edp.infra.cost.profile import Profile
    from edp.infra.stack.sizes import Size

DAY_S: Final = 86_400
CPU_S: Final = Decimal("1e-7")
"""Seconds of one processor for a byte of CSV: 10 for 100 MB, with a contract."""
START_S: Final = Decimal(1)
"""Of each call: the contract, the catalog, a worker."""
ANSWER_S: Final = Decimal("0.005")
"""Of a request to DynamoDB, one after the other."""
MB_A_PROCESSOR: Final = 1769
"""Memory with which Lambda gives a whole one. Source: AWS, "Configure Lambda function memory"."""
PROCESSORS_A_WORKER: Final = 4
"""Of a Glue worker G.1X, which is one DPU."""
LEAST_JOB_S: Final = Decimal(60)
"""What Glue charges at least."""
SPARK_FROM: Final = 2_000_000_000
"""A batch of more bytes goes to the Glue job where `engine` is `auto`."""


@dataclass(frozen=True)
class Batches:
    """Runs a day, of so many files and bytes each; `spark` where the Glue job does them."""

    runs: Decimal
    files: Decimal
    bytes: Decimal
    spark: bool

    @classmethod
    def of(cls, config: Config, aws: Aws, profile: Profile) -> Batches:
        """How the contract batches such files, spread over the day but for those that come at once.

        A run takes what came within the window, up to `batch.max_files` and `batch.max_bytes`;
        one file at least.
        """
        at_once = max(Decimal(profile.together), profile.files * window_s(config) / DAY_S)
        fit = max(1, int(config.batch.max_bytes) // max(1, profile.size))
        files = min(at_once, Decimal(min(config.batch.max_files, fit)))
        files = max(Decimal(1), files)
        size = files * profile.size
        spark = aws.engine == "spark" or (aws.engine == "auto" and size > SPARK_FROM)
        return cls(profile.files / files, files, size, spark)

    @property
    def etl_s(self) -> Decimal:
        """How long the function works on one (seconds): all of it, or to hand it to the job."""
        asked = (RUN.requests + self.files * FILE.requests) * ANSWER_S
        return START_S + asked + (0 if self.spark else self.bytes * CPU_S / processors(ETL))

    def job_s(self, workers: int) -> Decimal:
        """How long the Glue job is charged for (seconds), by each of its workers."""
        return max(LEAST_JOB_S, self.bytes * CPU_S / (PROCESSORS_A_WORKER * workers))


def processors(size: Size) -> Decimal:
    """What a function of that size has of them."""
    return Decimal(size.memory) / MB_A_PROCESSOR
