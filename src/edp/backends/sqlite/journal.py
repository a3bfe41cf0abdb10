"""The journal: what each commit made true, durable beside the state before the commit happens.

From it the state can be made again. A commit costs one more sync of the disk. Records are written
under the state's write lock, so they are in the order of the commits.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import apsw

from edp.backends.folder import fsync_folder, make_folder
from edp.backends.sqlite.kept import WATCHED, Keeper, shapes
from edp.backends.sqlite.records import last_number, line, segments
from edp.backends.sqlite.statements import load
from edp.core import clock
from edp.core.errors import StateOutdated, StoreUnavailable
from edp.core.faults import reach

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edp.backends.sqlite.kept import Image, Shapes

_SQL = load("edp.backends.sqlite", "journal.sql")
SEGMENT: Final = 8 << 20
"""Bytes after which a new file is begun."""


@dataclass(frozen=True)
class Standing:
    """The last record that a commit of this state wrote, and where it ends."""

    n: int
    record: str
    segment: str
    ends: int
    copied_at: float | None


class Journal:
    """The journal in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shapes: Shapes | None = None

    def keeper(self, connection: apsw.Connection) -> Keeper:
        """What tells what is to be kept of the database."""
        if self._shapes is None:
            self._shapes = shapes(connection)
        return Keeper(connection, self._shapes)

    def check(self, state: Path, connection: apsw.Connection | None) -> None:
        """See that the state is not older than its journal; None where there is no state.

        Raises: StateOutdated where it is. One more record than the state knows is none to worry
        about: its commit did not happen, or is about to.
        """
        files = segments(self.folder)
        if not files:
            return
        if connection is not None:
            at = standing(connection)
            newest = files[-1].path
            if at and at.segment == newest.name and newest.stat().st_size == at.ends:
                return
        last = last_number(self.folder)
        at = standing(connection) if connection is not None else None
        known = at.n if at else 0
        if connection is None:
            what = f"{state} is not there, and {self.folder.name}/ holds {last} commits"
        elif last > known + 1 or (at and at.copied_at and last > known):
            what = f"{state} knows {known} commits, and {self.folder.name}/ holds {last}"
        else:
            return
        raise StateOutdated(f"{what}; `edp rebuild` makes the state again from them")

    def recorder(self, connection: apsw.Connection) -> Recorder:
        """What writes down the transaction that `connection` is in."""
        return Recorder(self, connection)

    def write(self, connection: apsw.Connection, image: Image) -> None:
        """Write a record of the transaction that is about to commit, durably.

        Where the journal is not whole up to here, a base takes its place.
        Raises: StoreUnavailable.
        """
        at = standing(connection)
        try:
            if at is None or not self._goes_on(at):
                self._begin(connection, at.n + 1 if at else 1)
            else:
                self._append(connection, at, image)
        except OSError as error:
            raise StoreUnavailable(f"cannot write to {self.folder}: {error}") from error
        reach("commit.noted")

    def _goes_on(self, at: Standing) -> bool:
        path = self.folder / at.segment
        based = any(one.base for one in segments(self.folder))
        return based and path.is_file() and path.stat().st_size >= at.ends

    def _append(self, connection: apsw.Connection, at: Standing, image: Image) -> None:
        id_, text = line(at.n + 1, at.record, clock.now(), _schema(connection), image)
        name = at.segment
        if name.endswith(".base.jsonl") or at.ends >= SEGMENT:
            name = f"{at.n + 1:012}.jsonl"
        path = self.folder / name
        new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                text = b"\n" + text  # after a record that was cut off
            _write(handle, text)
            os.fdatasync(handle)
            ends = os.fstat(handle).st_size
        finally:
            os.close(handle)
        if new:
            fsync_folder(self.folder)
        _stand(connection, at.n + 1, id_, name, ends)

    def _begin(self, connection: apsw.Connection, n: int) -> None:
        """Write all that is to be kept as a base."""
        id_ = secrets.token_hex(16)
        parts = self.keeper(connection).everything()
        path = write_base(self.folder, n, id_, _schema(connection), parts)
        _stand(connection, n, id_, path.name, path.stat().st_size)


class Recorder:
    """Follows one transaction, and writes down what of it is to be kept."""

    def __init__(self, journal: Journal, connection: apsw.Connection) -> None:
        self._journal = journal
        self._connection = connection
        self._session = apsw.Session(connection, "main")
        for table in WATCHED:
            self._session.attach(table)

    def write(self) -> None:
        """Write the record, if there is something to keep."""
        if self._session.is_empty:
            return
        image = self._journal.keeper(self._connection).changed(self._session.changeset())
        if image:
            self._journal.write(self._connection, image)

    def close(self) -> None:
        """Follow it no longer."""
        self._session.close()


def standing(connection: apsw.Connection) -> Standing | None:
    """Where the state's journal ends; None before its first record."""
    row = connection.execute(_SQL.standing).fetchone()
    return Standing(*row) if row else None


def write_base(folder: Path, n: int, id_: str, schema: int, parts: Iterable[Image]) -> Path:
    """Write a base that stands for record `n`, whole or not at all; its path."""
    make_folder(folder)
    path = folder / f"{n:012}.base.jsonl"
    aside = path.with_suffix(".part")
    now = clock.now()
    try:
        with aside.open("wb") as file:
            count = 1
            for count, image in enumerate(parts, start=2):  # noqa: B007 (used after the loop)
                file.write(line(n, "", now, schema, image, stands_for=id_)[1])
            file.write(line(n, "", now, schema, {}, stands_for=id_, parts=count)[1])
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    fsync_folder(folder)
    return path


def _stand(connection: apsw.Connection, n: int, record: str, segment: str, ends: int) -> None:
    given = {"n": n, "record": record, "segment": segment, "ends": ends}
    connection.execute(_SQL.stand, given)


def _schema(connection: apsw.Connection) -> int:
    version: int = connection.pragma("user_version")
    return version


def _write(handle: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(handle, left) :]
