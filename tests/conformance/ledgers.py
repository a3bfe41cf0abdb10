"""The ledgers that the suites run against, and the words that the suites share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.backends.dynamo import DEFINITION, Table
from edp.backends.sqlite import Database
from edp.core import clock
from edp.core.errors import Failure
from edp.core.files import Outcome
from edp.core.receipts import Counts
from edp.core.retry import RetryPolicy
from edp.ledger.aws import DynamoLedger, DynamoReceipts, DynamoRuns
from edp.ledger.local import LocalLedger, LocalReceipts, LocalRuns
from edp.ledger.port import Arrival, BatchLimits
from tests.aws_sim import client, service, unique
from tests.conformance.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.receipts import State
    from edp.ledger.port import Acceptance, Claim, Current, Ledger, Member, Receipts, Runs

BUCKET: Final = "source"
KEY: Final = "orders/a.csv"
DATASET: Final = "orders"
LEASE_S: Final = 60.0
RETRY: Final = RetryPolicy(max_attempts=3, base_s=8.0, cap_s=12.0)
JITTER: Final = 0.5
ROOMY: Final = BatchLimits(max_files=100, max_bytes=1_000_000, max_wait_s=30.0)
COUNTS: Final = Counts(
    rows_read=10, rows_written=4, rows_duplicate=3, rows_filtered=2, rows_rejected=1
)
BROKEN: Final = Failure("unreadable file", "not a CSV", permanent=True)
SHAKY: Final = Failure("worker lost", "the worker died")


@dataclass(frozen=True)
class Custody:
    """The three ports of one ledger: leases of 60 s, `RETRY` with the jitter `JITTER`."""

    ledger: Ledger
    runs: Runs
    receipts: Receipts

    def accept(
        self,
        arrival: Arrival,
        *,
        current: Current | None = None,
        dataset: str | None = DATASET,
        failure: Failure | None = None,
    ) -> Acceptance:
        """Accept, with `current` standing for what the source holds (None: the key is gone)."""
        return self.ledger.accept(
            arrival, dataset=dataset, failure=failure, current=lambda: current
        )

    def claim(
        self, limits: BatchLimits = ROOMY, *, flush: bool = True, contract: str = "c1"
    ) -> Claim | None:
        return self.runs.claim(
            limits, contract=lambda _: contract, engine=lambda _: "local", flush=flush
        )

    def claimed(self, limits: BatchLimits = ROOMY) -> Claim:
        claim = self.claim(limits)
        assert claim is not None, "there was nothing to claim"
        return claim

    def commit(self, claim: Claim) -> None:
        """What a worker does: heads are committed, others are superseded, the run ends."""
        for member in self.runs.held(claim):
            if member.head:
                self.runs.committed(claim, member, outcome(member))
            else:
                self.runs.superseded(member, note="not the head")
        self.runs.end(claim, "committed")

    def work(self) -> None:
        """Work until nothing is queued."""
        while claim := self.claim():
            self.commit(claim)

    def fail(self, failure: Failure = BROKEN) -> None:
        """Fail everything that is queued."""
        claim = self.claimed()
        for member in self.runs.held(claim):
            self.runs.failed(member, failure, None)
        self.runs.end(claim, "failed", failure)

    def discard(self, version: str, *, key: str = KEY) -> None:
        was = self.states(key).get(version, "dead")
        self.ledger.discard(BUCKET, key, version, was=was, note="retracted")

    def states(self, key: str = KEY) -> dict[str, State]:
        """State by version, in the order of arrival."""
        return {one.version: one.state for one in self.receipts.receipts(keys=[key])}

    def head(self, key: str = KEY) -> str:
        return self.receipts.heads([key])[key].version


@contextmanager
def sqlite_ledger() -> Iterator[Custody]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        runs = LocalRuns(db, retry=RETRY, jitter=lambda: JITTER, lease_s=LEASE_S)
        yield Custody(LocalLedger(db), runs, LocalReceipts(db))
        db.close()


@contextmanager
def dynamo_ledger() -> Iterator[Custody]:
    table = dynamo_table()
    runs = DynamoRuns(table, retry=RETRY, jitter=lambda: JITTER, lease_s=LEASE_S)
    yield Custody(DynamoLedger(table), runs, DynamoReceipts(table))


def dynamo_table() -> Table:
    """A new table."""
    name = unique("ledger")
    client("dynamodb").create_table(TableName=name, **DEFINITION)
    return Table(service("dynamodb"), name)


LEDGERS: Final = {"sqlite": sqlite_ledger, "dynamo": dynamo_ledger}


def event(
    content: str,
    sequencer: str | None = None,
    *,
    key: str = KEY,
    version_id: str | None = None,
    event_time: float | None = None,
    size: int | None = 10,
) -> Arrival:
    """An event of `content` put under `key`."""
    return Arrival(
        bucket=BUCKET,
        key=key,
        arrived_at=clock.now(),
        size=size,
        etag=f"etag of {content}",
        sha256=f"hash of {content}",
        version_id=version_id,
        sequencer=sequencer,
        event_time=event_time,
    )


def listing(content: str, *, key: str = KEY, size: int = 10) -> Arrival:
    """A listing's entry: `content` is what is there."""
    return Arrival(
        bucket=BUCKET,
        key=key,
        arrived_at=clock.now(),
        size=size,
        sha256=f"hash of {content}",
        event_time=clock.now(),
        listed=True,
    )


def outcome(member: Member, counts: Counts = COUNTS) -> Outcome:
    """What a run found in a good file."""
    return Outcome(member.key, member.sha256 or "hash", member.size or 0, counts)
