"""The bytes of a source file, copied where nobody else writes, hashed and looked over.

First a private copy (a reflink where the file system has it, a hard link for bytes that are
never written in place, else a copy), then one read of that copy: sha256, signs of another
format, line ends. What DuckDB would read wrongly or not at all is refused here with the way
out; line ends of several styles are made one in the copy.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from edp.core.errors import ObjectMissing, RetryableError, UnreadableFile

if TYPE_CHECKING:
    from edp.core.contract.dataset import Dataset
    from edp.etl.engine.dialect import Dialect
    from edp.etl.port import Input

_CHUNK = 1 << 20
_FICLONE = 0x40049409  # linux/fs.h
_MAGIC: Final = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"BZh91AY&SY": "bzip2 data",
    b"\xfd7zXZ\x00": "xz data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "Parquet",
    b"%PDF-": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
}
_UTF_16_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_FORMATS = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".geojson": "json",
    ".parquet": "parquet",
}


class SourceChanged(RetryableError):
    """The bytes are not, or no longer, those that the source's tag stands for."""

    code = "source changed"


@dataclass(frozen=True)
class Snapshot:
    """A private copy of one source file's bytes; `number` is its place among the job's inputs.

    `sha256` and `size` (bytes) are of the source's bytes. `path` may hold them with other line
    ends outside quotes; the number of lines is the same.
    """

    number: int
    key: str
    path: str
    sha256: str = ""
    size: int = 0


def take(source: Input, number: int, folder: Path) -> Snapshot:
    """A private copy of the source's bytes, not yet looked at.

    Raises: ObjectMissing where there are none.
    """
    path = folder / f"{number}.csv"
    path.unlink(missing_ok=True)  # a link left by an attempt before would be written through
    try:
        _copy(source, path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ObjectMissing(f"{source.key}: its bytes are gone; put the file again") from error
    return Snapshot(number, source.key, str(path))


def _copy(source: Input, path: Path) -> None:
    with Path(source.path).open("rb") as origin:
        with path.open("wb") as copy, suppress(OSError, ImportError):
            _reflink(origin, copy)
            return
        if source.linkable:
            path.unlink()
            with suppress(OSError):
                os.link(source.path, path)
                return
        with path.open("wb") as copy:
            shutil.copyfileobj(origin, copy, _CHUNK)


def _reflink(origin: BinaryIO, copy: BinaryIO) -> None:
    import fcntl  # noqa: PLC0415 (not on every system)

    fcntl.ioctl(copy.fileno(), _FICLONE, origin.fileno())


def hashed(snapshot: Snapshot) -> tuple[Snapshot, Signs]:
    """The snapshot with its hash and size, and what its bytes show, from one read."""
    digest, size, head, last = hashlib.sha256(), 0, b"", b""
    nul, returns, newlines, pairs = False, 0, 0, 0
    with Path(snapshot.path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            head = head or chunk[:16]
            size += len(chunk)
            nul = nul or b"\0" in chunk
            if b"\r" in chunk or last == b"\r":
                returns += chunk.count(b"\r")
                pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
    found = replace(snapshot, sha256=digest.hexdigest(), size=size)
    return found, Signs(head, nul, returns, newlines, pairs)


@dataclass(frozen=True)
class Signs:
    """What one read of a file saw: its first bytes, NULs, carriage returns, line feeds, CRLFs."""

    head: bytes
    nul: bool
    returns: int
    newlines: int
    pairs: int

    @property
    def one_line_end(self) -> bool:
        """Whether every line ends alike, with LF or with CRLF."""
        return not self.returns or self.returns == self.newlines == self.pairs


def check_tag(snapshot: Snapshot, sha256: str | None) -> None:
    """Raises: SourceChanged when the bytes do not hash to what the source says."""
    if sha256 is not None and sha256 != snapshot.sha256:
        raise SourceChanged(
            f"{snapshot.key}: the bytes changed while the file was queued; "
            "what is there now is a version of its own"
        )


def check_format(snapshot: Snapshot, signs: Signs, contract: Dataset) -> None:
    """Raises: UnreadableFile for bytes that are not the text of a CSV file."""
    stated = contract.format or _FORMATS.get(Path(snapshot.key).suffix.lower(), "csv")
    if stated != "csv" and snapshot.size:
        raise UnreadableFile(
            f"{snapshot.key}: this version reads CSV, not {stated}; convert the file to CSV"
        )
    for magic, name in _MAGIC.items():
        if signs.head.startswith(magic):
            raise UnreadableFile(
                f"{snapshot.key} holds {name}, which this version cannot read; put plain CSV"
            )
    if signs.head.startswith(_UTF_16_32):
        raise UnreadableFile(f"{snapshot.key} is UTF-16 or UTF-32; save it as UTF-8")
    if signs.nul:
        raise UnreadableFile(
            f"{snapshot.key} holds NUL bytes: take them out, or save it as UTF-8 if it is UTF-16"
        )


def with_one_line_end(snapshot: Snapshot, dialect: Dialect) -> Snapshot:
    """The snapshot with LF at the end of every line, in a copy of its own if need be.

    Line ends inside quotes are part of a value and stay.
    """
    path = Path(snapshot.path)
    before = path.read_bytes()
    after = dialect.with_line_feeds(before)
    if after == before:
        return snapshot
    other = path.with_suffix(".lf.csv")
    other.write_bytes(after)
    return replace(snapshot, path=str(other))
