"""Retract: one file's rows are taken out of its table, and the file stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.catalog.port import Change
from edp.core import clock
from edp.core.errors import ConfigError, StaleSnapshot
from edp.pipeline.replace import Attempt, Steps, attempt_folder, prepare
from edp.pipeline.run import declared

if TYPE_CHECKING:
    from edp.pipeline.stages import Stages

OPERATION = "retract"


def retract(stages: Stages, key: str, *, run_id: str, memory: int) -> Steps:
    """The steps that take the rows of `key` out of its table; its version is then discarded.

    Raises: ConfigError when no version of the key is committed.
    """
    with attempt_folder(stages, run_id, 0) as workdir:
        while True:
            live = stages.receipts.committed([key]).get(key)
            if live is None:
                raise ConfigError(f"{key!r} has no rows in a table; `edp explain {key}` tells why")
            attempt = Attempt(
                run_id=run_id,
                fence=0,
                dataset=live.dataset,
                started_at=clock.now(),
                workdir=workdir,
                contents={},
                memory=memory,
            )
            change = Change(
                dataset=live.dataset,
                remove=frozenset({key}),
                declared=declared(stages, live.dataset),
            )
            ready = yield from prepare(stages, attempt, change)
            try:
                with stages.atomically():
                    if stages.receipts.committed([key]).get(key) != live:
                        raise StaleSnapshot(f"{key!r} was committed again meanwhile")
                    stages.catalog.replace(
                        ready.plan,
                        rewritten=ready.rewritten,
                        run_id=run_id,
                        operation=OPERATION,
                    )
                    bucket = stages.source.bucket
                    stages.ledger.discard(bucket, key, live.version, note="retracted")
                    detail = {"key": key, "version": live.version, "dataset": live.dataset}
                    stages.events.put("EDP File State Change", {**detail, "state": "discarded"})
            except StaleSnapshot:
                continue
            return
