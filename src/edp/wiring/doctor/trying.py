"""Trying: what the lake's file system does, found out with files in a folder of our own."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import apsw

from edp.backends.folder import fsync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def tried(folder: Path) -> Mapping[str, str]:
    """Try everything in `folder`, and say why what did not work did not; nothing is left there."""
    place = folder / f"doctor-{secrets.token_hex(8)}"
    try:
        place.mkdir()
    except OSError as error:
        return {"write": _why(error)}
    try:
        return {what: _tried(one, place) for what, one in _TRIES.items()}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def disk_time(folder: Path) -> float | None:
    """The time (seconds) that the file system gives to a new file; None where none can be made."""
    path = folder / f"doctor-{secrets.token_hex(8)}"
    try:
        path.touch()
        return path.stat().st_mtime
    except OSError:
        return None
    finally:
        with suppress(OSError):
            path.unlink()


def _tried(one: Callable[[Path], object], place: Path) -> str:
    try:
        one(place)
    except (OSError, apsw.Error, Broken) as error:
        return _why(error)
    return ""


class Broken(Exception):
    """It says that it has done what it has not."""


def _fsync(place: Path) -> None:
    with (place / "a").open("wb") as file:
        file.write(b"a")
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(place)


def _rename(place: Path) -> None:
    (place / "b").write_bytes(b"b")
    (place / "c").write_bytes(b"c")
    (place / "b").replace(place / "c")
    if (place / "c").read_bytes() != b"b" or (place / "b").exists():
        raise Broken("a file that was renamed over another did not take its place")


def _flock(place: Path) -> None:
    path = place / "lock"
    path.touch()
    with path.open("rb") as one, path.open("rb") as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise Broken("two hold one lock at once")


def _pipe(place: Path) -> None:
    os.mkfifo(place / "bell")
    handle = os.open(place / "bell", os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(handle, b"!")
        if os.read(handle, 1) != b"!":
            raise Broken("what was written does not come out")
    finally:
        os.close(handle)


def _wal(place: Path) -> None:
    with closing(apsw.Connection(str(place / "state.db"))) as connection:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        if mode != [("wal",)]:
            raise Broken("SQLite cannot have a write-ahead log there")
        connection.execute(
            "PRAGMA synchronous = FULL; CREATE TABLE t (n); INSERT INTO t VALUES (1)"
        )


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


_TRIES: Final[Mapping[str, Callable[[Path], object]]] = {
    "fsync": _fsync,
    "rename": _rename,
    "flock": _flock,
    "named pipe": _pipe,
    "SQLite's WAL": _wal,
}
