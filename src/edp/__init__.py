"""EDP: files that land in a bucket become clean, deduplicated tables, once each.

The way of a file, and the folder where each step lives:

    source    bytes arrive under a key, and an event says so
    topic     the event fans out to every subscribed queue
    queue     the message waits, at least once, until intake takes it
    ledger    the object version is accepted: from here on somebody owes its outcome
    etl       a worker process reads a batch of files and stages Parquet
    target    staged files become durable under their final names
    catalog   one `replace` makes them the table's files; the ledger says committed
    crawler   finds Parquet that others put into the target
    query     SQL over the files that the catalog lists
    events    what happened, for people and for rules
    alarms    what is wrong now, by what the stages tell
    notify    people are told, once for each cause, and told when it is over

`pipeline` is these steps in sentences, `wiring` picks the adapters. A person types what `cli` has;
a program says `from edp import Pipeline`, which is `api`. What follows is imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edp.api import Pipeline
    from edp.catalog.port import Column, Table
    from edp.core.errors import ConfigError, EdpError, Failure, PoisonError, RetryableError
    from edp.core.receipts import Counts, Receipt
    from edp.pipeline.foreground import Rest
    from edp.queue.port import DeadLetter

__all__ = [
    "Column",
    "ConfigError",
    "Counts",
    "DeadLetter",
    "EdpError",
    "Failure",
    "Pipeline",
    "PoisonError",
    "Receipt",
    "Rest",
    "RetryableError",
    "Table",
]

_HOME = {
    "Column": "edp.catalog.port",
    "ConfigError": "edp.core.errors",
    "Counts": "edp.core.receipts",
    "DeadLetter": "edp.queue.port",
    "EdpError": "edp.core.errors",
    "Failure": "edp.core.errors",
    "Pipeline": "edp.api",
    "PoisonError": "edp.core.errors",
    "Receipt": "edp.core.receipts",
    "Rest": "edp.pipeline.foreground",
    "RetryableError": "edp.core.errors",
    "Table": "edp.catalog.port",
}


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name: str) -> object:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module 'edp' has no attribute {name!r}")
        return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
