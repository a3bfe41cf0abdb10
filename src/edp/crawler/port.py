"""What a crawler does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.files import DataFile, ProfileColumn


@dataclass(frozen=True)
class Found:
    """A Parquet file that no commit wrote, with what its columns admit."""

    table: str
    file: DataFile
    profile: tuple[ProfileColumn, ...]


@dataclass(frozen=True)
class Unreadable:
    """A file that ends in .parquet and is none."""

    path: str
    reason: str


@dataclass(frozen=True)
class Measured:
    """What a Parquet file is: its bytes, and its rows by the footer.

    `sha256` and `sources` (rows by object key) are of the whole file, where all of it was read;
    a file that others wrote has no sources.
    """

    bytes: int
    rows: int
    sha256: str | None = None
    sources: Mapping[str, int] | None = None


class Crawler(Protocol):
    """Looks into the target."""

    def crawl(self, *, known: Mapping[str, str]) -> Sequence[Found | Unreadable]:
        """The files of others that are new, or no longer what they were; never EDP's own.

        `known` maps the path of a file to its SHA-256.
        """

    def measure(
        self, files: Sequence[DataFile], *, deep: bool
    ) -> Mapping[str, Measured | Unreadable]:
        """What the files of tables are, by path; with `deep` every byte of them is read."""
