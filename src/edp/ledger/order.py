"""Which of two versions of a key is newer, and whether two are the same content.

Events of one key are ordered by sequencer. Where either side has none (a listing, a copy tool),
the version that the source names as current is newer; if the key is gone, event time decides,
then arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edp.core.events import sequencer_newer

if TYPE_CHECKING:
    from collections.abc import Callable

    from edp.ledger.port import Arrival, Current


class Content(Protocol):
    """What tells contents apart: a hash where one is known, else etag and size."""

    @property
    def size(self) -> int | None:
        """Bytes."""

    @property
    def etag(self) -> str | None:
        """S3's tag."""

    @property
    def sha256(self) -> str | None:
        """Hex digest."""


class Known(Content, Protocol):
    """A version that the ledger has."""

    @property
    def version(self) -> str:
        """VersionId, or the ledger's number."""

    @property
    def sequencer(self) -> str | None:
        """Hexadecimal."""

    @property
    def event_time(self) -> float | None:
        """Seconds."""


def same_content(a: Content, b: Content) -> bool:
    """Whether `a` and `b` are the same bytes, as far as their tags tell."""
    if a.sha256 and b.sha256:
        return a.sha256 == b.sha256
    if a.etag and b.etag:
        return (a.etag, a.size) == (b.etag, b.size)
    # tags of different kinds cannot be compared: better one run too many than bytes unread
    untagged = not (a.sha256 or a.etag or b.sha256 or b.etag)
    return untagged and a.size == b.size


def is_newer(arrival: Arrival, head: Known, current: Callable[[], Current | None]) -> bool:
    """Whether `arrival` is newer than its key's `head`."""
    if arrival.listed:
        return True
    if arrival.sequencer and head.sequencer:
        return sequencer_newer(arrival.sequencer, head.sequencer)
    same = same_content(arrival, head)
    now = current()
    if now is not None and not same:
        if _names(now, arrival.version_id, arrival):
            return True
        if _names(now, head.version, head):
            return False
    if arrival.event_time is not None and head.event_time is not None:
        if arrival.event_time != head.event_time:
            return arrival.event_time > head.event_time
        return not same
    # heard of later; the very same content again says nothing new
    return not same or arrival.sequencer is not None


def _names(current: Current, version_id: str | None, content: Content) -> bool:
    if current.version_id and version_id:
        return current.version_id == version_id
    return same_content(current, content)
