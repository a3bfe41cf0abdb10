"""The local runtime: folders, SQLite and DuckDB on one machine."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from edp.alarms.local import LocalAlarms
from edp.backends.bell import Bell
from edp.backends.lock import Lock
from edp.backends.sqlite import Database, Together, merge
from edp.catalog.local import LocalCatalog
from edp.core import clock
from edp.core.bus import ALERTS, BUILT_IN, Rule
from edp.core.contract import Config, Local, Spark, load, mask_key
from edp.core.errors import ConfigError
from edp.core.holder import Holder
from edp.core.retry import RetryPolicy
from edp.events.local import LocalEvents
from edp.ledger.local import LocalLedger, LocalReceipts, LocalRuns
from edp.notify.local import LocalOutbox
from edp.pipeline.alerting import Announcer
from edp.pipeline.dead import bury, dead_message
from edp.pipeline.deliver import Post
from edp.pipeline.lineage import Follower
from edp.pipeline.stages import Stages
from edp.queue.local import LocalDeadLetters, LocalQueue
from edp.source.local import LocalSource
from edp.target.local import LocalTarget
from edp.topic.local import LocalTopic
from edp.wiring.notify import site

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from edp.backends.bell import Listening
    from edp.core.bus import Event
    from edp.crawler.port import Crawler
    from edp.etl.port import Etl
    from edp.lineage.port import Lineage
    from edp.notify.port import Sink
    from edp.notify.transport import Way
    from edp.pipeline.alerting import Site
    from edp.query.port import Query
    from edp.queue.port import DeadLetter, Lease
    from edp.source.watch import Watcher

QUEUE: Final = "etl"
BASE_MEMORY: Final = 150_000_000
"""Bytes that a worker process takes before DuckDB uses any."""
LEAST_MEMORY: Final = 128_000_000


@dataclass(frozen=True)
class Workspace:
    """A workspace on this machine: its contract, its lake, and the stages over them."""

    path: Path
    lake: Path
    config: Config
    stages: Stages
    database: Database
    queue: LocalQueue
    target: LocalTarget
    lock: Lock
    bell: Bell
    memory: int
    way: Way | None = None

    @contextmanager
    def working(self, command: str = "a command in the foreground") -> Iterator[bool]:
        """Be the one process that works this workspace; False when another one is.

        What a process that died here held is free again: nobody else can hold it. `command` is
        what others are told of this process.
        """
        with self.lock.held(Holder(os.getpid(), command, clock.now())) as held:
            if held:
                self.target.clear_work()
                self.queue.show_all()
            yield held

    def holder(self) -> Holder | None:
        """The process that works this workspace, if one does."""
        return self.lock.holder()

    def pause(self, reason: str) -> None:
        """Tell others why this process does not work right now; nothing: it does again."""
        self.lock.pause(reason)

    @contextmanager
    def etl(self) -> Iterator[Etl]:
        """Worker processes, ended on leaving."""
        etl = self.stages.etl()
        try:
            yield etl
        finally:
            etl.close()

    def query(self) -> Query:
        """The query engine."""
        from edp.query.local import LocalQuery

        return LocalQuery(self.lake / ".work", memory=self.memory)

    @property
    def site(self) -> Site:
        """What alerts say of where they come from."""
        return site(self.config, self.path)

    def sinks(self) -> dict[str, Sink]:
        """The receivers of alerts."""
        from edp.wiring.notify import sinks

        return sinks(self.config, self.way)

    def post(self) -> Post:
        """What delivers alerts while it is open."""
        return Post(self.stages.outbox, self.sinks(), jitter=random.random, close=self.close)

    def close(self) -> None:
        """Let go of this thread's connection to the state; the next use has one of its own."""
        self.database.close()

    def watcher(self) -> Watcher:
        """What rings after a change of the source."""
        from edp.source.watch import Watcher

        return Watcher(self.lake / "source", self.bell.ring)

    def lineage(self) -> Follower | None:
        """What tells others of runs; None where the contract wants none.

        Raises: ConfigError where its library is not installed.
        """
        wanted = self.config.lineage
        if not wanted.on:
            return None
        if find_spec("openlineage") is None:
            raise ConfigError("lineage needs its library: pip install 'edp[lineage]'")

        def lineage() -> Lineage:
            from edp.lineage.openlineage import OpenLineage, to_file, to_server

            if wanted.url is None:
                return OpenLineage(to_file(self.path.absolute() / str(wanted.file)))
            key = wanted.api_key.get_secret_value() if wanted.api_key else ""
            return OpenLineage(to_server(wanted.url, key))

        def columns(table: str) -> Mapping[str, str]:
            found = (one for one in self.stages.catalog.tables() if one.name == table)
            return {c.name: c.type for one in found for c in one.columns}

        return Follower(
            self.stages.events,
            lineage,
            self.lake / "lineage.at",
            pipeline=self.config.name,
            locate=self.stages.source.locate,
            columns=columns,
            leave=self.database.close,
        )

    def listening(self) -> AbstractContextManager[Listening]:
        """Hear who brings work."""
        return self.bell.listening()


