"""How much work goes together, how often it is tried, and how long its traces are kept."""

from datetime import timedelta
from typing import Annotated

from pydantic import ByteSize, Field, model_validator

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import Count, Duration, Size


class Batch(Settings):
    """A run takes this many files and bytes at most, and waits this long for them to come."""

    max_files: Count = 1000
    max_bytes: Annotated[Size, Field(ge=1)] = ByteSize(256_000_000)
    max_wait: Duration = timedelta(seconds=1)
    max_partitions: Count = 1000


class Retry(Settings):
    """Tries of one object version before it is dead, and the waits between them.

    The wait after try n is up to `base` * 2^(n-1), and never more than `cap`.
    """

    max_attempts: Count = 5
    base: Duration = timedelta(seconds=2)
    cap: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _rising(self) -> "Retry":
        if self.cap < self.base:
            raise invalid("less than retry.base", "raise cap or lower base", at=("cap",))
        return self


class Retention(Settings):
    """How long events, rejected rows, and files that no table names any more are kept."""

    events: Duration = timedelta(days=90)
    rejects: Duration = timedelta(days=90)
    superseded: Duration = timedelta(days=1)
