"""What a topic does."""

from __future__ import annotations

from typing import Protocol


class Topic(Protocol):
    """Hands each published message to all of its subscribers."""

    def publish(self, body: str) -> None:
        """Send `body` to every subscriber; all of them get it, or none."""
