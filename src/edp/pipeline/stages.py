"""The stages that a pipeline runs on, put together by the wiring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from edp.alarms.port import Alarms
    from edp.catalog.port import Catalog
    from edp.core.contract import Config
    from edp.crawler.port import Crawler
    from edp.etl.port import Etl
    from edp.events.port import Events
    from edp.ledger.port import Ledger, Receipts, Runs
    from edp.notify.port import Outbox
    from edp.queue.port import DeadLetters, Queue
    from edp.source.port import Source
    from edp.target.port import Target
    from edp.topic.port import Topic


@dataclass(frozen=True)
class Stages:
    """One runtime's stages.

    What is written within `atomically()` happens as a whole where the runtime can promise that;
    elsewhere in the order written, the ledger last. `together` runs what it is given so, too; calls
    of several threads may become one commit. What is read within `reading()` is of one moment
    where the runtime can promise that. `tidy` does what the runtime needs now and then; `ring` has
    whoever works look for new work. `engine` says what a batch of so many bytes runs on, as
    receipts name it.
    """

    config: Config
    source: Source
    topic: Topic
    queue: Queue
    dead_letters: DeadLetters
    ledger: Ledger
    runs: Runs
    receipts: Receipts
    target: Target
    catalog: Catalog
    events: Events
    alarms: Alarms
    outbox: Outbox
    atomically: Callable[[], AbstractContextManager[None]]
    together: Callable[[Callable[[], object]], object]
    reading: Callable[[], AbstractContextManager[None]]
    tidy: Callable[[], object]
    etl: Callable[[], Etl]
    crawler: Callable[[], Crawler]
    ring: Callable[[], None] = lambda: None
    mask_key: str = field(default="", repr=False)
    engine: Callable[[int], str] = lambda _bytes: "local"
