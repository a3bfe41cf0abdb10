"""When something is too much: the thresholds of the alarms that every pipeline has."""

from datetime import timedelta

from pydantic import ByteSize

from edp.core.contract.model import Settings
from edp.core.contract.units import Count, Duration, Ratio, Size


class Alarms(Settings):
    """Thresholds; beyond each of them its alarm goes off.

    `oldest_message` is how long work may wait, `reject_ratio` the share of a dataset's rows that
    may be rejected, `queryable_p95` how long all but 5 % of the files may take from arrival to
    commit, `backlog_growth` by how many files what waits may grow in five minutes, three times
    in a row, and `disk_free` the bytes that have to stay free.
    """

    oldest_message: Duration = timedelta(minutes=15)
    reject_ratio: Ratio = 0.2
    queryable_p95: Duration = timedelta(minutes=10)
    backlog_growth: Count = 100
    disk_free: Size = ByteSize(1_000_000_000)
