"""Opening: a source file becomes text of our own with a header, or a failure with its name."""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edp.core.errors import EdpError, Failure, UnreadableFile
from edp.core.names import normalise
from edp.etl.engine.dialect import Dialect
from edp.etl.engine.encoding import encoding_of, to_utf_8
from edp.etl.engine.folders import with_folders
from edp.etl.engine.header import Source, dialect_of, read_header
from edp.etl.engine.heading import names_declared
from edp.etl.engine.kind import check_text, extension, kind_of
from edp.etl.engine.objects import read_objects
from edp.etl.engine.parquet import read_columns
from edp.etl.engine.snapshot import Snapshot, check_tag, chunks, hashed, rewritten, take
from edp.etl.engine.unpacking import packed_with, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edp.core.contract import Dataset
    from edp.etl.engine.snapshot import Signs
    from edp.etl.port import Input

_LINE_END = re.compile(rb"\r\n|\r(?=.)|\n", re.DOTALL)


@dataclass(frozen=True)
class Unopened:
    """A file that cannot be read, and why; its hash and size (bytes) as far as it has been."""

    failure: Failure
    sha256: str = ""
    size: int = 0


def open_source(
    given: Input, number: int, workdir: str, contract: Dataset, fixed: Mapping[str, str]
) -> Source | Unopened:
    """The input's snapshot with its header; `number` is its place among the job's inputs.

    `fixed` are types of the table, by its columns.
    """
    folder = Path(workdir) / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        snapshot, signs = hashed(take(given, number, folder))
    except EdpError as error:
        return Unopened(Failure.of(error))
    try:
        check_tag(snapshot, given.sha256)
        source = _source(snapshot, signs, contract, fixed, given.rows)
        return _unmasked(with_folders(source), contract)
    except EdpError as error:
        return Unopened(Failure.of(error), snapshot.sha256, snapshot.size)


def _unmasked(source: Source, contract: Dataset) -> Source:
    """The source, unless a masked value may stand in its key or its header: these are told."""
    masked = [(name, *column.aliases) for name, column in contract.columns.items() if column.mask]
    hidden = {normalise(name) for names in masked for name in names}
    in_key = source.header.names[source.header.width :]
    if found := [name for name in in_key if normalise(name) in hidden]:
        raise UnreadableFile(
            f"{source.key}: its key holds the masked column {found[0]!r}; put it under another key"
        )
    header = source.header
    first_is_header = isinstance(header.layout, Dialect) and header.present and header.names
    if hidden and first_is_header and not names_declared(header.names, contract.columns):
        raise UnreadableFile(
            f"{source.key}: its first record names no declared column, and is not taken for a "
            "header where columns are masked; set `csv: {header: false}` if it has none, or "
            "declare the columns as it names them"
        )
    return source


def _source(
    snapshot: Snapshot,
    signs: Signs,
    contract: Dataset,
    fixed: Mapping[str, str],
    rows: tuple[int, int] | None,
) -> Source:
    member = ""
    if packing := packed_with(signs.head):
        snapshot, signs, member = unpacked(snapshot, packing)
    if encoding := encoding_of(signs.head, "auto"):
        snapshot, signs = _in_utf_8(snapshot, encoding)
    kind = kind_of(snapshot.key, member, signs.head, contract.format)
    if kind == "parquet":
        return read_columns(snapshot, signs, rows)
    stated = contract.csv.encoding if kind == "csv" and not encoding else "auto"
    if encoding := encoding_of(signs.head, stated):
        snapshot, signs = _in_utf_8(snapshot, encoding)
    check_text(snapshot.key, signs, kind)
    if kind == "json":
        return read_objects(snapshot, signs, contract, fixed)
    return _csv(snapshot, signs, contract)


def _in_utf_8(snapshot: Snapshot, encoding: str) -> tuple[Snapshot, Signs]:
    try:
        return rewritten(snapshot, ".utf8", to_utf_8(chunks(snapshot), encoding))
    except UnicodeError as error:
        raise UnreadableFile(
            f"{snapshot.key}: it cannot be read as `csv.encoding` {encoding}: {error}; "
            "without a byte order mark say utf-16-le or utf-16-be"
        ) from error


def _csv(snapshot: Snapshot, signs: Signs, contract: Dataset) -> Source:
    """A CSV file by itself, with one line end."""
    if contract.csv.delimiter == "auto" and extension(snapshot.key) == ".tsv":
        contract = contract.model_copy(
            update={"csv": contract.csv.model_copy(update={"delimiter": "\t"})}
        )
    if count := contract.csv.skip_rows:
        size = signs.size
        parts = _without_lines(chunks(snapshot), count)
        snapshot, signs = rewritten(snapshot, ".body", parts, skipped=count)
        if size and not signs.size:
            raise UnreadableFile(
                f"{snapshot.key}: nothing is left after {count} lines, which `csv.skip_rows` skips"
            )
    if not signs.one_line_end:
        snapshot = _with_one_line_end(snapshot, dialect_of(snapshot, contract.csv))
    return read_header(snapshot, contract, line_feeds=not signs.one_line_end)


def _without_lines(parts: Iterable[bytes], count: int) -> Iterator[bytes]:
    """`parts` without their first `count` lines, which end with LF, CRLF or CR."""
    rest = b""
    for part in parts:
        rest += part
        at = 0
        while count and (found := _LINE_END.search(rest, at)):
            at, count = found.end(), count - 1
        rest = rest[at:]
        if not count:
            yield rest
            rest = b""
        else:
            rest = rest[-1:]  # it may be half a line end


def _with_one_line_end(snapshot: Snapshot, dialect: Dialect) -> Snapshot:
    """The snapshot with LF at the end of every line, in a copy of its own.

    Line ends inside quotes are part of a value and stay.
    """
    with (
        Path(snapshot.path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        found, _ = rewritten(
            snapshot, ".lf", dialect.with_line_feeds(text), skipped=snapshot.skipped
        )
    return found
