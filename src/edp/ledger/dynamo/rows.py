"""What the ledger keeps: a row for each object, each of its versions, and each run.

    k#KEY    a#BUCKET/...       announced bytes
             o#BUCKET           the object: its head, and the version that is live in its table
             s#BUCKET/...       a sequencer that was heard, and the version it spoke of
             t#BUCKET/...       the same for events without one: time, etag, size
             v#BUCKET/VERSION   a version, with its history
             z                  what was seen under the key
    run      RUN                a run
    run#RUN  N                  a member: which version, by which fence
    dataset  NAME               a dataset that has had a version
    counter  NAME               a counter

A running version whose outcome is noted derives its state from its run: once that is committed, so
is the version, whether or not its own row says so already.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.errors import Failure
from edp.core.receipts import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.backends.dynamo import Table
    from edp.core.receipts import State

QUEUED: Final = "queued"
RUNNING: Final = "running"
OPEN: Final = "open"
SETTLING: Final = "settling"
"""Groups of the index `work`: versions by arrival, runs by start."""
RUN: Final = "run"
DATASET: Final = "dataset"
COUNTER: Final = "counter"
_BRIEF: Final = (
    "id", "dataset", "cohort", "size", "not_before", "changed_at", "attempts", "arrived_at",
    "counts",
)  # fmt: skip


def object_key(bucket: str, key: str) -> tuple[str, str]:
    """Where an object's row is."""
    return f"k#{key}", f"o#{bucket}"


def version_key(bucket: str, key: str, version: str) -> tuple[str, str]:
    """Where a version's row is."""
    return f"k#{key}", f"v#{bucket}/{version}"


def commits_of(dataset: str) -> str:
    """The group of the index `time` with a dataset's versions by their commit."""
    return f"commit#{dataset}"


@dataclass(frozen=True)
class Version:
    """A version as the ledger has it; times in seconds, `id` in order of arrival.

    `outcome` is what a run noted of it (hash, size, counts), true once the run is committed.
    `history` has, for each change of state: time, before, after, run, attempts, note.
    """

    id: int
    bucket: str
    key: str
    version: str
    state: State
    arrived_at: float
    changed_at: float
    dataset: str | None = None
    sequencer: str | None = None
    event_time: float | None = None
    etag: str | None = None
    size: int | None = None
    sha256: str | None = None
    not_before: float = 0.0
    attempts: int = 0
    fence: int = 0
    run_id: str | None = None
    cohort: str | None = None
    counts: Mapping[str, int] | None = None
    engine: str | None = None
    contract: str | None = None
    committed_at: float | None = None
    error: tuple[str, str] | None = None
    outcome: Mapping[str, Any] | None = None
    history: tuple[tuple[Any, ...], ...] = ()
    rev: int = 0

    @classmethod
    def of(cls, row: Row) -> Version:
        """The version that a row holds."""
        doc = dict(row.doc)
        history = tuple(tuple(one) for one in doc.pop("history"))
        error = doc.pop("error")
        return cls(**doc, history=history, error=error and tuple(error), rev=row.rev)

    @property
    def row(self) -> Row:
        """The row that holds the version."""
        doc = {name: value for name, value in vars(self).items() if name != "rev"}
        index: dict[str, tuple[str, float]] = {}
        if self.state in (QUEUED, RUNNING):
            index["work"] = (self.state, self.id)
        if self.committed_at is not None and self.dataset is not None:
            index["time"] = (commits_of(self.dataset), self.committed_at)
        brief = {name: doc[name] for name in _BRIEF}
        return Row(*version_key(self.bucket, self.key, self.version), doc, index, brief, self.rev)

    @property
    def failure(self) -> Failure | None:
        """Why it is dead, or failed last."""
        return Failure(*self.error) if self.error else None

    def into(self, state: State, *, note: str | None = None, **changes: Any) -> Version:  # noqa: ANN401 (its own fields)
        """The version in another state, as its history then tells."""
        now = changes.pop("changed_at", clock.now())
        after = replace(self, state=state, changed_at=now, outcome=None, **changes)
        told = (now, self.state, state, after.run_id, after.attempts, note)
        return replace(after, history=(*self.history, told))

    def begun(self) -> Version:
        """The version with its first state in its history."""
        note = self.error[1] if self.error else None
        told = (self.changed_at, None, self.state, self.run_id, self.attempts, note)
        return replace(self, history=(told,))


def version_at(table: Table, bucket: str, key: str, version: str) -> Version | None:
    """The version as it is now, by its run where that decides."""
    row = table.get(*version_key(bucket, key, version))
    return settled(table, Version.of(row)) if row else None


def settled(table: Table, version: Version) -> Version:
    """The version, committed where its run is."""
    if version.state != RUNNING or version.outcome is None or version.run_id is None:
        return version
    run = table.get(RUN, version.run_id)
    if run is None or run.doc["state"] != "committed":
        return version
    return commit(table, version, run)


def commit(table: Table, version: Version, run: Row) -> Version:
    """Write down that the version is committed with its run, in the place of the one before."""
    for _ in tries():
        outcome = version.outcome
        if version.state != RUNNING or outcome is None or version.run_id != run.sk:
            return version  # somebody else has written it down
        now = run.doc["ended_at"]
        after = version.into(
            "committed",
            changed_at=now,
            committed_at=now,
            attempts=version.attempts + 1,
            cohort=None,
            error=None,
            engine=run.doc["engine"],
            contract=run.doc["contract"],
            **outcome,
        )
        rows = [after.row]
        place = table.get(*object_key(version.bucket, version.key))
        assert place is not None, "a version has its object"
        before = place.doc.get("live")
        if before != version.version:
            rows.append(changed(place, live=version.version))
            live = before and version_at(table, version.bucket, version.key, before)
            if live and live.state == "committed":
                rows.append(live.into("superseded", note="a newer version committed").row)
        if table.put_all(rows):
            return replace(after, rev=after.rev + 1)
        again = table.get(*version.row.key)
        assert again is not None, "versions stay"
        version = Version.of(again)
    raise AssertionError("tries() raises")


def noted(counts: Counts) -> dict[str, int]:
    """Counts as rows keep them."""
    return asdict(counts)


def counted(counts: Mapping[str, int] | None) -> Counts | None:
    """Counts as they were kept."""
    return None if counts is None else Counts(**counts)
