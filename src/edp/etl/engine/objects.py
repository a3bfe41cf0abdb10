"""Objects: a JSON file becomes a table of texts, one row for each object.

A number or boolean counts as it is written, a string as what it stands for; arrays and objects
stay as they stand, and so do strings of a column that is declared as JSON. What kind of value each
text was goes along, because only some kinds of text may be read as a number. The columns are the
names of all objects, in order of first appearance.
"""

from __future__ import annotations

import csv
import mmap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.errors import UnreadableFile
from edp.etl.engine.columns import json_names
from edp.etl.engine.header import Header, Objects, Source, check_width
from edp.etl.engine.jsontext import BadText, Broken, Found, string, values
from edp.etl.engine.standardise import WHITE_SPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from edp.core.contract import Dataset
    from edp.etl.engine.snapshot import Signs, Snapshot

LITERAL, STRING, NESTED, NOTHING = "l", "s", "n", "-"
"""Kinds of value: a number or boolean, a string, an array or object, null or absent."""
_QUOTE: Final = 0x22
_BRACKETS: Final = (0x5B, 0x7B)
_NULL: Final = b"null"


@dataclass(frozen=True)
class Converted:
    """The table of a file's objects: a CSV file of kinds, then texts, a line for each good record.

    `kinds` are those of each column's values; `longest` is a record's size (bytes), at most; `bad`
    counts the records that are not in it.
    """

    path: str
    kinds: tuple[frozenset[str], ...]
    longest: int
    bad: int


@dataclass(frozen=True)
class Record:
    """A record of a JSON file; `cells` are name, kind and text of each member, unless it is bad."""

    found: Found
    cells: list[tuple[str, str, str]] | None = None

    @property
    def reason(self) -> str | None:
        """Why it is no row."""
        return self.found.reason

    def verbatim(self, names: Collection[str]) -> list[tuple[str, str, str]]:
        """The cells of a good record, those of `names` as they stand in the file."""
        assert self.cells is not None
        assert self.found.members is not None
        return [
            (name, kind, value.decode() if kind == STRING and name in names else text)
            for (name, kind, text), value in zip(
                self.cells, self.found.members.values(), strict=True
            )
        ]


def read_objects(
    snapshot: Snapshot, signs: Signs, contract: Dataset, fixed: Mapping[str, str]
) -> Source:
    """A JSON file with its columns, converted; `fixed` are types of the table, by its columns.

    Raises: UnreadableFile when its records cannot be told apart, none can be read, or they have
    too many names.
    """
    names: dict[str, int] = {}
    first = next(records(snapshot), None) if signs.size else None
    if first is None:
        return Source(snapshot, Header(Objects()), body=False)
    # once more where a name came up behind rows that had been written without it
    converted = None
    for _ in range(2):
        converted = converted or _convert(snapshot, names, contract, fixed)
    if converted is None:
        raise RuntimeError(f"{snapshot.key}: its names changed while it was read")
    if not names:
        why = first.reason or "its objects have no members"
        raise UnreadableFile(
            f"{snapshot.key}: no record can be read; the first one, line {first.found.line}: {why}"
        )
    return Source(snapshot, Header(Objects(), tuple(names)), body=True, objects=converted)


def records(snapshot: Snapshot) -> Iterator[Record]:
    """The records of a JSON file, good and bad.

    Raises: UnreadableFile where they cannot be told apart any more.
    """
    with (
        Path(snapshot.path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        try:
            for found in values(text):
                yield _record(found)
        except Broken as error:
            raise UnreadableFile(
                f"{snapshot.key}: not JSON from line {error.line} on: {error}; put the whole file "
                "again"
            ) from error


def _record(found: Found) -> Record:
    if found.members is None:
        return Record(found)
    try:
        return Record(found, [_cell(name, value) for name, value in found.members.items()])
    except BadText as error:
        return Record(replace(found, reason=str(error)))


def _cell(name: bytes, value: bytes) -> tuple[str, str, str]:
    mark = value[0]
    if mark == _QUOTE:
        return string(name), STRING, string(value)
    if value == _NULL:
        return string(name), NOTHING, ""
    return string(name), NESTED if mark in _BRACKETS else LITERAL, value.decode()


def _convert(
    snapshot: Snapshot, names: dict[str, int], contract: Dataset, fixed: Mapping[str, str]
) -> Converted | None:
    """The file's table, or None where rows were written before all `names` were known.

    `names` (with the place of each) grows.
    """
    path = Path(snapshot.path).with_suffix(".table")
    kinds: list[set[str]] = [set() for _ in names]
    documents = json_names(tuple(names), contract, fixed)
    rows = bad = longest = 0
    whole = True
    with path.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
        for record in records(snapshot):
            if record.cells is None:
                bad += 1
                continue
            if new := [name for name, _, _ in record.cells if name not in names]:
                names |= {name: len(names) + n for n, name in enumerate(new)}
                kinds += [set() for _ in new]
                documents = json_names(tuple(names), contract, fixed)
                whole = whole and not rows
                check_width(snapshot, len(names))
            if whole:
                cells = record.verbatim(documents) if documents else record.cells
                row = _row(cells, names)
                for name, kind, text in cells:
                    if kind != NOTHING and text.strip(WHITE_SPACE) not in contract.nulls:
                        kinds[names[name]].add(kind)
                longest = max(longest, sum(map(len, row)))
                write(row)
            rows += 1
    if not whole:
        return None
    return Converted(str(path), tuple(map(frozenset, kinds)), longest, bad)


def _row(cells: Iterable[tuple[str, str, str]], names: Mapping[str, int]) -> list[str]:
    """The kinds of a record's values, then their texts."""
    marks, texts = [NOTHING] * len(names), [""] * len(names)
    for name, kind, text in cells:
        place = names[name]
        marks[place], texts[place] = kind, text
    return ["".join(marks), *texts]
