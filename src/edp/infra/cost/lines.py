"""Lines: what each service is asked for in a day, in the order in which a file passes them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from edp.infra.cost import prices
from edp.infra.cost.batches import ANSWER_S, DAY_S, Batches
from edp.infra.cost.work import FILE, LOOK, RUN, SIGHT
from edp.infra.stack.alarms import alarms_of
from edp.infra.stack.sizes import CRAWL_WINDOW_S, ETL, RECONCILE, RECONCILE_MIN, SETTLE, SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.contract import Config
    from edp.core.contract.runtimes import Aws
    from edp.infra.cost.prices import Price
    from edp.infra.cost.profile import Profile
    from edp.infra.stack.sizes import Size

DAYS: Final = 30
"""Of a month."""
PARQUET: Final = Decimal("0.2")
"""Bytes of Parquet for a byte of CSV."""
CRAWL_DPU: Final = Decimal(2)
CRAWL_MIN: Final = Decimal(10)
"""Of a crawl: workers, an assumption, and the minutes that Glue charges at least."""
CRAWL_GAP_S: Final = 600
_POLLERS: Final = 5
_POLL_S: Final = 20
_RECEIVED: Final = Decimal(10)
"""Lambda's reading of a queue: so many at once, each waiting so long, for so many messages."""
_LOG: Final = 2_000
"""Bytes of log for each call of a function."""
_SHORT_S: Final = Decimal("0.2")
"""Of a call that does little."""
_CALLED_S: Final = Decimal(2)
_LISTED: Final = 1000
"""Objects that S3 names in one answer."""
_LISTING: Final = 20
_ANSWER_S: Final = Decimal("0.3")
"""The source is listed a twentieth of the time at most; an answer takes so long."""
_YOUNG: Final = 13
"""Looks of the reconciler that find a file young, and read what is known of it."""
_SHOWN: Final = 3
"""Requests to the Glue Data Catalog for a run: table, partitions, and new ones now and then."""
_TERA: Final = Decimal(10) ** 12
_GIGA: Final = Decimal(10) ** 9
_LEAST_SCAN: Final = 10_000_000


@dataclass(frozen=True)
class Line:
    """A quantity a day at a price; `fixed` where it does not depend on files or queries."""

    price: Price
    what: str
    quantity: Decimal
    fixed: bool = False

    @property
    def usd(self) -> Decimal:
        """Of a day."""
        return self.price.of(self.quantity)


def lines(config: Config, aws: Aws, profile: Profile) -> list[Line]:
    """What the pipeline of `config` asks for in a day of such files and queries."""
    batches = Batches.of(config, aws, profile)
    found = [
        *_queues(batches, profile),
        *_functions(batches, profile, aws),
        *_ledger(batches, profile),
        *_objects(batches, profile),
        *_job(batches, aws),
        *_tables(batches, profile, aws),
        *_queries(profile, aws),
        *_watching(config, aws),
    ]
    return [line for line in found if line.quantity]


def _outputs(batches: Batches, profile: Profile) -> Decimal:
    """Parquet files written."""
    return batches.runs * profile.parts


