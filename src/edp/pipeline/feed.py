"""Feeding: bytes go into the source, and an event tells the queue.

The bytes are durable before the event is sent. What a kill in between leaves is found by the next
reconcile.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from edp.core import clock, events
from edp.core.errors import BadMessage, ConfigError
from edp.core.events import ObjectCreated
from edp.ledger.port import Arrival, Seen
from edp.pipeline.intake import BUCKET, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from edp.pipeline.stages import Stages
    from edp.source.port import Stored

_AT_ONCE: Final = 8
"""Files that are put at once: most of a put is waiting for the disk."""
_MOST: Final = 100
"""Files that are told of in one transaction."""


def put(stages: Stages, key: str, path: Path) -> Stored:
    """Put a file into the source under `key`, and tell of it.

    Threads may put at once; what they tell then shares transactions.

    Raises: ConfigError when the file cannot be read or stored under that key, StoreUnavailable when
    the disk fails.
    """
    stored = stages.source.put(key, path)
    _tell(stages, [stored])
    return stored


def put_all(stages: Stages, files: Mapping[str, Path]) -> list[Stored]:
    """Put each of `files` (key to path), several at once, and tell of them in their order.

    Raises: as `put` does, for the first that cannot be put. Of those after it nothing is told; what
    was put of them is found by the next listing.
    """
    if len(files) == 1:
        return [put(stages, *file) for file in files.items()]
    stored: list[Stored] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        puts = [pool.submit(stages.source.put, *file) for file in files.items()]
        try:
            while len(stored) < len(puts):
                done = _done(puts, len(stored))
                _tell(stages, done)
                stored += done
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return stored


def _done(puts: Sequence[Future[Stored]], start: int) -> list[Stored]:
    """What was put from the place `start` on, without a gap; it is waited for the first."""
    first, *others = puts[start : start + _MOST]
    good = takewhile(lambda one: one.done() and not one.exception(), others)
    return [first.result(), *(one.result() for one in good)]


def _tell(stages: Stages, put: Sequence[Stored]) -> None:
    def send() -> None:
        for stored in put:
            stages.ledger.note_seen(stored.key, Seen(stored.stat, stored.sha256))
            record = ObjectCreated(
                bucket=stages.source.bucket,
                key=stored.key,
                size=stored.size,
                etag=stored.sha256,
                sequencer=stages.ledger.next_sequencer(),
                event_time=clock.now(),
            )
            stages.topic.publish(events.render([record]))

    stages.together(send)
    stages.ring()


@dataclass(frozen=True)
class Captured:
    """A captured SQS message: its body, and where its object's bytes are, if said."""

    body: str
    local_path: str | None = None


def captured(line: str) -> Captured:
    """A line of a capture: a message body, or JSON with `body` and perhaps `local_path`.

    >>> captured('{"body": "x", "local_path": "a.csv"}'), captured("not json").body
    (Captured(body='x', local_path='a.csv'), 'not json')
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return Captured(line)
    if isinstance(content, dict) and isinstance(content.get("body"), str):
        path = content.get("local_path")
        return Captured(content["body"], path if isinstance(path, str) else None)
    return Captured(line)


def replay(
    stages: Stages,
    messages: Iterable[Captured],
    *,
    bucket: str,
    prefix: str,
    objects: Path | None,
) -> int:
    """Send captured messages to the queue, and the objects' bytes to the source; how many.

    `bucket` and `prefix` say where in the messages' events this source is. Bytes come from
    `objects`; those of a key's newest event stay in the source.

    Raises: ConfigError when a message's `local_path` leads out of `objects`.
    """
    n = 0
    for message in messages:
        if objects is not None and message.local_path is not None:
            path = objects / message.local_path
            if not path.resolve().is_relative_to(objects.resolve()):
                raise ConfigError(f"local_path {message.local_path!r} leads out of {objects}")
            if path.is_file():
                _bring(stages, message.body, path, bucket, prefix)
        stages.queue.send(message.body, attributes={BUCKET: bucket, PREFIX: prefix})
        n += 1
    stages.ring()
    return n


def _bring(stages: Stages, body: str, path: Path, bucket: str, prefix: str) -> None:
    """Put the bytes of a message's object into the source, unless newer ones are there."""
    try:
        created = events.parse(body).created
    except BadMessage:
        return
    with path.open("rb") as src:
        sha256 = hashlib.file_digest(src, "sha256").hexdigest()
    size = path.stat().st_size
    for record in created:
        if record.bucket != bucket or not record.key.startswith(prefix):
            continue
        if record.size not in (None, size):
            continue  # other bytes than the event's: the version has none here
        key = record.key.removeprefix(prefix)
        newest = stages.ledger.announce(
            Arrival(
                bucket=stages.source.bucket,
                key=key,
                arrived_at=clock.now(),
                size=record.size,
                etag=record.etag,
                sha256=sha256,
                version_id=record.version_id,
                sequencer=record.sequencer,
                event_time=record.event_time,
            ),
        )
        if newest and not _holds(stages, key, sha256):
            stored = stages.source.put(key, path)
            stages.ledger.note_seen(key, Seen(stored.stat, stored.sha256))


def _holds(stages: Stages, key: str, sha256: str) -> bool:
    seen = stages.ledger.seen([key]).get(key)
    entry = stages.source.look(key)
    return bool(seen and entry and seen.stat == entry.stat and seen.sha256 == sha256)
