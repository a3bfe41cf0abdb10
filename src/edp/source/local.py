"""A source bucket as a folder: an object's key is its path below it.

Symbolic links are not followed, neither as files nor as folders on the way.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat as modes
from threading import Lock
from typing import TYPE_CHECKING, Final

from edp.backends.folder import fsync_folder
from edp.core import clock
from edp.core.errors import ConfigError, StoreUnavailable, no_files_fault
from edp.core.faults import reach
from edp.core.names import check_key
from edp.source.port import Listed, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

_CHUNK: Final = 1 << 20
_NOWHERE: Final = "nowhere"
"""A name that is never made."""


class LocalSource:
    """Objects below `root`; `work` is a folder on the same file system for files in the making."""

    bucket = "source"
    prefix = ""

    def __init__(self, root: Path, work: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._work = work
        self._making = Lock()

    def put(self, key: str, path: Path) -> Stored:
        """Store a copy of the file under `key`: written aside, fsynced, renamed in."""
        check_key(key)
        target = self.root.joinpath(*key.split("/"))
        aside = self._work / f"put-{secrets.token_hex(8)}"
        try:
            size, digest = self._write(path, aside)
            reach("put.staged")
            self._make_folder(target.parent)
            placed = _stat(aside.lstat())
            aside.replace(target)
            fsync_folder(target.parent)
        except OSError as error:
            why = f"cannot put {path} as {key!r}: {error}"
            raise (StoreUnavailable if no_files_fault(error) else ConfigError)(why) from error
        finally:
            aside.unlink(missing_ok=True)
        reach("put.renamed")
        return Stored(key, size, digest, placed, clock.now())

    def _write(self, path: Path, aside: Path) -> tuple[int, str]:
        with path.open("rb") as src, aside.open("xb") as out:
            size, digest = 0, hashlib.sha256()
            while chunk := src.read(_CHUNK):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            out.flush()
            os.fsync(out.fileno())
        return size, digest.hexdigest()

    def _make_folder(self, folder: Path) -> None:
        """Make `folder` and its parents below the root, durably, none of them a link.

        One thread at a time: what another one made is durable, too.
        """
        with self._making:
            missing = []
            at = folder
            while at != self.root:
                if at.is_symlink():
                    raise NotADirectoryError(f"{at} is a symbolic link")
                if not at.exists():
                    missing.append(at)
                at = at.parent
            for made in reversed(missing):
                made.mkdir(exist_ok=True)
                fsync_folder(made.parent)

    def locate(self, key: str) -> str:
        """Where a worker reads the bytes of `key`; they need not exist.

        A key that leads through a symbolic link leads nowhere.
        """
        path = self.root.joinpath(*key.split("/"))
        try:
            inside = path.parent.resolve() == path.parent
        except (OSError, ValueError):
            inside = False
        return str(path if inside else self._work / _NOWHERE)

    def look(self, key: str) -> Listed | None:
        """The listing's entry of one key, or None when no regular file is there."""
        try:
            found = os.lstat(self.locate(key))
        except (OSError, ValueError):
            return None
        return Listed(key, _stat(found), found.st_mtime) if modes.S_ISREG(found.st_mode) else None

    def read(self, key: str) -> Stored | None:
        """What the bytes are right now, all of them read; None when they are gone."""
        try:
            with _open_plain(self.locate(key)) as src:
                digest = hashlib.file_digest(src, "sha256").hexdigest()
                found = os.fstat(src.fileno())
        except (OSError, ValueError):
            return None
        return Stored(key, found.st_size, digest, _stat(found), clock.now())

    def list(self) -> Iterator[Listed]:
        """Every object there is; in no order."""
        folders = [(self.root, "")]
        while folders:
            folder, prefix = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:
                continue  # removed since it was listed
            for entry in entries:
                key = prefix + _printable(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    folders.append((folder / entry.name, f"{key}/"))
                elif entry.is_file(follow_symlinks=False):
                    found = self._entry(key, entry)
                    if found:
                        yield found

    def _entry(self, key: str, entry: os.DirEntry[str]) -> Listed | None:
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        return Listed(key, _stat(found), found.st_mtime)


def _open_plain(path: str) -> BufferedReader:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _stat(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"


def _printable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 are shown, so that the key can be reported."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
