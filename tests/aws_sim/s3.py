"""Where moto's S3 differs from the one that AWS describes."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any, Final

from moto.s3 import notifications

_told = notifications._get_s3_event  # noqa: SLF001 (moto has no other place for it)
_send = notifications.send_event
_losing: Final[Counter[str]] = Counter()
_sequencers: Final = count(0x0065A1B2C3D4E5F6)


def mend() -> None:
    """Make it so; once is enough."""
    setattr(notifications, "_get_s3_event", _whole)  # noqa: B010 (as the others)
    setattr(notifications, "send_event", _sent)  # noqa: B010


def lose(bucket: str) -> None:
    """Have the bucket's next event reach nobody, as AWS does not rule out."""
    _losing[bucket] += 1


def _sent(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:  # noqa: ANN401 (as moto's own)
    if _losing[bucket.name] > 0:
        _losing[bucket.name] -= 1
        return
    _send(account_id, event_name, bucket, key)


def _whole(*args: Any, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401 (as moto's own)
    """An event names the version and its place in the order, and leaves `/` in keys as it is."""
    event = _told(*args, **kwargs)
    _, _, stored, _ = args
    for record in event["Records"]:
        told = record["s3"]["object"]
        told["key"] = told["key"].replace("%2F", "/")
        told["sequencer"] = f"{next(_sequencers):018X}"
        if stored.version_id not in (None, "null"):
            told["versionId"] = stored.version_id
    return event
