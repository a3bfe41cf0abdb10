r"""Unpacking: compressed files are expanded, whatever they are called, and within limits.

What a file is packed with is told by its first bytes. A file that ends too early, or is damaged,
fails as a whole: nothing of it is read. A zip archive holds one file; its name is only looked at
for its extension, and nothing is ever written under it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Protocol

from edp.core.errors import UnreadableFile
from edp.etl.engine.snapshot import CHUNK, rewritten

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edp.etl.engine.snapshot import Signs, Snapshot

    class _Readable(Protocol):
        def read(self, size: int, /) -> bytes: ...


MOST_EXPANDED: Final = 16 << 30
"""Bytes: copies of several files must fit on a worker's disk."""
MOST_RATIO: Final = 200
"""Text shrinks 5 to 50 times; what is meant to burst shrinks 1,000 times."""
RATIO_COUNTS_FROM: Final = 64 << 20
"""Bytes below which any ratio is harmless: a short file of one repeated row is no bomb."""
_XZ_MEMORY: Final = 256 << 20  # bytes; the strongest preset needs 65 MiB

PACKED: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
"""The first bytes of each kind of packed file."""
_DAMAGE: Final = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
    zipfile.BadZipFile,
    NotImplementedError,  # a zip archive packed with a method that Python does not know
    RuntimeError,
)


def packed_with(head: bytes) -> str | None:
    r"""What a file that starts with `head` is packed with.

    >>> packed_with(b"\x1f\x8b\x08"), packed_with(b"a,b")
    ('gzip', None)
    """
    return next((name for magic, name in PACKED.items() if head.startswith(magic)), None)


def unpacked(snapshot: Snapshot, kind: str) -> tuple[Snapshot, Signs, str]:
    """The snapshot expanded, what its bytes show, and the file's name inside an archive.

    Raises: UnreadableFile when it is cut off or damaged, grows too much, is an archive of no or
    several files, or holds something packed once more.
    """
    name = ""
    with Path(snapshot.path).open("rb") as file:
        try:
            if kind == "zip":
                archive = zipfile.ZipFile(file)
                member = _only_member(snapshot, archive)
                name = member.filename
                with archive.open(member) as stream:
                    found, signs = _expanded(snapshot, _read(stream))
            else:
                found, signs = _expanded(snapshot, _STREAMS[kind](file))
        except _DAMAGE as error:
            raise _damaged(snapshot, kind, error) from error
        except OSError as error:
            if error.errno is not None:  # the disk's fault, not the file's
                raise
            raise _damaged(snapshot, kind, error) from error
    if inner := packed_with(signs.head):
        raise UnreadableFile(
            f"{snapshot.key} holds {inner} data inside {kind} data; pack the file once"
        )
    return found, signs, name


def _expanded(snapshot: Snapshot, parts: Iterable[bytes]) -> tuple[Snapshot, Signs]:
    return rewritten(snapshot, ".expanded", _within_limits(snapshot, parts))


def _within_limits(snapshot: Snapshot, parts: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MOST_EXPANDED:
            raise UnreadableFile(
                f"{snapshot.key} expands to more than {MOST_EXPANDED >> 30} GiB; split the file"
            )
        if size > max(RATIO_COUNTS_FROM, MOST_RATIO * snapshot.size):
            raise UnreadableFile(
                f"{snapshot.key} expands to more than {MOST_RATIO} times its size, as hardly any "
                "data does; put it unpacked if it is meant to"
            )
        yield part


def _read(stream: _Readable) -> Iterator[bytes]:
    while part := stream.read(CHUNK):
        yield part


def _xz(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of one or more xz streams; lzma.open would take any memory they ask for."""
    stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    rest = b""
    while True:
        if stream.eof:
            rest = (stream.unused_data + file.read()).lstrip(b"\0") or b""
            if not rest:
                return
            stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        elif stream.needs_input and not rest:
            rest = file.read(CHUNK)
            if not rest:
                raise EOFError
        part = stream.decompress(rest, CHUNK)
        rest = b""
        if part:
            yield part


_STREAMS: Final[dict[str, Callable[[IO[bytes]], Iterator[bytes]]]] = {
    "gzip": lambda file: _read(gzip.GzipFile(fileobj=file)),
    "bzip2": lambda file: _read(bz2.BZ2File(file)),
    "zstd": lambda file: _read(zstd.ZstdFile(file)),
    "xz": _xz,
}


def _only_member(snapshot: Snapshot, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise UnreadableFile(f"{snapshot.key} holds an Excel workbook; save its sheet as CSV")
    if len(members) != 1:
        raise UnreadableFile(
            f"{snapshot.key}: a zip archive of {len(members)} files; put each file by itself"
        )
    (member,) = members
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableFile(
            f"{snapshot.key}: a zip archive whose file lies elsewhere ({member.filename!r}); "
            "pack the file itself"
        )
    if member.flag_bits & 1:
        raise UnreadableFile(f"{snapshot.key}: an encrypted zip archive; put the file unpacked")
    return member


def _damaged(snapshot: Snapshot, kind: str, error: BaseException) -> UnreadableFile:
    what = "is cut off" if isinstance(error, EOFError) else f"is damaged ({error})"
    return UnreadableFile(f"{snapshot.key}: its {kind} data {what}; put the whole file again")
