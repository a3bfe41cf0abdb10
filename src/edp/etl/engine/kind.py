"""Kind: whether a file is CSV, JSON or Parquet, by contract, name or content in this order."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from edp.core.errors import UnreadableFile

if TYPE_CHECKING:
    from edp.etl.engine.snapshot import Signs

Kind = Literal["csv", "json", "parquet"]

EXTENSIONS: Final[dict[str, Kind]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".geojson": "json",
    ".parquet": "parquet",
}
PACKED: Final = frozenset({".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip"})
"""Extensions that are passed over: they say how a file is packed, and its bytes say so, too."""
PARQUET: Final = b"PAR1"
_FOREIGN: Final = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF-": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
}
_JSON: Final = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*(?:\{[ \t\r\n]*["}]|\[[ \t\r\n]*[{\]])')


def extension(name: str) -> str:
    """The extension of a key, in lower case, before those of packed files.

    >>> extension("a/b.CSV.gz"), extension("a.d/b")
    ('.csv', '')
    """
    for suffix in reversed(PurePosixPath(name).suffixes):
        if suffix.lower() not in PACKED:
            return suffix.lower()
    return ""


def kind_of(key: str, member: str, head: bytes, stated: Kind | None) -> Kind:
    r"""The kind of a file that starts with `head`; `member` is its name inside an archive.

    >>> kind_of("a.csv", "", b"{}", None), kind_of("a", "", b'{"a": 1}', None)
    ('csv', 'json')
    """
    if stated:
        return stated
    for name in (key, member):
        if found := EXTENSIONS.get(extension(name)):
            return found
    if head.startswith(PARQUET):
        return "parquet"
    return "json" if _JSON.match(head) else "csv"


def check_text(key: str, signs: Signs, kind: Kind) -> None:
    """Raises: UnreadableFile for bytes that are of another format, or no text."""
    head = signs.head
    if head.startswith(PARQUET):
        raise UnreadableFile(
            f"{key} holds Parquet, not {kind}; call it .parquet, or set `format: parquet`"
        )
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableFile(
                f"{key} holds {name}, which cannot be read; put CSV, JSON or Parquet"
            )
    if signs.nul:
        raise UnreadableFile(
            f"{key} holds NUL bytes: take them out, or save it as UTF-8 if it is UTF-16"
        )
