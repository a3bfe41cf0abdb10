"""The bytes of a source file, copied where nobody else writes, hashed and looked over.

First a private copy (a reflink where the file system has it), then one read of that copy: sha256,
and what its bytes show. Where the text has to be got out of them, further copies follow; the hash
stays that of the source's bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from edp.backends.copying import reflink
from edp.core.errors import ObjectMissing, RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edp.etl.port import Input

CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""
_HEAD: Final = 512


class SourceChanged(RetryableError):
    """The bytes are not, or no longer, those that the source's tag stands for."""

    code = "source changed"


@dataclass(frozen=True)
class Snapshot:
    """A private copy of one source file's bytes; `number` is its place among the job's inputs.

    `sha256` and `size` (bytes) are of the source's bytes. `path` holds them, or the text that
    was got out of them: expanded, in UTF-8, without the first `skipped` lines, with other line
    ends outside quotes.
    """

    number: int
    key: str
    path: str
    sha256: str = ""
    size: int = 0
    skipped: int = 0


@dataclass
class Signs:
    """What is seen of bytes as they pass: the first ones, NULs, carriage returns, line feeds."""

    head: bytes = b""
    size: int = 0
    nul: bool = False
    returns: int = 0
    newlines: int = 0
    pairs: int = 0
    _last: bytes = field(default=b"", repr=False)

    def see(self, chunk: bytes) -> None:
        """Note the bytes that come next."""
        if len(self.head) < _HEAD:
            self.head = (self.head + chunk[:_HEAD])[:_HEAD]
        self.size += len(chunk)
        self.nul = self.nul or b"\0" in chunk
        if b"\r" in chunk or self._last == b"\r":
            self.returns += chunk.count(b"\r")
            self.pairs += chunk.count(b"\r\n") + (self._last == b"\r" and chunk[:1] == b"\n")
        self.newlines += chunk.count(b"\n")
        self._last = chunk[-1:]

    @property
    def one_line_end(self) -> bool:
        """Whether every line ends alike, with LF or with CRLF."""
        return not self.returns or self.returns == self.newlines == self.pairs


def take(source: Input, number: int, folder: Path) -> Snapshot:
    """A private copy of the source's bytes, not yet looked at.

    Raises: ObjectMissing where there are none.
    """
    path = folder / f"{number}.bytes"
    try:
        handle = os.open(source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ObjectMissing(f"{source.key}: its bytes are gone; put the file again") from error
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise ObjectMissing(f"{source.key}: no regular file is there; put one") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ObjectMissing(f"{source.key}: no regular file is there; put one")
    with os.fdopen(handle, "rb") as origin:
        _copy(origin, path)
    return Snapshot(number, source.key, str(path))


def _copy(origin: BinaryIO, path: Path) -> None:
    """Never a hard link: who writes into the file in place would write into the copy."""
    with path.open("wb") as copy:
        if not reflink(origin, copy):
            shutil.copyfileobj(origin, copy, CHUNK)


def hashed(snapshot: Snapshot) -> tuple[Snapshot, Signs]:
    """The snapshot with its hash and size, and what its bytes show, from one read."""
    digest, signs = hashlib.sha256(), Signs()
    for chunk in chunks(snapshot):
        digest.update(chunk)
        signs.see(chunk)
    return replace(snapshot, sha256=digest.hexdigest(), size=signs.size), signs


def chunks(snapshot: Snapshot) -> Iterator[bytes]:
    """The bytes of the snapshot's copy, in order."""
    with Path(snapshot.path).open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def rewritten(
    snapshot: Snapshot, suffix: str, parts: Iterable[bytes], *, skipped: int = 0
) -> tuple[Snapshot, Signs]:
    """The snapshot with `parts` for its copy, and what they show; the copy before is deleted."""
    before = Path(snapshot.path)
    path, signs = before.with_suffix(suffix), Signs()
    path.unlink(missing_ok=True)
    with path.open("wb") as copy:
        for part in parts:
            signs.see(part)
            copy.write(part)
    before.unlink(missing_ok=True)
    return replace(snapshot, path=str(path), skipped=skipped), signs


def check_tag(snapshot: Snapshot, sha256: str | None) -> None:
    """Raises: SourceChanged when the bytes do not hash to what the source says."""
    if sha256 is not None and sha256 != snapshot.sha256:
        raise SourceChanged(
            f"{snapshot.key}: the bytes changed while the file was queued; "
            "what is there now is a version of its own"
        )
