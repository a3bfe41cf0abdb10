"""Receipts: what became of a file, row by row counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from edp.core.errors import Failure

State = Literal["queued", "running", "committed", "superseded", "dead", "discarded"]
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True)
class Counts:
    """Rows of one file by outcome; `rows_read` is the sum of the other four."""

    rows_read: int = 0
    rows_written: int = 0
    rows_duplicate: int = 0
    rows_filtered: int = 0
    rows_rejected: int = 0

    @property
    def conserved(self) -> bool:
        """Whether every row read has exactly one outcome (invariant 3)."""
        outcomes = self.rows_written + self.rows_duplicate + self.rows_filtered
        return self.rows_read == outcomes + self.rows_rejected


@dataclass(frozen=True)
class Receipt:
    """One object version, its state and, once committed, its counts.

    Times are seconds; `queryable_ms` is from the object's arrival to its commit; of a
    committed one that is read again, from when that was asked for.
    """

    key: str
    version: str
    dataset: str | None
    state: State
    counts: Counts | None = None
    bytes: int | None = None
    run_id: str | None = None
    engine: str | None = None
    contract: str | None = None
    attempts: int = 0
    error: Failure | None = None
    queryable_ms: float | None = None
    attempt: Counts | None = None
    unchanged: bool = False

    def to_json(self) -> dict[str, object]:
        """The receipt as scripts read it; counts of a file that is not committed are null."""
        counts = asdict(self.counts) if self.counts else dict.fromkeys(asdict(Counts()))
        body: dict[str, object] = {
            "key": self.key,
            "version": self.version,
            "dataset": self.dataset,
            "state": self.state,
            **counts,
            "bytes": self.bytes,
            "run_id": self.run_id,
            "engine": self.engine,
            "contract": self.contract,
            "attempts": self.attempts,
            "error": self.error.message if self.error else None,
            "queryable_ms": None if self.queryable_ms is None else round(self.queryable_ms, 1),
        }
        if self.error:
            body["error_code"] = self.error.code
        if self.attempt:
            body["attempt"] = asdict(self.attempt)
        if self.unchanged:
            body["unchanged"] = True
        return body
