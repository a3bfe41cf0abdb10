"""What a source does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Stored:
    """Bytes under a key: size in bytes, SHA-256 in hex, and what tells a later change.

    `read_at` (seconds) is when they were written or read.
    """

    key: str
    size: int
    sha256: str
    stat: str
    read_at: float


@dataclass(frozen=True)
class Listed:
    """A key of the listing; `modified` in seconds, `stat` changes whenever the bytes may have.

    `size` (bytes), `etag` and `version_id` where the listing tells them.
    """

    key: str
    stat: str
    modified: float
    size: int | None = None
    etag: str | None = None
    version_id: str | None = None


class Source(Protocol):
    """The bucket that files land in; its objects are those whose keys there start with `prefix`.

    A key is what follows the prefix, everywhere but in events.
    """

    bucket: str
    prefix: str

    def put(self, key: str, path: Path) -> Stored:
        """Store a copy of the file under `key`, whole or not at all, durable on return.

        Raises: BadKey, ConfigError when `path` cannot be read or the key cannot be a file here,
        StoreUnavailable when the disk fails.
        """

    def locate(self, key: str) -> str:
        """Where a worker reads the bytes of `key`; they need not exist."""

    def look(self, key: str) -> Listed | None:
        """The listing's entry of one key, or None when nothing is there."""

    def read(self, key: str) -> Stored | None:
        """What the bytes are right now, all of them read; None when they are gone."""

    def list(self) -> Iterator[Listed]:
        """Every object there is; in no order."""
