"""What the alarms stage keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.core.alarms import State, Verdict


@dataclass(frozen=True)
class Standing:
    """An alarm's state, since when (seconds), why, and since when the alarm is there."""

    name: str
    state: State
    since: float
    reason: str
    made_at: float


@dataclass(frozen=True)
class Change:
    """An alarm went from one state to another, at a time (seconds)."""

    name: str
    at: float
    before: State
    state: State
    reason: str


class Alarms(Protocol):
    """The states of alarms, which outlive the process that evaluates them."""

    def standing(self) -> Mapping[str, Standing]:
        """Every alarm's state, by name."""

    def make(self, names: Collection[str]) -> None:
        """Begin to keep these, with insufficient data; one that is there stays as it is."""

    def change(self, name: str, verdict: Verdict) -> None:
        """Put the alarm into a state; the one it was in before goes into the history."""

    def remove(self, names: Collection[str]) -> None:
        """Forget alarms; their history stays."""

    def history(self, name: str | None = None) -> Sequence[Change]:
        """Every change of state, oldest first; only of one alarm if given."""

    def forget(self, *, older_than_s: float) -> None:
        """Drop changes that are older than so many seconds."""
