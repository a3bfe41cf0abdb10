"""The AWS runtime: S3, SQS, DynamoDB, EventBridge, Glue and Athena, as `edp deploy` made them."""

from __future__ import annotations

import json
import random
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edp.alarms.aws import CloudWatchAlarms
from edp.backends.boto import Service
from edp.backends.dynamo import Row, changed
from edp.backends.dynamo import Table as Rows
from edp.backends.secrets import read_secret, read_settings
from edp.catalog.aws import GlueTables, S3Catalog
from edp.core import clock
from edp.core.contract import Config, S3Url, load
from edp.core.contract.reading import MASK_KEY
from edp.core.errors import ConfigError
from edp.core.resources import CATALOG, NO_AWS, REJECTS, STAGED, Names
from edp.core.retry import RetryPolicy
from edp.crawler.aws import GlueCrawler, S3Crawler
from edp.etl.aws import GlueJobs, StagedEtl
from edp.events.aws import EventBridgeEvents
from edp.ledger.aws import DynamoLedger, DynamoReceipts, DynamoRuns
from edp.notify.aws import DynamoOutbox
from edp.pipeline.dead import dead_message
from edp.pipeline.handover import ELSEWHERE
from edp.pipeline.showing import show
from edp.pipeline.stages import Stages
from edp.queue.aws import SqsDeadLetters, SqsQueue
from edp.queue.batch import SqsBatch
from edp.source.aws import S3Source
from edp.target.aws import S3Target
from edp.topic.aws import SnsTopic
from edp.wiring.notify import notifier
from edp.wiring.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edp.catalog.port import Showcase, Table
    from edp.core.holder import Holder
    from edp.etl.port import Etl, JobRun, Jobs
    from edp.pipeline.notifier import Notifier
    from edp.query.port import Query
    from edp.queue.port import DeadLetter, Lease

HERE: Final = "lambda"
"""What receipts call the engine in a function."""
MOST_BYTES: Final = 2_000_000_000
"""A batch above it goes to the Glue job: a function's disk holds it three times, and no more."""
LEASE_S: Final = 120.0
_DAY_S: Final = 86_400.0
_COMMITTED_S: Final = 1200.0
"""Longer than any function works: what it published and did not commit by then is in no commit."""
_HANDLER_MEMORY: Final = 550_000_000
"""Bytes that the handler and a worker's interpreter take before DuckDB uses any."""
_LEAST_MEMORY: Final = 128_000_000
_HASHES_NOTHING: Final = "no key"
"""What a function reads the contract with that is not let to the key."""


