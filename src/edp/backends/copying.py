"""Copies of files, made the cheapest way that the file system has.

A reflink or a hard link takes no room and no time. Only a file whose bytes nobody changes any more
is linked: who writes into it in place would write into the copy.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from edp.backends.folder import fsync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 1 << 20
_FICLONE: Final = 0x40049409  # linux/fs.h
_NO_LINKS: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
)
"""Another file system, one without links, another owner's file, or too many links to it."""


@dataclass(frozen=True)
class Copied:
    """How a file was copied, its size (bytes), and its SHA-256 where every byte was read."""

    way: Literal["reflink", "link", "bytes"]
    size: int
    sha256: str | None = None


class Unreadable(Exception):
    """No regular file can be read there, or it is written to all the time."""


def copy(origin: Path, place: Path, *, frozen: bool = False) -> Copied:
    """Copy a file, with its time and mode, to a new `place`; durable once that is synced.

    With `frozen` nobody changes its bytes any more, and a hard link will do.

    Raises: Unreadable, FileNotFoundError where it is gone, OSError where the copy fails.
    """
    with _plain(origin) as src:
        place.parent.mkdir(parents=True, exist_ok=True)
        before = os.fstat(src.fileno())
        size = before.st_size
        if not _cloned(src, place):
            if frozen and _linked(origin, place):
                return Copied("link", size)
            copied = _read(src, place)
        else:
            copied = Copied("reflink", size)
        after = os.fstat(src.fileno())
    if (size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        place.unlink()
        raise Unreadable(f"{origin} was written to while it was copied")
    place.chmod(stat.S_IMODE(after.st_mode))
    os.utime(place, ns=(after.st_atime_ns, after.st_mtime_ns))
    return copied


def reflink(src: BinaryIO, out: BinaryIO) -> bool:
    """Let `out`, which is empty, share the blocks of `src`; whether the file system can."""
    with suppress(OSError):
        fcntl.ioctl(out.fileno(), _FICLONE, src.fileno())
        return True
    return False


def copy_start(origin: Path, place: Path, size: int) -> None:
    """Copy the first `size` bytes of a file that only grows.

    Raises: FileNotFoundError where it is gone, EOFError where it has no such bytes, OSError.
    """
    with origin.open("rb") as src, place.open("xb") as out:
        left = size
        while left and (chunk := src.read(min(left, _CHUNK))):
            out.write(chunk)
            left -= len(chunk)
    if left:
        raise EOFError(f"{origin} ends before byte {size}")


def sync(top: Path) -> None:
    """Make all files and names in and below `top` durable.

    At the end, so that the copying does not wait for the disk.

    Raises: OSError.
    """
    for folder, _, names in os.walk(top, topdown=False):
        for name in names:
            _fsync(Path(folder, name))
        fsync_folder(Path(folder))


@contextmanager
def _plain(origin: Path) -> Iterator[BinaryIO]:
    """The file opened to be read; a symbolic link is none, and neither is a pipe."""
    try:
        handle = os.open(origin, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM):
            raise
        raise Unreadable(f"{origin} cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as src:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable(f"{origin} is no regular file")
        yield src


def _cloned(src: BinaryIO, place: Path) -> bool:
    """Let the copy share the file's blocks, where the file system can."""
    with place.open("xb") as out:
        cloned = reflink(src, out)
    if not cloned:
        place.unlink()
    return cloned


def _linked(origin: Path, place: Path) -> bool:
    try:
        os.link(origin, place, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def _read(src: BinaryIO, place: Path) -> Copied:
    digest, size = hashlib.sha256(), 0
    with place.open("xb") as out:
        while chunk := src.read(_CHUNK):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Copied("bytes", size, digest.hexdigest())


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