def _crawls_asked(batches: Batches, profile: Profile) -> Decimal:
    """Calls of the function that has the catalog follow."""
    return min(_outputs(batches, profile), Decimal(DAY_S // CRAWL_WINDOW_S))


def _crawls(batches: Batches, profile: Profile) -> Decimal:
    return min(_crawls_asked(batches, profile), Decimal(DAY_S // CRAWL_GAP_S))


def _looks() -> Decimal:
    """Calls of the reconciler."""
    return Decimal(DAY_S // 60 // RECONCILE_MIN)


def _queues(batches: Batches, profile: Profile) -> Iterator[Line]:
    yield Line(prices.SNS, "new files, told", profile.files)
    outputs = _outputs(batches, profile)
    sent = profile.files + outputs
    taken = 2 * sent / min(batches.files, _RECEIVED)
    yield Line(prices.SQS, "sent, received, deleted", sent + taken)
    polls = Decimal(2 * _POLLERS * DAY_S // _POLL_S)
    yield Line(prices.SQS, "Lambda looking into two queues", polls, fixed=True)
    told = profile.files * FILE.events + batches.runs * RUN.events
    yield Line(prices.EVENTS, "files and runs, told", told)


@dataclass(frozen=True)
class _Calls:
    """Calls a day of functions of one size, each so long (seconds)."""

    what: str
    calls: Decimal
    size: Size
    seconds: Decimal
    fixed: bool = False

    @property
    def memory(self) -> Decimal:
        """GB-seconds."""
        return self.calls * self.seconds * self.size.memory / 1024


def _called(batches: Batches, profile: Profile, aws: Aws) -> Iterator[_Calls]:
    yield _Calls("etl", batches.runs, ETL, batches.etl_s)
    if batches.spark:
        asked = (RUN.requests + batches.files * FILE.requests) * ANSWER_S
        yield _Calls("settle", batches.runs, SETTLE, _CALLED_S + asked)
        yield _Calls("job_events", batches.runs, SMALL, _CALLED_S)
    yield _Calls("crawler", _crawls_asked(batches, profile), SMALL, _CALLED_S)
    if aws.catalog == "crawler":
        yield _Calls("crawler_events", _crawls(batches, profile), SMALL, _SHORT_S)
    told = profile.files * FILE.events + batches.runs * RUN.events
    yield _Calls("notifier", told, SMALL, _SHORT_S)
    yield _Calls("reconcile", _looks(), RECONCILE, _CALLED_S, fixed=True)


def _functions(batches: Batches, profile: Profile, aws: Aws) -> Iterator[Line]:
    called = list(_called(batches, profile, aws))
    for one in called:
        yield Line(prices.MEMORY, f"{one.what} at work", one.memory, fixed=one.fixed)
    for fixed, who in ((False, "functions"), (True, "reconciler")):
        calls = sum((one.calls for one in called if one.fixed is fixed), Decimal(0))
        yield Line(prices.CALLS, f"{who}, called", calls, fixed=fixed)
        yield Line(prices.LOGS, f"{who}, log", calls * _LOG / _GIGA, fixed=fixed)
        traced = min(calls, Decimal(DAY_S))
        yield Line(prices.TRACES, f"{who}, a call a second traced", traced, fixed=fixed)


def _ledger(batches: Batches, profile: Profile) -> Iterator[Line]:
    looks = _looks()
    writes = profile.files * (FILE.writes + SIGHT.writes) + batches.runs * RUN.writes
    reads = profile.files * (FILE.reads + SIGHT.reads + _YOUNG) + batches.runs * RUN.reads
    yield Line(prices.WRITES, "ledger and events, written", writes)
    yield Line(prices.READS, "ledger and events, read", reads)
    yield Line(prices.WRITES, "reconciler, writing", looks * LOOK.writes, fixed=True)
    yield Line(prices.READS, "reconciler, reading", looks * LOOK.reads, fixed=True)
    rows = profile.files * (FILE.rows + SIGHT.rows) + batches.runs * RUN.rows
    yield Line(prices.ROWS, "a month of rows, kept", rows / _GIGA)


def _objects(batches: Batches, profile: Profile) -> Iterator[Line]:
    puts = profile.files * FILE.puts + batches.runs * (RUN.puts + profile.parts - 1)
    gets = profile.files * FILE.gets + batches.runs * RUN.gets
    yield Line(prices.PUTS, "tables and catalog, written", puts)
    yield Line(prices.GETS, "files and catalog, read", gets)
    looks = _looks()
    yield Line(prices.PUTS, "reconciler, listing", looks * LOOK.puts, fixed=True)
    sources = min(looks * _pages(profile.files), DAY_S / (_LISTING * _ANSWER_S))
    tables = looks * _pages(_outputs(batches, profile))
    yield Line(prices.PUTS, "reconciler, listing a month of files", sources + tables)
    kept = profile.files * profile.size * (1 + PARQUET)
    yield Line(prices.KEPT, "a month of files and tables, kept", kept / _GIGA)


def _pages(objects: Decimal) -> Decimal:
    """Answers of S3 that list what comes in a month, beside the first one."""
    return objects * DAYS / _LISTED


def _job(batches: Batches, aws: Aws) -> Iterator[Line]:
    if batches.spark:
        hours = batches.job_s(aws.workers) * aws.workers / 3600
        yield Line(prices.GLUE, "the job", batches.runs * hours)


def _tables(batches: Batches, profile: Profile, aws: Aws) -> Iterator[Line]:
    if aws.catalog == "crawler":
        hours = CRAWL_DPU * CRAWL_MIN / 60
        yield Line(prices.GLUE, "the crawler", _crawls(batches, profile) * hours)
    else:
        yield Line(prices.CATALOG, "tables and partitions, shown", batches.runs * _SHOWN)


def _queries(profile: Profile, aws: Aws) -> Iterator[Line]:
    scan = min(max(profile.scan, _LEAST_SCAN), int(aws.scan_limit))
    yield Line(prices.ATHENA, "queries", profile.queries * scan / _TERA)


def _watching(config: Config, aws: Aws) -> Iterator[Line]:
    made = alarms_of(config)
    metrics = {
        (one.metric, *sorted(one.dimensions.items())) for one in made if one.namespace == "EDP"
    }
    hashed = any(c.mask == "sha256" for d in config.datasets.values() for c in d.columns.values())
    fixed = (
        (prices.ALARMS, "alarms", len(made)),
        (prices.METRICS, "metrics of its own", len(metrics)),
        (prices.DASHBOARDS, "the dashboard", 1),
        (prices.SECRETS, "secrets", 1 + hashed),
        (prices.KEYS, "the key", int(aws.encryption == "own-key")),
    )
    for price, what, n in fixed:
        yield Line(price, what, Decimal(n) / DAYS, fixed=True)
