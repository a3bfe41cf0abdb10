"""A topic whose subscribers get the message in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.backends.sqlite import Database


class LocalTopic:
    """Fans out to `subscribers`, each a callable that sends a body to a queue."""

    def __init__(self, db: Database, subscribers: Sequence[Callable[[str], None]]) -> None:
        self._db = db
        self._subscribers = tuple(subscribers)

    def publish(self, body: str) -> None:
        """Send `body` to every subscriber; all of them get it, or none."""
        with self._db.transaction():
            for send in self._subscribers:
                send(body)
