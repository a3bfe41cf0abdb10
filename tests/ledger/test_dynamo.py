"""The ledger in DynamoDB where it can be hurt: a kill at each write, two at once, a late commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edp.backends.dynamo import Row, Table
from edp.core.errors import StaleSnapshot
from edp.ledger.aws import DynamoLedger, DynamoReceipts, DynamoRuns
from tests.aws_sim import service
from tests.conformance.ledgers import (
    DATASET,
    JITTER,
    LEASE_S,
    RETRY,
    SHAKY,
    Custody,
    dynamo_table,
    event,
    outcome,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.ticking import Tick

KEYS = ("a", "b")


class Killed(BaseException):
    """The process is gone."""


class Mortal(Table):
    """A table whose process is gone at its `lives`-th write."""

    def __init__(self, name: str, lives: int) -> None:
        super().__init__(service("dynamodb"), name)
        self.lives = lives

    def put(self, row: Row) -> bool:
        self._live()
        return super().put(row)

    def put_all(self, rows: Sequence[Row], *, gone: Sequence[Row] = ()) -> bool:
        if len(rows) + len(gone) > 1:
            self._live()
        return super().put_all(rows, gone=gone)

    def put_each(self, rows: Sequence[Row]) -> list[bool]:
        return [self.put(row) for row in rows]

    def each(self, do: object, given: Sequence[object]) -> list[bool]:
        assert callable(do)
        return [do(one) for one in given]

    def _live(self) -> None:
        if self.lives == 0:
            raise Killed
        self.lives -= 1


def custody_of(table: Table) -> Custody:
    runs = DynamoRuns(table, retry=RETRY, jitter=lambda: JITTER, lease_s=LEASE_S)
    return Custody(DynamoLedger(table), runs, DynamoReceipts(table))


def recover(custody: Custody) -> None:
    """What a reconciler does: events are heard again, what lapsed is given back, and worked on."""
    for key in KEYS:
        custody.accept(event("B", "02", key=key))
    for claim in custody.runs.lapsed():
        custody.runs.release(claim.members)
        custody.runs.end(claim, "lost", SHAKY)
    custody.work()


def check(custody: Custody) -> None:
    for key in KEYS:
        assert custody.states(key) == {"1": "superseded", "2": "committed"}
        assert custody.receipts.committed([key])[key].version == "2"
    assert custody.receipts.pending() == 0
    assert [row["state"] for row in custody.receipts.runs()].count("running") == 0
    assert custody.receipts.vitals(since=0).backlog == 0


def name_of(table: Table) -> str:
    return table._name  # noqa: SLF001


def test_a_kill_at_any_write_leaves_every_version_to_one_end(tick: Tick) -> None:
    died = True
    lives = 0
    while died:
        table = dynamo_table()
        custody = custody_of(table)
        for key in KEYS:
            custody.accept(event("A", "01", key=key))
        custody.work()
        mortal = custody_of(Mortal(name_of(table), lives))
        try:
            for key in KEYS:
                mortal.accept(event("B", "02", key=key))
            mortal.work()
            died = False
        except Killed:
            tick(LEASE_S)
        lives += 1

        recover(custody)

        check(custody)
    assert lives > 12


def test_a_run_that_was_taken_over_cannot_be_committed_any_more(tick: Tick) -> None:
    table = dynamo_table()
    late, other = custody_of(table), custody_of(table)
    late.accept(event("A", "01"))
    claim = late.claimed()
    (member,) = late.runs.held(claim)
    late.runs.committed(claim, member, outcome(member))
    tick(LEASE_S)
    (taken,) = other.runs.lapsed()

    with pytest.raises(StaleSnapshot, match="taken over"):
        late.runs.end(claim, "committed")

    assert [one.key for one in other.runs.held(taken)] == [member.key]
    assert late.states() == {"1": "running"}


def test_an_outcome_says_nothing_before_its_run_is_committed() -> None:
    custody = custody_of(dynamo_table())
    custody.accept(event("A", "01"))
    claim = custody.claimed()
    (member,) = claim.members

    custody.runs.committed(claim, member, outcome(member))
    before = custody.states()
    custody.runs.end(claim, "committed")

    assert (before, custody.states()) == ({"1": "running"}, {"1": "committed"})


def test_what_two_hear_at_once_is_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dynamo_table()
    first, second = custody_of(table), custody_of(table)
    second.accept(event("0", "00"))
    put_all = Table.put_all

    def beaten(self: Table, rows: Sequence[Row]) -> bool:
        """Just before the first one writes, the other one does."""
        monkeypatch.setattr(Table, "put_all", put_all)
        second.accept(event("B", "02"))
        return put_all(self, rows)

    monkeypatch.setattr(Table, "put_all", beaten)
    heard = first.accept(event("A", "01"))

    assert heard.outcome == "superseded"
    assert sorted(first.states().values()) == ["queued", "superseded", "superseded"]
    assert first.receipts.heads(["orders/a.csv"])["orders/a.csv"].version == "2"


def test_what_two_claim_at_once_goes_to_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dynamo_table()
    first, second = custody_of(table), custody_of(table)
    for key in KEYS:
        first.accept(event("A", "01", key=key))
    put_each = Table.put_each
    claims = []

    def beaten(self: Table, rows: Sequence[Row]) -> list[bool]:
        monkeypatch.setattr(Table, "put_each", put_each)
        claims.append(second.claimed())
        return put_each(self, rows)

    monkeypatch.setattr(Table, "put_each", beaten)
    claim = first.claim()

    assert claim is None
    assert [one.key for one in claims[0].members] == list(KEYS)
    assert [row["id"] for row in first.receipts.runs()] == [claims[0].run_id]


def test_a_run_whose_files_fit_no_transaction_is_true_at_once() -> None:
    custody = custody_of(dynamo_table())
    keys = [f"k{n:03}" for n in range(60)]
    for key in keys:
        custody.ledger.accept(event("A", "01", key=key), dataset=DATASET, current=lambda: None)
    claim = custody.claimed()

    custody.commit(claim)

    assert len(claim.members) == 60
    assert custody.receipts.states() == {DATASET: {"committed": 60}}


def test_versions_of_a_committed_run_are_committed_before_their_rows_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    custody = custody_of(dynamo_table())
    for key in KEYS:
        custody.accept(event("A", "01", key=key))
    claim = custody.claimed()
    for member in claim.members:
        custody.runs.committed(claim, member, outcome(member))

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DynamoRuns, "_settle", killed)
        with pytest.raises(Killed):
            custody.runs.end(claim, "committed")

    assert [custody.states(key) for key in KEYS] == [{"1": "committed"}] * 2
    assert custody.accept(event("B", "02", key="a")).outcome == "new"
    assert custody.states("a") == {"1": "committed", "2": "queued"}
