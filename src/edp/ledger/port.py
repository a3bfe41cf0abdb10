"""What the ledger does: it accepts versions, lends them to runs, and tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.core.errors import Failure
    from edp.core.files import Outcome
    from edp.core.receipts import Counts, Receipt, State


def version_id(version: str) -> str | None:
    """The VersionId that a version is called by; None where the ledger numbered it itself.

    >>> version_id("3"), version_id("096fKKXTRTtl3on89fVO.nfljtsv6qko")
    (None, '096fKKXTRTtl3on89fVO.nfljtsv6qko')
    """
    return None if version.isdecimal() else version


@dataclass(frozen=True)
class Arrival:
    """A version as an event or a listing tells of it.

    `listed` marks a listing entry: it is the object's current content by definition. `sha256` is
    known where the bytes are at hand. `arrived_at` (seconds) is when EDP first heard of it.
    """

    bucket: str
    key: str
    arrived_at: float
    size: int | None = None
    etag: str | None = None
    sha256: str | None = None
    version_id: str | None = None
    sequencer: str | None = None
    event_time: float | None = None
    listed: bool = False


@dataclass(frozen=True)
class Current:
    """What the source holds under a key right now (S3's HEAD)."""

    size: int | None = None
    etag: str | None = None
    sha256: str | None = None
    version_id: str | None = None


@dataclass(frozen=True)
class Acceptance:
    """What became of an arrival.

    `new` a version to be worked on, `superseded` one that was out of date when it came, `dead`
    one that cannot be worked on, `adopted` one that became the head without a run (its bytes
    are committed already), `duplicate` an event heard before, `unchanged` the head's content
    again. `buried` names the dead version whose place a new one took.
    """

    outcome: Literal["new", "superseded", "dead", "adopted", "duplicate", "unchanged"]
    key: str
    version: str
    state: State
    failure: Failure | None = None
    buried: str | None = None


@dataclass(frozen=True)
class Seen:
    """What the bytes of a key were when they were last looked at; `stat` tells a change."""

    stat: str
    sha256: str


@dataclass(frozen=True)
class Member:
    """A version in a run's hands; `head` says whether it is still its key's newest.

    `etag` is S3's tag, where an event or a listing told one. `arrived_at` (seconds) is when EDP
    first heard of it; of a committed one that is read again, when that was asked for.
    """

    id: int
    bucket: str
    key: str
    version: str
    size: int | None
    sha256: str | None
    fence: int
    attempts: int
    arrived_at: float
    head: bool = True
    etag: str | None = None

    @property
    def version_id(self) -> str | None:
        """S3's VersionId, where there is one."""
        return version_id(self.version)


@dataclass(frozen=True)
class Claim:
    """A run and its manifest, durable before the run starts; `engine` is what it runs on."""

    run_id: str
    dataset: str
    engine: str
    started_at: float
    members: tuple[Member, ...]

    @property
    def fence(self) -> int:
        """The greatest fence of its members; no earlier run of one of them has it."""
        return max((member.fence for member in self.members), default=0)

    @property
    def bytes(self) -> int:
        """What its files hold together, as far as their sizes are known."""
        return sum(member.size or 0 for member in self.members)


@dataclass(frozen=True)
class Running:
    """A run that has not ended; its lease lasts until `lease_until` (seconds)."""

    run_id: str
    engine: str
    started_at: float
    lease_until: float


@dataclass(frozen=True)
class Committed:
    """The version of a key whose rows are in its table, since `at` (seconds)."""

    version: str
    sha256: str | None
    dataset: str
    at: float


@dataclass(frozen=True)
class Lately:
    """What became of one dataset's files lately: those committed, and the runs that ended."""

    files: int = 0
    rows_read: int = 0
    rows_rejected: int = 0
    runs: int = 0
    runs_failed: int = 0


@dataclass(frozen=True)
class Total:
    """How many runs of a dataset ended in a state, and the rows of all of them."""

    dataset: str
    state: str
    runs: int
    counts: Counts


@dataclass(frozen=True)
class Vitals:
    """How the work goes right now.

    `waiting_since` (seconds) is when the version that is taken next began to wait. `commits` is
    when each dataset's newest commit was, None before its first. `queryable_p95_s` is the time
    from arrival to commit that 95 % of the files committed lately stayed below.
    """

    backlog: int
    waiting_since: float | None
    commits: Mapping[str, float | None]
    lately: Mapping[str, Lately]
    queryable_p95_s: float | None


@dataclass(frozen=True)
class BatchLimits:
    """When a batch is full (files, bytes) or has waited long enough (seconds)."""

    max_files: int
    max_bytes: int
    max_wait_s: float


class Ledger(Protocol):
    """Accepts object versions, each once."""

    def accept(
        self,
        arrival: Arrival,
        *,
        dataset: str | None,
        failure: Failure | None = None,
        current: Callable[[], Current | None],
    ) -> Acceptance:
        """Take custody of the version, unless it is known or says nothing new.

        With `failure` the version is accepted as dead. `current` is asked only where the order
        of two versions hangs on it.
        """

    def announce(self, arrival: Arrival) -> bool:
        """Note whose bytes are about to be put under the key; whether they are the newest."""

    def revive(self, bucket: str, key: str, version: str, *, dataset: str | None) -> State | None:
        """Queue a dead version again, or supersede it if it is not the head; None if not dead."""

    def requeue(self, bucket: str, key: str, *, dataset: str | None) -> str | None:
        """Queue a key's head again, committed or dead; which version, None where it is neither.

        The rows that it has in a table stay until it is committed again.
        """

    def discard(self, bucket: str, key: str, version: str, *, was: State, note: str) -> bool:
        """A person's word: nothing is to come of this version; False if it is not `was` (now)."""

    def next_sequencer(self) -> str:
        """A sequencer greater than every one given before: 16 hex digits."""

    def seen(self, keys: Sequence[str] | None = None) -> Mapping[str, Seen]:
        """What was last seen under each key of the source; only `keys` when given."""

    def note_seen(self, key: str, seen: Seen) -> None:
        """Remember what was seen, so that it is not read again."""

    def count(self, name: str, n: int = 1) -> None:
        """Add to the counter of events that need no work."""


class Runs(Protocol):
    """Lends queued versions to runs, and takes them back with an outcome.

    An outcome for a version that another run holds since raises StaleSnapshot.
    """

    def claim(
        self,
        limits: BatchLimits,
        *,
        contract: Callable[[str], str],
        engine: Callable[[int], str],
        flush: bool = False,
    ) -> Claim | None:
        """The next batch of one dataset, once it is full or has waited; `flush` waits for none.

        `contract` gives a dataset's contract hash, `engine` what a batch of so many bytes runs on.
        """

    def extend(self, run_ids: Sequence[str], *, for_s: float | None = None) -> None:
        """Heartbeat: keep these runs' leases, for `for_s` seconds if not as long as usual."""

    def running(self) -> Sequence[Running]:
        """The runs that have not ended, the oldest first."""

    def resume(self, run_id: str) -> Claim | None:
        """Take over a run, whoever had it; None where it has ended, or there is none."""

    def held(self, claim: Claim) -> Sequence[Member]:
        """The members that this run still holds, by lease and fence."""

    def committed(self, claim: Claim, member: Member, outcome: Outcome) -> None:
        """The version's rows are in its table."""

    def recounted(self, claim: Claim, key: str, outcome: Outcome) -> None:
        """A live file was read again for another's sake: its receipt follows."""

    def superseded(self, member: Member, *, note: str) -> None:
        """A newer version took the key; nothing of this one was published."""

    def failed(self, member: Member, failure: Failure, outcome: Outcome | None) -> State:
        """An attempt failed: dead if nothing can help or tries are used up, else queued again."""

    def would_die(self, member: Member, failure: Failure) -> bool:
        """Whether this failure would make the version dead."""

    def release(
        self, members: Sequence[Member], *, split: bool = False, delay_s: float = 0.0
    ) -> None:
        """Give versions back without charging an attempt, to be tried after `delay_s` seconds.

        `split` them into two runs next time.
        """

    def end(self, claim: Claim, state: str, failure: Failure | None = None) -> None:
        """Close the run, with the sums of what its members came to; a closed one stays as it is."""

    def lapsed(self, *, orphaned: bool = False) -> Sequence[Claim]:
        """Runs whose lease ran out; all running ones when `orphaned` (their process is gone)."""


class Receipts(Protocol):
    """Tells of versions and runs."""

    def receipts(self, *, keys: Sequence[str] | None = None) -> Sequence[Receipt]:
        """A receipt for every version, newest last; only of `keys` when given."""

    def heads(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """The receipt of each key's newest version."""

    def committed(self, keys: Sequence[str]) -> Mapping[str, Committed]:
        """The version of each key that is in its table, where one is."""

    def runs(self) -> Sequence[Mapping[str, object]]:
        """A row for every run, newest last."""

    def history(self, key: str) -> Sequence[Mapping[str, object]]:
        """Every change of state of the key's versions, in order."""

    def states(self) -> Mapping[str, Mapping[str, int]]:
        """How many versions there are, by dataset and state."""

    def counters(self) -> Mapping[str, int]:
        """Events that needed no work, by kind."""

    def pending(self, keys: Sequence[str] | None = None) -> int:
        """How many versions are queued or running."""

    def vitals(self, *, since: float) -> Vitals:
        """How the work goes; lately means after `since` (seconds)."""

    def totals(self) -> Sequence[Total]:
        """What the runs that ended came to, by dataset and state."""

    def usual(self, dataset: str, *, files: int) -> Counts:
        """What the last `files` files of a dataset that were committed came to, together."""

    def next_ready_at(self, *, max_wait_s: float = 0.0) -> float | None:
        """When the next queued version is to be tried (seconds), if there is one.

        That is once a wait after a failed try is over, and else once it has waited `max_wait_s`
        for others to go with it, in a batch that is not full.
        """
