"""What the lineage stage is told of a run, and what it does with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Source:
    """A file that went into a run: its place, its size in bytes and the rows read of it."""

    place: str
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class RunTold:
    """A run that ended; `started_at` and `ended_at` in seconds.

    `table` maps the columns of the table it wrote to their types; None where it wrote nothing.
    """

    run_id: str
    pipeline: str
    dataset: str
    started_at: float
    ended_at: float
    engine: str
    sources: tuple[Source, ...] = ()
    rows_written: int = 0
    table: Mapping[str, str] | None = None
    error: str = ""
    stopped: bool = False


class Lineage(Protocol):
    """Tells others which files a run made a table of."""

    def emit(self, run: RunTold) -> None:
        """Tell of the run, perhaps for the second time.

        Raises: StoreUnavailable where nobody takes it now.
        """
