"""Retract: one file's rows are taken out of its table, and the file stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.catalog.port import Change
from edp.core import bus, clock
from edp.core.errors import ConfigError, StaleSnapshot
from edp.pipeline.dead import clear, object_id
from edp.pipeline.replace import Attempt, Steps, attempt_folder, prepare
from edp.pipeline.run import declared

if TYPE_CHECKING:
    from edp.core.receipts import Receipt
    from edp.pipeline.replace import Ready
    from edp.pipeline.stages import Stages


RETRACTED: Final = "retracted"
"""What the ledger notes of a version that a person took out of its table."""


def retract(stages: Stages, key: str, *, run_id: str, memory: int) -> Steps:
    """The steps that take the rows of `key` out of its table; its version is then discarded.

    Raises: ConfigError when no rows of the key are in a table, or it is being worked on.
    """
    with attempt_folder(stages, run_id, 0) as workdir:
        while True:
            dataset = next(iter(stages.catalog.holders([key])), None)
            if dataset is None:
                raise ConfigError(f"{key!r} has no rows in a table; `edp explain {key}` tells why")
            version = _whose(stages, key)
            attempt = Attempt(
                run_id=run_id,
                fence=0,
                dataset=dataset,
                started_at=clock.now(),
                workdir=workdir,
                contents={},
                memory=memory,
            )
            change = Change(
                dataset=dataset,
                remove=frozenset({key}),
                declared=declared(stages, dataset),
            )
            ready = yield from prepare(stages, attempt, change)
            try:
                _commit(stages, ready, version, run_id=run_id)
            except StaleSnapshot:
                continue
            return


def _whose(stages: Stages, key: str) -> Receipt:
    """The version whose rows are in the table, or that died when it was to replace them."""
    head = stages.receipts.heads([key])[key]
    versions = stages.receipts.receipts(keys=[key])
    found = next((one for one in versions if one.state == "committed"), head)
    # a newer version under way would bring rows of the key back
    if head.state in ("queued", "running") or found.state not in ("committed", "dead"):
        raise ConfigError(f"{key!r} is {head.state}; retract it once that is over")
    return found


def _commit(stages: Stages, ready: Ready, version: Receipt, *, run_id: str) -> None:
    key, bucket = version.key, stages.source.bucket
    with stages.atomically():
        if _whose(stages, key) != version:
            raise StaleSnapshot(f"{key!r} was committed again meanwhile")
        stages.catalog.replace(
            ready.plan,
            rewritten=ready.rewritten,
            run_id=run_id,
            operation="retract",
        )
        stages.ledger.discard(bucket, key, version.version, was=version.state, note=RETRACTED)
        clear(stages, object_id(bucket, key, version.version))
        stages.events.put(
            bus.FILE_CHANGED,
            {
                "key": key,
                "version": version.version,
                "dataset": version.dataset,
                "state": "discarded",
            },
        )