@dataclass(frozen=True)
class Deployed:
    """A pipeline on AWS: its contract, its places, and the stages over them.

    `memory` (bytes) is what one task here may take.
    """

    config: Config
    places: Places
    stages: Stages
    service: Callable[[str], Service]
    memory: int
    jobs: Jobs | None = None
    crawler: GlueCrawler | None = None
    showcase: Showcase | None = None
    _marks: Rows = field(kw_only=True)

    @cached_property
    def etl(self) -> Etl:
        """A worker process, kept for the calls to come."""
        return self.stages.etl()

    def batch(self, event: Mapping[str, Any]) -> tuple[SqsBatch, Stages]:
        """The messages of one call, and the stages with them for a queue."""
        batch = SqsBatch(event, self.stages.queue)
        return batch, replace(self.stages, queue=batch)

    def holder(self) -> Holder | None:
        """Nobody by name: functions work whenever there is work."""
        return None

    def query(self) -> Query:
        """Athena over the tables, and the engine here over EDP's own records."""
        from edp.query.aws import AthenaQuery, RecordsOrTables
        from edp.query.local import LocalQuery

        athena = AthenaQuery(
            self.service("athena"),
            workgroup=self.places.workgroup,
            database=self.places.database,
        )
        return RecordsOrTables(
            records=LocalQuery(Path(tempfile.gettempdir()), memory=self.memory), tables=athena
        )

    def settle_later(self, job: JobRun) -> None:
        """Have the function that settles see to what the job left."""
        self._call(self.places.settle, {"run": job.run_id, "workdir": job.workdir})

    def work_later(self) -> None:
        """Have the function that works look for what is queued."""
        self._call(self.places.etl, {"Records": []})

    def _call(self, function: str, payload: Mapping[str, Any]) -> None:
        self.service("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode()
        )

    def published(self, *, collect: bool = False) -> int:
        """Take out of the tables' places what commits replaced, and show readers what came.

        Readers see every file there: so nothing stays for queries that are under way. `collect`
        also removes what attempts published that came to no commit. Returns how many files went.
        """
        target, catalog = self.stages.target, self.stages.catalog
        gone = len(target.remove(catalog.retired(removed_for_s=0.0)))
        if collect:
            gone += len(target.collect(named=catalog.named(), older_than_s=_COMMITTED_S))
        if self.showcase is not None:
            before = self.marked("shown")
            now = show(self.stages, self.showcase, place=self._place, shown=before)
            if now != before:
                self.mark("shown", **now)
        return gone

    def _place(self, table: Table) -> str:
        place = self.places.target if table.kind == "data" else self.places.rejects
        return f"{place}{table.dataset}/"

    def written(self) -> None:
        """Something was written into the target: have readers see it."""
        if self.crawler is not None:
            self.crawler.touched()
        else:
            self.published()

    def look_again(self) -> bool:
        """Start a crawl that was put off; whether one was."""
        return self.crawler is not None and self.crawler.start_if_due()

    @cached_property
    def notifier(self) -> Notifier:
        """Who tells people."""
        outbox = self.stages.outbox
        assert isinstance(outbox, DynamoOutbox)
        return notifier(
            self.config,
            outbox,
            region=self.places.region,
            run_of=self._run_of,
            running=lambda run_id: any(one.run_id == run_id for one in self.stages.runs.running()),
        )

    def _run_of(self, job_run: str) -> str | None:
        found = self.jobs.find(job_run) if self.jobs else None
        return found.run_id if found else None

    def send_rest(self) -> int:
        """Hand on the events that EventBridge did not take at first; how many."""
        assert isinstance(self.stages.events, EventBridgeEvents)
        return self.stages.events.send_rest()

    def tidied(self) -> int:
        """Once a day forget what is older than the contract keeps it; how many objects went."""
        last, now = self.marked("tidied"), clock.now()
        if last and now - last["at"] < _DAY_S:
            return 0
        kept_s = self.config.retention.events.total_seconds()
        self.stages.events.forget(older_than_s=kept_s)
        self.stages.outbox.forget(older_than_s=kept_s)
        assert isinstance(self.stages.catalog, S3Catalog)
        gone = self.stages.catalog.collect(older_than_s=_DAY_S)
        self.mark("tidied", at=now)
        return gone

    def marked(self, name: str) -> Mapping[str, Any]:
        """What was noted under a name; nothing before the first time."""
        row = self._marks.get("mark", name)
        return row.doc if row else {}

    def mark(self, name: str, **said: object) -> None:
        """Note something under a name, in the place of what was there."""
        row = self._marks.get("mark", name) or Row("mark", name)
        self._marks.put(changed(replace(row, doc={}), **said))


