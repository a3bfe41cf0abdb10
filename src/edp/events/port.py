"""What the event bus does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.bus import Event


@dataclass(frozen=True)
class Told:
    """An event and its number; numbers rise in the order in which events became true."""

    n: int
    event: Event


class Events(Protocol):
    """An outbox: whatever is put is told, once what it tells of is true."""

    def put(
        self,
        detail_type: str,
        detail: Mapping[str, object],
        *,
        source: str = "edp",
        resources: Sequence[str] = (),
    ) -> Event:
        """Say that something happened; within a transaction, only if that commits.

        Whoever a rule names for it is told in the same transaction.
        """

    def forget(self, *, older_than_s: float) -> None:
        """Drop the events that happened more than so many seconds ago, but for the newest."""

    def last_id(self) -> int:
        """The newest event's number, 0 before the first."""

    def told(self, after: int = 0, *, limit: int | None = None) -> Sequence[Told]:
        """The events after number `after`, oldest first; at most `limit` of them."""

    def since(self, after: int = 0) -> Sequence[Mapping[str, object]]:
        """The same as rows of `edp.events`."""
