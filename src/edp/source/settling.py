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
        """Note how a file looks at `now` (seconds); whether it has settled."""
        stat, since = self._since.get(entry.key, ("", now))
        if stat != entry.stat:
            self._since[entry.key] = (entry.stat, now)
            return self._settle_s == 0
        if now - since < self._settle_s:
            return False
        del self._since[entry.key]
        return True

    def forget(self, key: str) -> None:
        """The file is gone, or is known."""
        self._since.pop(key, None)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Keys that have not settled yet."""
        return tuple(self._since)


def unseen(entries: Iterable[Listed], stats: Mapping[str, str]) -> list[Listed]:
    """The entries whose bytes nobody has looked at yet; `stats` tells what was, by key."""
    return [e for e in entries if stats.get(e.key) != e.stat]
