"""Data files and what a run says of the files it read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from edp.core.receipts import Counts
from edp.core.types import Admits, intersection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edp.core.errors import Failure

Kind = Literal["data", "rejects"]

ADOPTED: Final = "//"
"""How the name of a source starts that is an adopted Parquet file; no object key can."""


@dataclass(frozen=True)
class ProfileColumn:
    """One column of a source file: its name in the table, as written there, what it admits.

    `declared` says that the contract it was read with gave its type: what its texts were beside
    that does not matter any more.
    """

    name: str
    original: str
    admits: Admits = Admits()
    declared: bool = False


Profile = tuple[ProfileColumn, ...]


def admits(profiles: Iterable[Profile]) -> dict[str, Admits]:
    """What all files with these profiles admit, by column."""
    by_column: dict[str, list[Admits]] = {}
    for profile in profiles:
        for column in profile:
            by_column.setdefault(column.name, []).append(column.admits)
    return {name: intersection(found) for name, found in by_column.items()}


@dataclass(frozen=True)
class Outcome:
    """What a run found in one source file.

    `sha256` and `size` (bytes) are of the bytes that were read. `failure` is set when nothing
    of the file may be published; `counts` then tell its last try. `warnings` has the rows, by
    check, for which one whose action is `warn` is false. `samples` are some of the rows that made
    it fail, masked.
    """

    key: str
    sha256: str
    size: int
    counts: Counts = Counts()
    profile: tuple[ProfileColumn, ...] = ()
    failure: Failure | None = None
    warnings: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table.

    `schema` maps column to stored type (`date:mdy` where a reading decided it); `sources` maps
    object key to its rows in this file; `path` is where the file is now: absolute while
    staged, below the target once published.
    """

    path: str
    kind: Kind
    rows: int
    bytes: int
    sha256: str
    schema: Mapping[str, str]
    sources: Mapping[str, int] = field(default_factory=dict)
    partition: str = ""
