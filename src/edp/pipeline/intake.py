"""Intake: a message is a hint, the object version is the work.

Every record of a message becomes a version in the ledger, a dead letter, or a count; then the
message is forgotten, in the same transaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core import clock, events
from edp.core.errors import BadKey, BadMessage, Failure, NoDataset, StoreUnavailable
from edp.core.faults import reach
from edp.core.names import check_key, is_ignored
from edp.ledger.port import Arrival, Current, Seen
from edp.pipeline.dead import bury, clear, dead_message, dead_object, object_id
from edp.queue.port import REDRIVEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from edp.core.events import ObjectCreated
    from edp.ledger.port import Acceptance
    from edp.pipeline.stages import Stages
    from edp.queue.port import Lease
    from edp.source.port import Listed, Stored

BUCKET: Final = "edp_bucket"
"""Message attribute: the bucket of its events that stands for this source."""
PREFIX: Final = "edp_prefix"
"""Message attribute: the source's prefix in that bucket."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def take(stages: Stages, *, limit: int = 100) -> int:
    """Take up to `limit` messages off the queue; how many were done.

    They are received and done in one transaction, so that a disk that is full or a process that
    is killed counts against none of them. Where one of them makes it fail, each is received and
    tried by itself; what fails again stays in the queue, until it was delivered too often.
    """
    try:
        with stages.atomically():
            leases = stages.queue.receive(limit=limit)
            if leases:
                reach("intake.received")
            for lease in leases:
                _take(stages, lease)
        done = len(leases)
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 (whatever one message did, the others are to go on)
        done = sum(_took(stages, lease) for lease in stages.queue.receive(limit=limit))
    if done:
        reach("intake.accepted")
    return done


def _took(stages: Stages, lease: Lease) -> bool:
    try:
        with stages.atomically():
            _take(stages, lease)
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 (the queue counts how often it was delivered)
        return False
    return True


def _take(stages: Stages, lease: Lease) -> None:
    try:
        said = events.parse(lease.body)
    except BadMessage as error:
        bury(stages, dead_message(lease.body, str(error), attributes=lease.attributes))
    else:
        for name in said.ignored:
            stages.ledger.count(name)
        for bad in said.bad:
            bury(stages, dead_message(bad.body, bad.reason, attributes=lease.attributes))
        for record in said.created:
            _accept(stages, lease, record)
    stages.queue.ack(lease)


def _accept(stages: Stages, lease: Lease, record: ObjectCreated) -> None:
    own = record.bucket == stages.source.bucket
    if not own and record.bucket != lease.attributes.get(BUCKET):
        bury(
            stages,
            dead_message(
                events.render([record]),
                f"bucket {record.bucket!r} is not this pipeline's source; "
                f"`edp replay --bucket {record.bucket}` takes it for the source",
                attributes=lease.attributes,
                code="foreign bucket",
            ),
        )
        return
    prefix = stages.source.prefix if own else lease.attributes.get(PREFIX, "")
    if not record.key.startswith(prefix):
        stages.ledger.count("outside the source's prefix")
        return
    arrival = Arrival(
        bucket=stages.source.bucket,
        key=record.key.removeprefix(prefix),
        arrived_at=lease.sent_at,
        size=record.size,
        etag=record.etag,
        sha256=record.etag if own and _SHA256.fullmatch(record.etag or "") else None,
        version_id=record.version_id,
        sequencer=record.sequencer,
        event_time=record.event_time,
    )
    accept(stages, arrival, redriven=REDRIVEN in lease.attributes)


def accept(stages: Stages, arrival: Arrival, *, redriven: bool = False) -> Acceptance | None:
    """Take custody of one version, dead at once where its key says so; None for a marker file."""
    if is_ignored(arrival.key):
        stages.ledger.count("marker or temporary file")
        return None
    dataset, failure = destination(stages, arrival.key)
    accepted = stages.ledger.accept(
        arrival,
        dataset=dataset,
        failure=failure,
        current=_current(stages, arrival.key),
    )
    place = (arrival.bucket, arrival.key)
    if accepted.buried:
        clear(stages, object_id(*place, accepted.buried))
    told = arrival.listed and accepted.outcome in ("unchanged", "duplicate")
    if accepted.state != "dead" or told:  # a listing sees a dead file again and again
        return accepted
    if redriven and not failure:
        stages.ledger.revive(*place, accepted.version, dataset=dataset)
    elif why := failure or accepted.failure:
        item = dead_object(
            stages, *place, accepted.version, why, dataset=dataset, attempts=0, size=arrival.size
        )
        bury(stages, item)
    return accepted


@dataclass(frozen=True)
class Found:
    """What the source holds under a key: as it is told of, and what there was to see."""

    arrival: Arrival
    seen: Seen


def there(stages: Stages, key: str) -> Found | None:
    """What the source holds under the key right now; None where that is nothing.

    Where the listing has a tag of the content, as S3's does, the bytes are not read.
    """
    entry = stages.source.look(key)
    if entry is not None and entry.etag is not None:
        return found_by_tag(stages, entry)
    stored = stages.source.read(key) if entry is not None else None
    return found_by_hash(stages, stored) if stored is not None else None


def found_by_tag(stages: Stages, entry: Listed) -> Found:
    """What an entry of the listing says that there is."""
    arrival = Arrival(
        bucket=stages.source.bucket,
        key=entry.key,
        arrived_at=clock.now(),
        size=entry.size,
        etag=entry.etag,
        version_id=entry.version_id,
        event_time=entry.modified,
        listed=True,
    )
    return Found(arrival, Seen(entry.stat, ""))


def found_by_hash(stages: Stages, stored: Stored) -> Found:
    """What there is, as it was read."""
    arrival = Arrival(
        bucket=stages.source.bucket,
        key=stored.key,
        arrived_at=stored.read_at,
        size=stored.size,
        sha256=stored.sha256,
        event_time=stored.read_at,
        listed=True,
    )
    return Found(arrival, Seen(stored.stat, stored.sha256))


def accept_found(stages: Stages, found: Found) -> Acceptance | None:
    """Take custody of what the source holds, if nobody has heard of it yet."""
    with stages.atomically():
        stages.ledger.note_seen(found.arrival.key, found.seen)
        return accept(stages, found.arrival)


def destination(stages: Stages, key: str) -> tuple[str | None, Failure | None]:
    """The dataset that `key` belongs to, or why it can go nowhere."""
    try:
        check_key(key)
    except BadKey as error:
        return None, Failure.of(error)
    dataset = stages.config.dataset_for(key)
    if dataset is None:
        return None, Failure.of(
            NoDataset(f"no dataset's path matches the key {key!r}; add one to edp.yaml and redrive")
        )
    return dataset, None


def _current(stages: Stages, key: str) -> Callable[[], Current | None]:
    def look() -> Current | None:
        entry = stages.source.look(key)
        if entry is None:
            return None
        if entry.etag is not None:
            return Current(size=entry.size, etag=entry.etag, version_id=entry.version_id)
        seen = stages.ledger.seen([key]).get(key)
        if seen is not None and seen.stat == entry.stat:
            return Current(sha256=seen.sha256)
        stored = stages.source.read(key)
        return Current(size=stored.size, sha256=stored.sha256) if stored else None

    return look
