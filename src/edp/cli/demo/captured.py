"""Captured events of a bucket: what S3 told of two files, doubled and out of order."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core.events import ObjectCreated, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUCKET: Final = "shop-landing"
EVENTS: Final = "events.jsonl"
_BEGAN: Final = 1_794_000_000.0
"""Seconds since the epoch, a day of November 2026."""


@dataclass(frozen=True)
class Arrived:
    """A version of an object as it came into the bucket; the greater `order` came later."""

    key: str
    version: str
    order: int
    text: str


def capture(folder: Path, arrived: Sequence[Arrived], seed: int) -> None:
    """Write the objects' bytes below `folder`, and every event twice in an order of chance.

    The newest version's event is the first: all others are late.
    """
    lines = []
    for one in arrived:
        content = one.text.encode()
        path = folder / "objects" / one.version / one.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        event = ObjectCreated(
            bucket=BUCKET,
            key=one.key,
            size=len(content),
            etag=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            version_id=one.version,
            sequencer=f"{one.order:016X}",
            event_time=_BEGAN + one.order,
        )
        local = path.relative_to(folder / "objects").as_posix()
        lines.append(json.dumps({"local_path": local, "body": render([event])}))
    newest = lines[arrived.index(max(arrived, key=lambda one: one.order))]
    late = [*lines, *lines]
    late.remove(newest)
    random.Random(seed).shuffle(late)  # noqa: S311 (an order of chance, no secret)
    (folder / EVENTS).write_text("\n".join((newest, *late, "")), "utf-8")
