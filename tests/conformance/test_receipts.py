"""Receipts: what the ledger tells of versions, runs and counters."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from edp.ledger.port import BatchLimits, Lately, Vitals
from tests.conformance.ledgers import (
    BROKEN,
    BUCKET,
    COUNTS,
    DATASET,
    KEY,
    LEDGERS,
    SHAKY,
    Custody,
    event,
)
from tests.conformance.ticking import NOON, Tick


@pytest.fixture(params=LEDGERS)
def custody(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Custody]:
    del tick  # the time stands still from the start
    with LEDGERS[request.param]() as custody:
        yield custody


def test_at_first_there_is_nothing_to_tell(custody: Custody) -> None:
    told = custody.receipts

    assert (told.receipts(), told.runs(), told.history(KEY)) == ([], [], [])
    assert (told.heads([KEY]), told.committed([KEY])) == ({}, {})
    assert (told.states(), told.counters()) == ({}, {})
    assert (told.pending(), told.next_ready_at()) == (0, None)


def test_every_version_has_a_receipt_the_newest_last(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.accept(event("B", "02"))
    custody.accept(event("A", "01", key="other"))

    told = [(one.key, one.version, one.state) for one in custody.receipts.receipts()]

    assert told == [(KEY, "1", "superseded"), (KEY, "2", "queued"), ("other", "1", "queued")]


def test_receipts_of_some_keys_are_of_those_only(custody: Custody) -> None:
    for key in ("a", "b", "ü'\"%"):
        custody.accept(event("A", "01", key=key))

    assert [one.key for one in custody.receipts.receipts(keys=["ü'\"%", "a", "x"])] == [
        "a",
        "ü'\"%",
    ]
    assert custody.receipts.receipts(keys=[]) == []


def test_a_queued_versions_receipt_has_no_counts_yet(custody: Custody) -> None:
    custody.accept(event("A", "01"))

    (receipt,) = custody.receipts.receipts()

    assert (receipt.dataset, receipt.state, receipt.bytes) == ("orders", "queued", 10)
    assert (receipt.counts, receipt.run_id, receipt.queryable_ms) == (None, None, None)
    assert receipt.to_json()["rows_read"] is None


def test_a_committed_versions_receipt_conserves_its_rows(custody: Custody, tick: Tick) -> None:
    custody.accept(event("A", "01"))
    tick(1.5)
    custody.work()

    (receipt,) = custody.receipts.receipts()

    assert (receipt.counts, receipt.queryable_ms) == (COUNTS, 1500.0)
    assert COUNTS.conserved
    assert receipt.to_json()["rows_written"] == COUNTS.rows_written


def test_a_version_that_is_no_longer_in_its_table_has_no_counts(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.work()
    custody.accept(event("B", "02"))
    custody.work()

    old, new = custody.receipts.receipts()

    assert (old.state, old.counts, old.queryable_ms) == ("superseded", None, None)
    assert (new.state, new.counts) == ("committed", COUNTS)


def test_a_version_waiting_for_another_try_tells_its_error(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.fail(SHAKY)

    (receipt,) = custody.receipts.receipts()

    assert (receipt.state, receipt.attempts) == ("queued", 1)
    assert receipt.error is not None
    assert receipt.error.message == SHAKY.message


def test_the_head_of_a_key_is_its_newest_version_whatever_came_last(custody: Custody) -> None:
    custody.accept(event("B", "02"))
    custody.accept(event("A", "01"))

    heads = custody.receipts.heads([KEY, "unknown"])

    assert {key: one.version for key, one in heads.items()} == {KEY: "1"}


def test_what_is_in_the_table_is_the_committed_version_not_the_head(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.work()
    custody.accept(event("B", "02"))

    (found,) = custody.receipts.committed([KEY, "unknown"]).values()

    assert (found.version, found.sha256, found.dataset) == ("1", "hash of A", "orders")


def test_runs_are_told_the_newest_last(custody: Custody, tick: Tick) -> None:
    ids = []
    for key in "ab":
        custody.accept(event("A", "01", key=key))
        claim = custody.claimed()
        ids.append(claim.run_id)
        custody.commit(claim)
        tick(1)

    assert [row["id"] for row in custody.receipts.runs()] == ids


def test_the_history_is_of_one_key(custody: Custody) -> None:
    custody.accept(event("A", "01", key="a"))
    custody.accept(event("A", "01", key="b"))
    custody.work()

    assert [row["state"] for row in custody.receipts.history("a")] == [
        "queued",
        "running",
        "committed",
    ]


def test_versions_are_counted_by_dataset_and_state(custody: Custody) -> None:
    custody.accept(event("A", "01", key="a"))
    custody.accept(event("A", "01", key="b"))
    custody.work()
    custody.accept(event("A", "01", key="c"))
    custody.accept(event("A", "01", key="d"), dataset="other")
    custody.accept(event("A", "01", key="e"), dataset=None, failure=BROKEN)

    assert custody.receipts.states() == {
        "": {"dead": 1},
        "orders": {"committed": 2, "queued": 1},
        "other": {"queued": 1},
    }


def test_counters_add_up(custody: Custody) -> None:
    custody.ledger.count("s3:TestEvent")
    custody.ledger.count("s3:TestEvent", 4)
    custody.ledger.count("marker")
    custody.ledger.next_sequencer()  # kept beside them, and no counter

    assert custody.receipts.counters() == {"s3:TestEvent": 5, "marker": 1}


def test_pending_are_the_queued_and_the_running(custody: Custody) -> None:
    custody.accept(event("A", "01", key="done"))
    custody.work()
    custody.accept(event("A", "01", key="dead"), dataset=None, failure=BROKEN)
    custody.accept(event("A", "01", key="running"))
    custody.claimed()
    custody.accept(event("A", "01", key="queued"))

    told = custody.receipts

    assert told.pending() == 2
    assert [told.pending([key]) for key in ("done", "dead", "running", "queued")] == [0, 0, 1, 1]
    assert told.pending([]) == 0


def test_the_next_try_is_the_earliest_of_the_queued(custody: Custody) -> None:
    custody.accept(event("A", "01", key="a"))
    custody.fail(SHAKY)
    waiting = custody.receipts.next_ready_at()
    custody.accept(event("A", "01", key="b"))

    at_once = custody.receipts.next_ready_at()

    assert waiting is not None
    assert at_once is not None
    assert waiting > NOON >= at_once


# vitals -------------------------------------------------------------------------------------------


def test_at_first_there_is_nothing_to_watch(custody: Custody) -> None:
    assert custody.receipts.vitals(since=0) == Vitals(0, None, {}, {}, None)


def test_what_waits_and_what_runs_is_the_backlog(custody: Custody, tick: Tick) -> None:
    custody.accept(event("A", "01"))
    tick(5)
    custody.accept(event("B", "01", key="other"))

    before = custody.receipts.vitals(since=0)
    custody.claimed(BatchLimits(max_files=1, max_bytes=100, max_wait_s=0))
    after = custody.receipts.vitals(since=0)

    assert (before.backlog, before.waiting_since) == (2, NOON)
    assert (after.backlog, after.waiting_since) == (2, NOON + 5)


def test_lately_is_what_was_committed_and_what_ended_since(custody: Custody, tick: Tick) -> None:
    for n, dataset in enumerate(("orders", "orders", "people")):
        custody.accept(event("A", "01", key=f"{n}"), dataset=dataset)
    tick(3)
    custody.work()
    tick(60)
    custody.accept(event("B", "01", key="bad"), dataset="people")
    custody.fail()

    all_ = custody.receipts.vitals(since=0)
    late = custody.receipts.vitals(since=NOON + 10)

    assert all_.lately == {
        "orders": Lately(files=2, rows_read=20, rows_rejected=2, runs=1, runs_failed=0),
        "people": Lately(files=1, rows_read=10, rows_rejected=1, runs=2, runs_failed=1),
    }
    assert late.lately == {"people": Lately(runs=1, runs_failed=1)}
    assert (all_.queryable_p95_s, late.queryable_p95_s) == (3.0, None)
    assert all_.commits == {"orders": NOON + 3, "people": NOON + 3}


def test_a_run_that_was_released_is_neither_good_nor_bad(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    claim = custody.claimed()
    custody.runs.release(custody.runs.held(claim))
    custody.runs.end(claim, "released")

    assert custody.receipts.vitals(since=0).lately == {}


def test_a_dataset_without_a_commit_has_none(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.accept(event("A", "01", key="nowhere"), dataset=None, failure=BROKEN)

    assert custody.receipts.vitals(since=0).commits == {"orders": None}


def test_a_file_that_is_read_again_was_not_waited_for_since_it_first_came(
    custody: Custody, tick: Tick
) -> None:
    custody.accept(event("A", "01"))
    custody.commit(custody.claimed())
    tick(86_400)

    custody.ledger.requeue(BUCKET, KEY, dataset=DATASET)
    tick(2)
    custody.commit(custody.claimed())

    assert custody.receipts.vitals(since=NOON + 86_000).queryable_p95_s == 2
    (receipt,) = custody.receipts.receipts()
    assert receipt.queryable_ms == 2000


def test_a_file_that_was_never_read_was_waited_for_since_it_came(
    custody: Custody, tick: Tick
) -> None:
    custody.accept(event("A", "01"))
    custody.fail()
    tick(86_400)

    custody.ledger.requeue(BUCKET, KEY, dataset=DATASET)
    custody.commit(custody.claimed())

    assert custody.receipts.vitals(since=0).queryable_p95_s == 86_400


@pytest.mark.parametrize(("files", "expected_s"), [(1, 1), (19, 19), (20, 19), (21, 20)])
def test_all_but_a_twentieth_of_the_files_took_no_longer_than_the_percentile(
    custody: Custody, files: int, expected_s: int
) -> None:
    for n in range(1, files + 1):  # they are committed together, each a second older
        arrival = replace(event("A", "01", key=f"{n}"), arrived_at=NOON - n)
        custody.accept(arrival, dataset=f"d{n % 3}")

    custody.work()

    assert custody.receipts.vitals(since=0).queryable_p95_s == expected_s
