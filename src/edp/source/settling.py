"""Files that others write into the source: taken once they have stood still.

A file is settled when its size, mtime and inode were the same at two looks, `settle` apart. A
file that `edp put` renamed in needs no settling; the ledger has seen it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edp.source.port import Listed


class Settling:
    """Remembers when each file was first seen as it is now."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since: dict[str, tuple[str, float]] = {}

    def look(self, entry: Listed, *, now: float) -> bool:
        """Note how a file looks at `now` (seconds of any clock); whether it has settled."""
        stat, since = self._since.get(entry.key, (entry.stat, now))
        if stat != entry.stat:
            since = now
        if now - since < self._settle_s:
            self._since[entry.key] = (entry.stat, since)
            return False
        self.forget(entry.key)
        return True

    def forget(self, key: str) -> None:
        """The file is gone, or is known."""
        self._since.pop(key, None)

    def due(self, now: float) -> list[str]:
        """Keys of the files that have settled by `now`, if they still look as they did."""
        return [key for key, (_, since) in self._since.items() if now - since >= self._settle_s]

    @property
    def next_at(self) -> float | None:
        """When the next file may have settled; None where none is being waited for."""
        since = (since for _, since in self._since.values())
        first = min(since, default=None)
        return None if first is None else first + self._settle_s


def unseen(entries: Iterable[Listed], stats: Mapping[str, str]) -> list[Listed]:
    """The entries whose bytes nobody has looked at yet; `stats` tells what was, by key."""
    return [e for e in entries if stats.get(e.key) != e.stat]