def open_workspace(
    path: Path, *, environ: Mapping[str, str], engine: str = "local", way: Way | None = None
) -> Workspace:
    """The workspace in `path`; its lake is made if it is not there.

    `engine` schedules what this process works off: `local` or `spark`. `way` is how the hosts of
    alerts are found and trusted, if not as usual.

    Raises: ConfigError when the contract is wrong, or the folder does not exist.
    """
    if not path.is_dir():
        raise ConfigError(f"the workspace {path} is not a folder; make it, or say --workspace")
    contract = path / "edp.yaml"
    config = load(contract, environ=environ) if contract.exists() else Config()
    local = config.runtimes.local
    lake = (path / local.root).absolute()
    memory = max(LEAST_MEMORY, int(local.memory) // local.workers - BASE_MEMORY)

    db = Database(lake / "state.db", journal=lake / "commits")
    dead_letters = LocalDeadLetters(db, QUEUE)
    queue = LocalQueue(
        db,
        QUEUE,
        on_exhausted=lambda lease: bury(stages, _exhausted(lease)),
    )
    target = LocalTarget(lake)
    bell = Bell(lake / ".bell")

    def etl() -> Etl:
        if engine == "spark":
            return _spark_etl(local, lake)
        from edp.etl.local import LocalEtl

        return LocalEtl(local.workers, memory=memory, faults=environ.get("EDP_FAULTS_WORKER", ""))

    outbox = LocalOutbox(db)
    targets: dict[str, Callable[[str, Event], None]] = {
        ALERTS: Announcer(
            outbox,
            config.alerts,
            site(config, path),
            own={name: rule.severity for name, rule in config.rules.items()},
        ),
    }

    def crawler() -> Crawler:
        from edp.crawler.local import LocalCrawler

        return LocalCrawler(lake, target.list)

    stages = Stages(
        config=config,
        source=LocalSource(lake / "source", lake / ".work"),
        topic=LocalTopic(db, [queue.send]),
        queue=queue,
        dead_letters=dead_letters,
        ledger=LocalLedger(db),
        runs=LocalRuns(
            db,
            retry=RetryPolicy(
                config.retry.max_attempts,
                config.retry.base.total_seconds(),
                config.retry.cap.total_seconds(),
            ),
            jitter=random.random,
        ),
        receipts=LocalReceipts(db),
        target=target,
        catalog=LocalCatalog(db, config.name),
        events=LocalEvents(db, rules=_rules(config, targets), targets=targets),
        alarms=LocalAlarms(db),
        outbox=outbox,
        atomically=db.transaction,
        together=Together(db),
        reading=db.reading,
        tidy=lambda: merge(lake / "commits", lake / ".work" / "merging.db"),
        ring=bell.ring,
        etl=etl,
        crawler=crawler,
        mask_key=mask_key(contract, environ) if contract.exists() else "",
        engine=lambda _bytes: engine,
    )
    lock = Lock(lake / ".lock")
    return Workspace(path, lake, config, stages, db, queue, target, lock, bell, memory, way)


def _spark_etl(local: Local, lake: Path) -> Etl:
    from edp.etl.spark.context import slots
    from edp.etl.spark.etl import SparkEtl

    spark = local.spark or Spark(master=f"local[{local.workers}]")
    shared = slots(spark.master) or local.workers
    memory = max(LEAST_MEMORY, int(local.memory) // shared - BASE_MEMORY)
    return SparkEtl(spark.master, spark.conf, memory=memory, log=lake / ".work" / "spark.log")


def _rules(config: Config, targets: Container[str]) -> list[Rule]:
    """The rules that every pipeline has, and the contract's; those whose target is there."""
    own = [Rule(name, rule.pattern, rule.target) for name, rule in config.rules.items()]
    return [rule for rule in (*BUILT_IN, *own) if rule.target in targets]


def _exhausted(lease: Lease) -> DeadLetter:
    return dead_message(
        lease.body,
        f"taken {lease.receives} times without being finished; it may kill its reader",
        attributes=lease.attributes,
        code="received too often",
    )
