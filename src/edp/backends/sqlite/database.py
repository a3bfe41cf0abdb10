"""One SQLite database per workspace: every stage's state, so that one transaction can span them.

A commit is durable when `transaction` returns: WAL with `synchronous=FULL`, read back and not
assumed. Each thread has a connection of its own.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import apsw

from edp.backends.folder import make_folder
from edp.backends.sqlite.journal import Journal
from edp.backends.sqlite.migrations import migrate
from edp.core.errors import ConfigError, StateDamaged, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

Row = dict[str, Any]

SAFE_VERSION: Final = (3, 51, 3)
"""Older ones can corrupt a WAL database when two connections checkpoint at once."""
BUSY_S: Final = 30.0
_FULL: Final = 2
_JOINED: Final = nullcontext()


class Database:
    """A SQLite database file; made, and migrated, when it is first opened.

    What its commits make true is written down in the folder `journal` first, where one is given.
    """

    def __init__(self, path: Path, *, journal: Path | None = None) -> None:
        if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < SAFE_VERSION:
            raise ConfigError(
                f"SQLite {apsw.sqlite_lib_version()} can corrupt a database that two processes "
                f"use; install apsw 3.51.3 or newer",
            )
        self.path = path
        self._local = threading.local()
        self._translated = translated(path)
        self._journal = Journal(journal) if journal else None
        if self._journal and not path.exists():
            self._journal.check(path, None)
        path.parent.mkdir(parents=True, exist_ok=True)
        if journal:
            make_folder(journal)
        with translated(self.path):
            migrate(self.connection)
            if self._journal:
                self._journal.check(path, self.connection)

    @property
    def connection(self) -> apsw.Connection:
        """This thread's connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with translated(self.path):
                connection = self._local.connection = _connect(self.path)
        return connection

    def transaction(self) -> AbstractContextManager[None]:
        """All writes within happen, or none; nested use joins the outer transaction.

        The write lock is taken at the start, so that what is read within stays true.
        """
        return _JOINED if self.in_transaction else self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self.connection
        with translated(self.path):
            connection.execute("BEGIN IMMEDIATE")
        recorder = self._journal.recorder(connection) if self._journal else None
        try:
            yield
            if recorder:
                recorder.write()
        except BaseException:
            _roll_back(connection)
            raise
        finally:
            if recorder:
                recorder.close()
        with translated(self.path):
            try:
                connection.execute("COMMIT")
            except apsw.Error:
                _roll_back(connection)
                raise

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is within a transaction."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        return connection is not None and connection.in_transaction

    def savepoint(self) -> AbstractContextManager[object]:
        """Within a transaction: an error undoes what was written since here, and no more."""
        return self.connection

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is read within is of one moment: whole commits."""
        connection = self.connection
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")

    def execute(self, sql: str, /, **values: object) -> int:
        """Run one statement; how many rows it changed."""
        connection = self.connection
        if not connection.in_transaction:
            with self.transaction():
                return self.execute(sql, **values)
        with self._translated:
            connection.execute(sql, values).fetchall()
            return connection.changes()

    def execute_many(self, sql: str, rows: Iterable[Mapping[str, object]], /) -> None:
        """Run one statement for each of `rows`."""
        with self.transaction(), translated(self.path):
            self.connection.executemany(sql, rows)

    def insert(self, sql: str, /, **values: object) -> int:
        """Run an INSERT; the new row's id."""
        connection = self.connection
        if not connection.in_transaction:
            with self.transaction():
                return self.insert(sql, **values)
        self.execute(sql, **values)
        return connection.last_insert_rowid()

    def rows(self, sql: str, /, **values: object) -> list[Row]:
        """What the statement returns, a dict a row."""
        with self._translated:
            cursor = self.connection.execute(sql, values)
            first = cursor.fetchone()
            if first is None:
                return []
            names = [column[0] for column in cursor.get_description()]
            rest = cursor.fetchall()
        return [dict(zip(names, row, strict=True)) for row in (first, *rest)]

    def row(self, sql: str, /, **values: object) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, **values)
        return found[0] if found else None

    def value(self, sql: str, /, **values: object) -> Any:  # noqa: ANN401 (SQLite is dynamic)
        """The first column of the first row, or None."""
        with self._translated:
            found = self.connection.execute(sql, values).fetchall()
        return found[0][0] if found else None

    def close(self) -> None:
        """Close this thread's connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def _roll_back(connection: apsw.Connection) -> None:
    if connection.in_transaction:  # SQLite ends it by itself after some errors
        connection.execute("ROLLBACK")


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(int(BUSY_S * 1000))
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if connection.execute("PRAGMA synchronous").fetchone() != (_FULL,):
        raise ConfigError(
            f"{path}: this SQLite build does not keep synchronous=FULL; commits "
            f"would not survive a power cut"
        )
    return connection


def _use_wal(connection: apsw.Connection) -> None:
    """Switch to WAL; SQLite's busy timeout does not cover the switch, so this waits itself."""
    patience = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except apsw.BusyError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


class translated:  # noqa: N801 (used as contextlib's functions are; a generator takes four times as long)
    """Raise errors of SQLite at the database `path` as ours."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Raise what the caller can make something of."""
        if kind is None:
            return
        if isinstance(error, apsw.BusyError | apsw.LockedError):
            raise StoreUnavailable(
                f"{self._path} was busy for {BUSY_S:.0f} s; another process holds it: {error}",
            ) from error
        if isinstance(
            error, apsw.FullError | apsw.IOError | apsw.ReadOnlyError | apsw.CantOpenError
        ):
            raise StoreUnavailable(
                f"{self._path} cannot be used: {error}; `edp doctor` looks for the cause"
            ) from error
        if isinstance(error, apsw.CorruptError | apsw.NotADBError):
            raise StateDamaged(
                f"{self._path} is damaged ({error}); `edp rebuild` makes it again from the commits "
                "that are written down beside it: the source and the Parquet files are untouched",
            ) from error
