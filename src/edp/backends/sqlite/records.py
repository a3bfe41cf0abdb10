"""Records of the journal: one a commit, one a line, each naming the one before it.

A line is the hash of what follows it, a space, and JSON. So a line that is cut off or damaged
shows, and so does one that is missing. A file is a *segment* of such lines, or a *base*: all that
was true at one record, so that no older one is needed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from edp.backends.sqlite.kept import Rows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from edp.backends.sqlite.kept import Image

_NAME: Final = re.compile(r"(\d{12})(\.base)?\.jsonl")
_LINE: Final = re.compile(rb'[0-9a-f]{32} \{"n":(\d+),')
_ID: Final = 32
"""Hex digits of a record's id."""


@dataclass(frozen=True)
class Record:
    """What commit number `n` made true; `schema` is the state's when it was written.

    A base is several records with one number. They stand for the record whose id `stands_for`
    is; `parts` says how many they are, in the last of them. Whether the commit of a `doubtful`
    record happened is not known.
    """

    n: int
    id: str
    parent: str
    at: float
    schema: int
    image: Image
    stands_for: str = ""
    parts: int = 0
    doubtful: bool = False


@dataclass(frozen=True)
class Damage:
    """A place in the journal that cannot be read, or from where it does not go on."""

    place: str
    what: str


@dataclass(frozen=True)
class Segment:
    """A file of the journal; `first` is the number of its first record."""

    path: Path
    first: int
    base: bool


def line(
    n: int, parent: str, at: float, schema: int, image: Image, **further: object
) -> tuple[str, bytes]:
    """A record's id and its line."""
    tables = {
        table: {"columns": rows.columns, "rows": rows.rows, "gone": rows.gone}
        for table, rows in image.items()
    }
    body = {"n": n, "parent": parent, "at": at, "schema": schema, **further, "tables": tables}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    id_ = hashlib.sha256(text).hexdigest()[:_ID]
    return id_, b"%s %s\n" % (id_.encode(), text)


def parse(text: bytes) -> Record | None:
    """The record of a line; None where the line is not whole."""
    id_, space, body = text.removesuffix(b"\n").partition(b" ")
    if not space or hashlib.sha256(body).hexdigest()[:_ID].encode() != id_:
        return None
    said = json.loads(body)
    image = {
        table: Rows(tuple(part["columns"]), part["rows"], part["gone"])
        for table, part in said["tables"].items()
    }
    return Record(
        said["n"],
        id_.decode(),
        said["parent"],
        said["at"],
        said["schema"],
        image,
        said.get("stands_for", ""),
        said.get("parts", 0),
    )


def segments(folder: Path) -> list[Segment]:
    """The files of a journal, in order."""
    if not folder.is_dir():
        return []
    named = [(path, _NAME.fullmatch(path.name)) for path in folder.iterdir()]
    found = [Segment(path, int(match[1]), bool(match[2])) for path, match in named if match]
    return sorted(found, key=lambda one: (one.first, not one.base))


def last_number(folder: Path) -> int:
    """The number of the last whole record, 0 where there is none; only the ends are read."""
    for segment in reversed(segments(folder)):
        if segment.base:
            return segment.first
        for text in _lines_from_the_end(segment.path):
            if match := _LINE.match(text):
                return int(match[1])
    return 0


def _lines_from_the_end(path: Path) -> Iterator[bytes]:
    """The lines of a file that end in a line feed, the last one first."""
    with path.open("rb") as file:
        at, rest = file.seek(0, 2), b""
        while at:
            size = min(at, 1 << 16)
            at = file.seek(at - size)
            first, *lines = (file.read(size) + rest).split(b"\n")
            yield from reversed(lines[:-1])
            rest = first + b"\n" if lines else first
        if rest.endswith(b"\n"):
            yield rest


def chain(folder: Path, *, before: int | None = None) -> Iterator[Record | Damage]:
    """What the journal says, in order: a base, then every record since whose commit happened.

    A record is written before its commit. Where the commit did not happen, another one took its
    number; only of the very last record nobody knows, so it is `doubtful`. Records from number
    `before` on are left out. What cannot be read is told of, and the rest follows.
    """
    files = [one for one in segments(folder) if before is None or one.first < before]
    base = next((one for one in reversed(files) if one.base), None)
    link = _Link()
    if base is not None:
        link = yield from _read_base(base)
    elif files:
        yield Damage(folder.name, "the base is missing")
    later = [one for one in files if not one.base and (base is None or one.first > base.first)]
    for segment in later:
        for found in _read(segment.path):
            if isinstance(found, Damage):
                link.unread.append(found)
            elif before is None or found.n < before:
                yield from link.add(found)
    yield from link.end()


@dataclass
class _Link:
    """The last record of the chain so far, not yet told of as another may take its number."""

    n: int = 0
    id: str = ""
    pending: Record | None = None
    unread: list[Damage] = field(default_factory=list)

    def add(self, record: Record) -> Iterator[Record | Damage]:
        if record.n != self.n or self.pending is None:
            if self.pending is not None:
                yield self.pending
            if (record.n, record.parent) != (self.n + 1, self.id):
                yield from self.unread
                if not self.unread:
                    yield Damage(f"record {record.n}", f"it does not follow record {self.n}")
        # what is unread before a record that follows was never whole, and never committed
        self.unread.clear()
        self.n, self.id, self.pending = record.n, record.id, record

    def end(self) -> Iterator[Record | Damage]:
        if self.pending is not None:
            yield replace(self.pending, doubtful=True)
        yield from self.unread


def _read_base(base: Segment) -> Generator[Record | Damage, None, _Link]:
    link, parts, whole = _Link(base.first), 0, False
    for found in _read(base.path):
        yield found
        if isinstance(found, Record):
            parts += 1
            link.id, whole = found.stands_for, found.parts == parts
    if not whole:
        yield Damage(base.path.name, "the base is not whole")
    return link


def _read(path: Path) -> Iterator[Record | Damage]:
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                return  # cut off while it was written: its commit did not happen
            record = parse(text)
            yield record or Damage(f"{path.name}, line {number}", "it is damaged")
