"""Group commit: what several threads have to write becomes durable with one wait for the disk.

While one thread waits for the disk, the others' work gathers; the next of them takes all of it
into its own transaction. What one of them cannot do takes nobody else's work with it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.backends.sqlite.database import Database


@dataclass(eq=False)
class _Work:
    """What one thread wants to be done, and whether it has been; `failed` is why it could not."""

    do: Callable[[], object]
    settled: bool = False
    failed: Exception | None = None


class Together:
    """Commits to one database, shared by threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: deque[_Work] = deque()
        self._leading = Lock()

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for the next commit."""
        return len(self._waiting)

    def __call__(self, do: Callable[[], object]) -> None:
        """Run `do` in a transaction, alone or with what other threads bring; durable on return.

        It may be run by another thread, and again where that one is interrupted. Within a
        transaction it joins that one.
        Raises: what `do` raises, and StoreUnavailable; then nothing of it has happened.
        """
        if self._db.in_transaction:
            do()
            return
        mine = _Work(do)
        self._waiting.append(mine)
        try:
            with self._leading:
                if not mine.settled:
                    self._lead()
        except BaseException:  # interrupted
            with suppress(ValueError):
                self._waiting.remove(mine)
            raise
        if mine.failed:
            raise mine.failed

    def _lead(self) -> None:
        """Settle all work that waits; what is not settled, as this thread is interrupted, waits."""
        group = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            if len(group) == 1 or not self._commit(group):
                for one in group:
                    self._commit_alone(one)
        finally:
            self._waiting.extend(one for one in group if not one.settled)

    def _commit(self, group: Sequence[_Work]) -> bool:
        """Settle all of `group` in one transaction; not, where one of them ended that for all."""
        ended = False
        try:
            with self._db.transaction():
                for one in group:
                    try:
                        with self._db.savepoint():
                            one.do()
                    except Exception as error:
                        if ended := not self._db.in_transaction:
                            raise
                        one.failed = error
        except Exception as error:  # noqa: BLE001 (everybody hears it)
            if ended:
                return False
            for one in group:
                one.failed = error
        for one in group:
            one.settled = True
        return True

    def _commit_alone(self, one: _Work) -> None:
        one.failed = None
        try:
            with self._db.transaction():
                one.do()
        except Exception as error:  # noqa: BLE001 (it is raised where it belongs)
            one.failed = error
        one.settled = True
