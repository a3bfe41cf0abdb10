"""What the event bus does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Events(Protocol):
    """An outbox: whatever is put is told, once what it tells of is true."""

    def put(self, detail_type: str, detail: Mapping[str, object]) -> None:
        """Say that something happened; within a transaction, only if that commits."""

    def forget(self, *, older_than_s: float) -> None:
        """Drop the events that happened more than so many seconds ago, but for the newest."""

    def last_id(self) -> int:
        """The newest event's id, 0 before the first."""

    def since(self, after: int = 0) -> Sequence[Mapping[str, object]]:
        """The events after id `after`, oldest first."""