def of_environment(
    environ: Mapping[str, str], service: Callable[[str], Service] | None = None
) -> Deployed:
    """The pipeline that a function belongs to; `service` stands in for AWS's own.

    Raises: ConfigError when the contract or the environment is wrong.
    """
    places = Places.of(environ)
    service = service or _services(places.region)
    contract = Path(environ["EDP_WORKSPACE"], "edp.yaml")
    filled = read_settings(service("secretsmanager"), environ["EDP_VARIABLES_SECRET"])
    secret = environ.get("EDP_MASK_KEY_SECRET", "")
    mask_key = read_secret(service("secretsmanager"), secret) if secret else ""
    return deployed(
        load(contract, environ={**filled, MASK_KEY: mask_key or _HASHES_NOTHING}),
        places,
        service,
        mask_key=mask_key,
        memory=_memory(int(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"))),
    )


def of_account(
    config: Config,
    service: Callable[[str], Service],
    *,
    account: str,
    partition: str,
    filled: Callable[[str], str],
) -> Deployed:
    """The pipeline that was deployed in an account, for who looks at it from elsewhere.

    `filled` gives a name with the account's number and the region.
    Raises: ConfigError where it is not there.
    """
    aws, names = config.runtimes.aws, Names(config.name)
    if aws is None:
        raise ConfigError(NO_AWS)

    def topic(name: str) -> str:
        return f"arn:{partition}:sns:{aws.region}:{account}:{name}"

    def url(name: str) -> str:
        return str(service("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    work = filled(names.work)
    places = Places(
        account=account,
        region=aws.region,
        source=aws.source,
        target=aws.target,
        rejects=S3Url(work, REJECTS),
        work=S3Url(work, STAGED),
        catalog=S3Url(work, CATALOG),
        queue=url(names.queue),
        dead_letters=url(names.dead_letters),
        ledger=names.ledger,
        bus=names.bus,
        arrivals=topic(names.source_topic),
        alerts=topic(names.alerts_topic),
        database=names.database,
        workgroup=names.workgroup,
        etl=names.function("etl"),
        settle=names.function("settle"),
        job="" if aws.engine == "lambda" else names.job,
        crawler="" if aws.catalog == "direct" else names.crawler,
    )
    return deployed(config, places, service)


def _services(region: str) -> Callable[[str], Service]:
    made: dict[str, Service] = {}

    def service(name: str) -> Service:
        if name not in made:
            made[name] = Service.of(name, region=region)
        return made[name]

    return service


def _memory(megabytes: int) -> int:
    """Bytes for one task: a worker is stopped once it holds half as much again."""
    return max(_LEAST_MEMORY, (megabytes * 2**20 - _HANDLER_MEMORY) * 2 // 3)


def deployed(
    config: Config,
    places: Places,
    service: Callable[[str], Service],
    *,
    mask_key: str = "",
    memory: int = 1_000_000_000,
) -> Deployed:
    """The pipeline of a contract, at its places."""
    if config.runtimes.aws is None:
        raise ConfigError(NO_AWS)
    s3, table = service("s3"), Rows(service("dynamodb"), places.ledger)
    queue, dead = (
        SqsQueue(service("sqs"), url, cloudwatch=service("cloudwatch"))
        for url in (places.queue, places.dead_letters)
    )

    def etl() -> Etl:
        from edp.etl.local import LocalEtl

        return StagedEtl(LocalEtl(1, memory=memory), s3)

    target = S3Target(s3, {"data": places.target, "rejects": places.rejects}, work=places.work)
    retry = config.retry
    stages = Stages(
        config=config,
        source=S3Source(s3, places.source),
        topic=SnsTopic(service("sns"), places.arrivals),
        queue=queue,
        dead_letters=SqsDeadLetters(dead, queue, exhausted=_exhausted),
        ledger=DynamoLedger(table),
        runs=DynamoRuns(
            table,
            retry=RetryPolicy(
                retry.max_attempts, retry.base.total_seconds(), retry.cap.total_seconds()
            ),
            jitter=random.random,
            lease_s=LEASE_S,
        ),
        receipts=DynamoReceipts(table),
        target=target,
        catalog=S3Catalog(s3, table, places.catalog, places.database),
        events=EventBridgeEvents(
            service("events"),
            table,
            account=places.account,
            region=places.region,
            bus=places.bus,
        ),
        alarms=CloudWatchAlarms(
            service("cloudwatch"), prefix=f"{config.name}-", defined={}, named_after=""
        ),
        outbox=DynamoOutbox(table),
        atomically=nullcontext,
        together=lambda do: do(),
        reading=nullcontext,
        tidy=lambda: None,
        etl=etl,
        crawler=lambda: S3Crawler(target.list, target.fetch),
        mask_key=mask_key,
        engine=_engine(config.runtimes.aws.engine),
    )
    jobs = GlueJobs(service("glue"), s3, places.job, workdir=target.work) if places.job else None
    glue = service("glue")
    crawler = GlueCrawler(glue, table, places.crawler) if places.crawler else None
    showcase = None if crawler else GlueTables(glue, places.database)
    return Deployed(config, places, stages, service, memory, jobs, crawler, showcase, _marks=table)


def _engine(wanted: str) -> Callable[[int], str]:
    """What a batch of so many bytes runs on."""
    if wanted == "auto":
        return lambda size: ELSEWHERE if size > MOST_BYTES else HERE
    return lambda _size: ELSEWHERE if wanted == "spark" else HERE


def _exhausted(lease: Lease) -> DeadLetter:
    return dead_message(
        lease.body,
        "SQS gave the message up: it was received too often without being finished",
        attributes=lease.attributes,
        code="received too often",
    )
