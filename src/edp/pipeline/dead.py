"""Dead letters: what cannot be done, one item per record or object version, with the reason."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edp.core import bus, events
from edp.core.events import ObjectCreated
from edp.queue.port import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.errors import Failure
    from edp.pipeline.stages import Stages


def dead_message(
    body: str, reason: str, *, attributes: Mapping[str, str], code: str = "bad message"
) -> DeadLetter:
    """The item for a body, or a record as a body of its own, that cannot be used."""
    return DeadLetter(
        id=_hash("message", body),
        cause_id=_hash("message", code, reason),
        kind="message",
        code=code,
        reason=reason,
        body=body,
        attributes=attributes,
    )


def dead_object(
    stages: Stages,
    bucket: str,
    key: str,
    version: str,
    failure: Failure,
    *,
    dataset: str | None,
    attempts: int,
    size: int | None = None,
    run_id: str | None = None,
) -> DeadLetter:
    """The item for an object version; its body is an S3 event with exactly that record."""
    named = stages.source.prefix + key
    record = ObjectCreated(bucket=bucket, key=named, size=size, version_id=version)
    return DeadLetter(
        id=object_id(bucket, key, version),
        cause_id=_hash("object", dataset or "", failure.code),
        kind="object",
        code=failure.code,
        reason=failure.message,
        body=events.render([record]),
        attempts=attempts,
        dataset=dataset,
        key=key,
        version=version,
        run_id=run_id,
    )


def bury(stages: Stages, item: DeadLetter, *, samples: Sequence[str] = ()) -> None:
    """Keep the dead letter, and say that there is one, with `samples` of what made it dead."""
    stages.dead_letters.add(item)
    stages.events.put(
        bus.LETTER_ADDED,
        {
            "kind": item.kind,
            "key": item.key,
            "version": item.version,
            "dataset": item.dataset,
            "state": "dead",
            "code": item.code,
            "reason": item.reason,
            "dead_letter": item.id,
            "cause_id": item.cause_id,
            "attempts": item.attempts,
            "run": item.run_id,
            **({"samples": list(samples)} if samples else {}),
        },
    )


def tell_gone(stages: Stages, detail_type: str, items: Sequence[DeadLetter]) -> None:
    """Say that `items` are dead letters no more; called after they went.

    `causes` are the causes they had, `settled` those of which no letter is left.
    """
    causes = {item.cause_id for item in items}
    left = stages.dead_letters.causes().keys()
    stages.events.put(
        detail_type,
        {
            "ids": [item.id for item in items],
            "keys": sorted({item.key for item in items if item.key is not None}),
            "datasets": sorted({item.dataset for item in items if item.dataset is not None}),
            "causes": sorted(causes),
            "settled": sorted(causes - left),
        },
    )


def clear(stages: Stages, item_id: str) -> None:
    """Forget a dead letter whose reason is gone, and say so; one that is not there is no error."""
    item = stages.dead_letters.get(item_id)
    if item is not None:
        stages.dead_letters.remove(item_id)
        tell_gone(stages, bus.LETTERS_CLEARED, [item])


def object_id(bucket: str, key: str, version: str) -> str:
    """The id of an object version's dead letter."""
    return _hash("object", bucket, key, version)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
