"""What a target does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from edp.core.files import DataFile


class Target(Protocol):
    """The bucket that tables' files are in."""

    def workdir(self, run_id: str, fence: int) -> Path:
        """A new folder, private to one attempt, from which `publish` can take files."""

    def publish(self, dataset: str, staged: Sequence[DataFile]) -> Sequence[DataFile]:
        """Give staged files their final names, durably; their paths are then below the lake.

        A file that is published already stays as it is.
        """

    def locate(self, file: DataFile) -> str:
        """Where a reader finds the bytes of a file, staged or published."""

    def discard(self, workdir: Path) -> None:
        """Remove an attempt's folder with what was not published."""

    def free(self) -> int:
        """Bytes that can still be written.

        Raises: StoreUnavailable where that cannot be told.
        """

    def list(self) -> Iterator[tuple[str, float]]:
        """Every Parquet file of the target: its path below the lake and its age (seconds)."""

    def remove(self, paths: Collection[str]) -> Sequence[str]:
        """Remove files by their paths below the lake; one that is gone already is no error.

        Raises: StoreUnavailable where one cannot be removed.
        """

    def collect(self, *, named: Collection[str], older_than_s: float) -> Sequence[str]:
        """Remove files that EDP wrote, that `named` does not hold, and that are old enough.

        Returns: their paths below the lake.
        """
