"""Runs: versions are lent in batches, by lease and fence, and come back with an outcome."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from edp.core.errors import Failure, StaleSnapshot
from edp.core.files import Outcome
from edp.core.receipts import Counts
from edp.ledger.port import BatchLimits, Claim, Member, Running
from tests.conformance.examples import over
from tests.conformance.ledgers import (
    BROKEN,
    BUCKET,
    COUNTS,
    JITTER,
    KEY,
    LEASE_S,
    LEDGERS,
    RETRY,
    ROOMY,
    SHAKY,
    Custody,
    event,
    outcome,
)
from tests.conformance.ticking import NOON, Tick


@pytest.fixture(params=LEDGERS)
def custody(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Custody]:
    del tick  # the time stands still from the start
    with LEDGERS[request.param]() as custody:
        yield custody


def queue(custody: Custody, *keys: str, size: int | None = 10, dataset: str = "orders") -> None:
    for key in keys:
        custody.accept(event("A", "01", key=key, size=size), dataset=dataset)


def keys(claim: Claim | None) -> list[str]:
    assert claim is not None, "there was nothing to claim"
    return [member.key for member in claim.members]


def state(custody: Custody, key: str = KEY) -> str:
    return custody.receipts.heads([key])[key].state


# batches -----------------------------------------------------------------------------------------


def test_with_nothing_queued_there_is_nothing_to_claim(custody: Custody) -> None:
    assert custody.claim() is None
    assert custody.receipts.runs() == []


def test_a_claim_names_its_versions_as_they_were_accepted(custody: Custody) -> None:
    queue(custody, KEY)

    claim = custody.claimed()

    (member,) = claim.members
    assert (claim.dataset, claim.started_at) == ("orders", NOON)
    assert (member.bucket, member.key, member.version) == (BUCKET, KEY, "1")
    assert (member.size, member.sha256) == (10, "hash of A")
    assert (member.attempts, member.head) == (0, True)


def test_what_is_claimed_is_running_and_nobody_else_can_claim_it(custody: Custody) -> None:
    queue(custody, KEY)

    custody.claimed()

    assert state(custody) == "running"
    assert custody.claim() is None


def test_a_run_is_durable_before_it_starts(custody: Custody) -> None:
    queue(custody, "a", "b")

    claim = custody.claimed()

    (row,) = custody.receipts.runs()
    assert (row["id"], row["state"], row["files"]) == (claim.run_id, "running", 2)
    assert (row["dataset"], row["engine"], row["contract"]) == ("orders", "local", "c1")


def test_runs_have_names_of_their_own(custody: Custody) -> None:
    queue(custody, "a", "b")
    limits = replace(ROOMY, max_files=1)

    assert custody.claimed(limits).run_id != custody.claimed(limits).run_id


def test_a_batch_is_of_one_dataset_the_one_that_waits_longest_first(custody: Custody) -> None:
    queue(custody, "b/1", dataset="b")
    queue(custody, "a/1", dataset="a")
    queue(custody, "b/2", dataset="b")

    first, second = custody.claimed(), custody.claimed()

    assert (first.dataset, keys(first)) == ("b", ["b/1", "b/2"])
    assert (second.dataset, keys(second)) == ("a", ["a/1"])


def test_a_batch_holds_no_more_files_than_the_limit(custody: Custody) -> None:
    queue(custody, *"abcde")
    limits = replace(ROOMY, max_files=2)

    assert [keys(custody.claim(limits)) for _ in range(3)] == [["a", "b"], ["c", "d"], ["e"]]


def test_a_batch_holds_no_more_bytes_than_the_limit(custody: Custody) -> None:
    queue(custody, *"abc", size=40)
    limits = replace(ROOMY, max_bytes=100)

    assert keys(custody.claim(limits)) == ["a", "b"]


def test_a_batch_of_exactly_the_limit_is_no_more_than_the_limit(custody: Custody) -> None:
    queue(custody, *"abc", size=50)

    assert keys(custody.claim(replace(ROOMY, max_bytes=100))) == ["a", "b"]


def test_a_file_above_the_byte_limit_goes_alone(custody: Custody) -> None:
    queue(custody, "big", size=1000)
    queue(custody, "small")

    assert keys(custody.claim(replace(ROOMY, max_bytes=100))) == ["big"]


def test_a_file_of_unknown_size_can_be_claimed(custody: Custody) -> None:
    queue(custody, "a", size=None)

    assert keys(custody.claim()) == ["a"]


def test_a_batch_that_is_not_full_waits_for_more(custody: Custody, tick: Tick) -> None:
    queue(custody, "a")

    at_once = custody.claim(flush=False)
    tick(ROOMY.max_wait_s - 1)
    early = custody.claim(flush=False)
    tick(1)

    assert (at_once, early) == (None, None)
    assert keys(custody.claim(flush=False)) == ["a"]


@pytest.mark.parametrize("limits", [BatchLimits(2, 1000, 30.0), BatchLimits(10, 20, 30.0)])
def test_a_batch_full_by_files_or_by_bytes_waits_for_nothing(
    custody: Custody, limits: BatchLimits
) -> None:
    queue(custody, "a")
    before = custody.claim(limits, flush=False)
    queue(custody, "b")

    assert before is None
    assert keys(custody.claim(limits, flush=False)) == ["a", "b"]


def test_a_dataset_that_waits_does_not_hold_up_one_that_is_full(custody: Custody) -> None:
    queue(custody, "a", dataset="waiting")
    queue(custody, "b", "c", dataset="full")

    claim = custody.claim(replace(ROOMY, max_files=2), flush=False)

    assert claim is not None
    assert claim.dataset == "full"


def test_the_oldest_version_of_a_batch_decides_how_long_it_waited(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, "a")
    tick(ROOMY.max_wait_s)
    queue(custody, "b")

    assert keys(custody.claim(flush=False)) == ["a", "b"]


# lease, fence, heartbeat -------------------------------------------------------------------------


def test_a_run_holds_what_it_claimed(custody: Custody) -> None:
    queue(custody, "a", "b")

    claim = custody.claimed()

    assert tuple(custody.runs.held(claim)) == claim.members


def test_each_claim_of_a_version_has_a_greater_fence(custody: Custody) -> None:
    queue(custody, KEY)
    fences = []
    for _ in range(3):
        claim = custody.claimed()
        fences.append(claim.members[0].fence)
        custody.runs.release(claim.members, split=False)

    assert fences == sorted(set(fences))
    assert fences[0] >= 1


def test_a_run_no_longer_holds_what_another_run_claimed(custody: Custody) -> None:
    queue(custody, KEY)
    late = custody.claimed()
    custody.runs.release(late.members, split=False)

    current = custody.claimed()

    assert custody.runs.held(late) == []
    assert [member.key for member in custody.runs.held(current)] == [KEY]


@pytest.mark.parametrize("end", ["committed", "superseded", "failed", "released"])
def test_a_run_no_longer_holds_what_it_gave_an_outcome(custody: Custody, end: str) -> None:
    queue(custody, "a", "b")
    claim = custody.claimed()
    member = claim.members[0]

    if end == "committed":
        custody.runs.committed(claim, member, outcome(member))
    if end == "superseded":
        custody.runs.superseded(member, note="a newer one")
    if end == "failed":
        custody.runs.failed(member, SHAKY, None)
    if end == "released":
        custody.runs.release([member], split=False)

    assert [one.key for one in custody.runs.held(claim)] == ["b"]


def test_a_member_tells_when_it_is_no_longer_the_head(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.accept(event("B", "02"))

    assert [member.head for member in custody.runs.held(claim)] == [False]


def test_a_lease_lapses_when_nobody_extends_it(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    claim = custody.claimed()
    tick(LEASE_S - 1)
    early = custody.runs.lapsed()
    tick(1)

    lapsed = custody.runs.lapsed()

    assert (early, list(lapsed)) == ([], [claim])


def test_a_heartbeat_keeps_the_lease(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    claim = custody.claimed()
    for _ in range(3):
        tick(LEASE_S - 1)
        custody.runs.extend([claim.run_id])
        assert custody.runs.lapsed() == []

    tick(LEASE_S)

    assert [one.run_id for one in custody.runs.lapsed()] == [claim.run_id]


def test_a_heartbeat_keeps_only_the_leases_of_its_runs(custody: Custody, tick: Tick) -> None:
    queue(custody, "a", "b")
    first, second = (custody.claimed(replace(ROOMY, max_files=1)) for _ in range(2))
    tick(LEASE_S - 1)

    custody.runs.extend([second.run_id])
    tick(1)

    assert [one.run_id for one in custody.runs.lapsed()] == [first.run_id]


def test_a_heartbeat_for_no_runs_or_unknown_ones_is_no_error(custody: Custody) -> None:
    custody.runs.extend([])
    custody.runs.extend(["unknown"])

    assert custody.runs.lapsed() == []


def test_a_late_heartbeat_does_not_take_back_what_another_run_has(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, KEY)
    late = custody.claimed()
    tick(LEASE_S)
    custody.runs.release(custody.runs.held(late), split=False)
    custody.runs.end(late, "lost")
    current = custody.claimed()
    tick(LEASE_S - 1)

    custody.runs.extend([late.run_id])
    tick(1)

    assert custody.runs.held(late) == []
    assert [one.run_id for one in custody.runs.lapsed()] == [current.run_id]


def test_a_lease_can_be_kept_for_longer_than_usual(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.extend([claim.run_id], for_s=10 * LEASE_S)
    tick(10 * LEASE_S - 1)
    early = custody.runs.lapsed()
    tick(1)

    assert (early, list(custody.runs.lapsed())) == ([], [claim])


def test_the_runs_that_have_not_ended_are_told_with_their_leases(custody: Custody) -> None:
    queue(custody, *"abc")
    first, second, third = (custody.claimed(replace(ROOMY, max_files=1)) for _ in range(3))
    custody.commit(second)
    custody.runs.extend([third.run_id], for_s=10 * LEASE_S)

    running = custody.runs.running()

    assert set(running) == {
        Running(first.run_id, "local", NOON, NOON + LEASE_S),
        Running(third.run_id, "local", NOON, NOON + 10 * LEASE_S),
    }


def test_what_a_batch_runs_on_follows_from_its_bytes(custody: Custody) -> None:
    queue(custody, "a", "b", size=40)
    queue(custody, "c", size=30)
    limits = replace(ROOMY, max_files=2)

    def claimed() -> Claim | None:
        return custody.runs.claim(
            limits, contract=str, engine=lambda size: f"for {size}", flush=True
        )

    claims = [claimed(), claimed()]

    assert [claim and claim.engine for claim in claims] == ["for 80", "for 30"]
    assert {row["engine"] for row in custody.receipts.runs()} == {"for 80", "for 30"}


def test_a_run_can_be_taken_over_while_its_lease_lasts(custody: Custody) -> None:
    queue(custody, "a", "b")
    claim = custody.claimed()

    assert custody.runs.resume(claim.run_id) == claim
    assert custody.runs.resume("unknown") is None

    custody.commit(claim)

    assert custody.runs.resume(claim.run_id) is None


def test_a_run_that_was_taken_over_is_finished_by_whom_it_was_taken_over_by(
    custody: Custody,
) -> None:
    queue(custody, "a", "b")
    claim = custody.claimed()
    custody.runs.superseded(custody.runs.held(claim)[0], note="not the head")

    again = custody.runs.resume(claim.run_id)

    assert again is not None
    assert keys(again) == ["b"]
    custody.commit(again)
    assert [state(custody, key) for key in "ab"] == ["superseded", "committed"]


def test_runs_whose_process_is_gone_lapse_at_once(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    assert list(custody.runs.lapsed(orphaned=True)) == [claim]


@pytest.mark.parametrize("orphaned", [False, True])
def test_a_run_that_has_ended_does_not_lapse(
    custody: Custody, tick: Tick, *, orphaned: bool
) -> None:
    queue(custody, KEY)
    custody.commit(custody.claimed())
    tick(10 * LEASE_S)

    assert custody.runs.lapsed(orphaned=orphaned) == []


def test_a_lapsed_run_tells_only_what_it_still_holds(custody: Custody, tick: Tick) -> None:
    queue(custody, "a", "b")
    claim = custody.claimed()
    custody.runs.failed(claim.members[0], BROKEN, None)
    tick(LEASE_S)

    (lapsed,) = custody.runs.lapsed()

    assert keys(lapsed) == ["b"]


@pytest.mark.parametrize("word", ["committed", "superseded", "failed", "released"])
def test_a_late_run_has_no_say_over_what_another_run_holds(
    custody: Custody, tick: Tick, word: str
) -> None:
    queue(custody, KEY)
    late = custody.claimed()
    tick(LEASE_S)
    custody.runs.release(custody.runs.held(late), split=False)
    custody.runs.end(late, "lost")
    current = custody.claimed()
    member = late.members[0]

    with suppress(StaleSnapshot):  # a release is heard in silence
        if word == "committed":
            custody.runs.committed(late, member, outcome(member))
        if word == "superseded":
            custody.runs.superseded(member, note="late")
        if word == "failed":
            custody.runs.failed(member, BROKEN, None)
        if word == "released":
            custody.runs.release([member], split=False)

    assert state(custody) == "running"
    assert list(custody.runs.held(current)) == list(current.members)


def test_a_late_commit_leaves_the_version_that_is_in_the_table(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, KEY)
    custody.work()
    custody.accept(event("B", "02"))
    late = custody.claimed()
    tick(LEASE_S)
    custody.runs.release(custody.runs.held(late), split=False)
    custody.claimed()

    with pytest.raises(StaleSnapshot):
        custody.runs.committed(late, late.members[0], outcome(late.members[0]))

    assert custody.receipts.committed([KEY])[KEY].version == "1"


# outcomes ----------------------------------------------------------------------------------------


def test_a_committed_version_has_its_counts_and_its_run(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    claim = custody.claimed()
    tick(2)

    found = Outcome(KEY, "hash as read", 77, COUNTS)
    custody.runs.committed(claim, claim.members[0], found)
    custody.runs.end(claim, "committed")

    (receipt,) = custody.receipts.receipts()
    assert (receipt.state, receipt.counts, receipt.bytes) == ("committed", COUNTS, 77)
    assert (receipt.run_id, receipt.engine, receipt.contract) == (claim.run_id, "local", "c1")
    assert (receipt.attempts, receipt.error, receipt.queryable_ms) == (1, None, 2000.0)
    assert custody.receipts.committed([KEY])[KEY].sha256 == "hash as read"


def test_a_commit_takes_the_place_of_the_version_before(custody: Custody) -> None:
    queue(custody, KEY)
    custody.work()
    custody.accept(event("B", "02"))

    custody.commit(custody.claimed())

    assert custody.states() == {"1": "superseded", "2": "committed"}


def test_a_commit_of_one_key_displaces_no_other(custody: Custody) -> None:
    queue(custody, "a", "b")

    custody.work()

    assert (state(custody, "a"), state(custody, "b")) == ("committed", "committed")


def test_a_superseded_version_says_why_and_has_no_counts(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.superseded(claim.members[0], note="a newer one came")

    (receipt,) = custody.receipts.receipts()
    assert (receipt.state, receipt.counts, receipt.error) == ("superseded", None, None)
    assert custody.receipts.history(KEY)[-1]["note"] == "a newer one came"


def test_a_permanent_failure_is_dead_at_once(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    end = custody.runs.failed(claim.members[0], BROKEN, None)

    (receipt,) = custody.receipts.receipts()
    assert (end, receipt.state, receipt.attempts) == ("dead", "dead", 1)
    assert receipt.error is not None
    assert (receipt.error.code, receipt.error.message) == (BROKEN.code, BROKEN.message)


def test_a_dead_version_tells_what_its_last_try_counted(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.failed(claim.members[0], BROKEN, outcome(claim.members[0]))

    (receipt,) = custody.receipts.receipts()
    assert (receipt.counts, receipt.attempt) == (None, COUNTS)


def test_whether_a_failure_would_be_the_last_is_known_before(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    told = []
    for _ in range(RETRY.max_attempts):
        claim = custody.claimed()
        (member,) = claim.members
        told.append(custody.runs.would_die(member, SHAKY))
        assert custody.runs.would_die(member, BROKEN)
        assert custody.runs.failed(member, SHAKY, None) == ("dead" if told[-1] else "queued")
        custody.runs.end(claim, "failed", SHAKY)
        tick(100)

    assert told == [False] * (RETRY.max_attempts - 1) + [True]


def test_a_failure_that_may_pass_is_tried_again_after_the_back_off(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, KEY)
    claim = custody.claimed()
    wait_s = RETRY.delay_s(1, jitter=JITTER)

    end = custody.runs.failed(claim.members[0], SHAKY, None)

    assert (end, custody.receipts.next_ready_at()) == ("queued", NOON + wait_s)
    tick(wait_s - 0.5)
    assert custody.claim() is None
    tick(0.5)
    assert custody.claimed().members[0].attempts == 1


def test_the_back_off_grows_with_the_attempts_up_to_the_cap(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    waits = []
    at = NOON
    for _ in range(RETRY.max_attempts - 1):
        custody.fail(SHAKY)
        ready_at = custody.receipts.next_ready_at()
        assert ready_at is not None
        waits.append(ready_at - at)
        tick(ready_at - at)
        at = ready_at

    assert waits == [RETRY.base_s * JITTER, RETRY.cap_s * JITTER]


def test_a_version_is_dead_once_its_attempts_are_used_up(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    seen = []
    for _ in range(RETRY.max_attempts):
        custody.fail(SHAKY)
        seen.append(state(custody))
        tick(RETRY.cap_s)

    assert seen == ["queued"] * (RETRY.max_attempts - 1) + ["dead"]
    assert custody.claim() is None
    (receipt,) = custody.receipts.receipts()
    assert (receipt.attempts, receipt.error) == (RETRY.max_attempts, Failure(*_said(SHAKY)))


def _said(failure: Failure) -> tuple[str, str]:
    return failure.code, failure.message


def test_a_version_that_failed_before_waits_for_no_batch_to_fill(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, KEY)
    custody.fail(SHAKY)
    tick(RETRY.cap_s)

    assert keys(custody.claim(flush=False)) == [KEY]


def test_a_version_in_its_back_off_does_not_hold_up_others(custody: Custody) -> None:
    queue(custody, "a")
    custody.fail(SHAKY)
    queue(custody, "b")

    assert keys(custody.claim()) == ["b"]


def test_a_version_that_commits_after_a_failure_has_no_error_any_more(
    custody: Custody, tick: Tick
) -> None:
    queue(custody, KEY)
    custody.fail(SHAKY)
    tick(RETRY.cap_s)

    custody.work()

    (receipt,) = custody.receipts.receipts()
    assert (receipt.state, receipt.error, receipt.attempts) == ("committed", None, 2)


def test_a_release_charges_no_attempt_and_needs_no_back_off(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.release(claim.members, split=False)

    again = custody.claimed()
    assert (keys(again), again.members[0].attempts) == ([KEY], 0)


def test_a_release_with_a_delay_waits_that_long(custody: Custody, tick: Tick) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.release(claim.members, delay_s=10)
    at_once = custody.claim()
    tick(9.5)
    early = custody.claim()
    tick(0.5)

    assert (at_once, early) == (None, None)
    assert custody.claimed().members[0].attempts == 0


# split -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "halves"),
    [("abcd", ["ab", "cd"]), ("abc", ["ab", "c"]), ("ab", ["a", "b"])],
)
def test_a_split_run_comes_back_as_two(custody: Custody, names: str, halves: list[str]) -> None:
    queue(custody, *names)
    claim = custody.claimed()

    custody.runs.release(claim.members, split=True)

    again = [custody.claim(flush=False) for _ in range(2)]
    assert sorted("".join(keys(one)) for one in again) == halves
    assert custody.claim() is None


def test_a_half_of_a_split_run_is_not_filled_up_with_others(custody: Custody) -> None:
    queue(custody, *"ab")
    custody.runs.release(custody.claimed().members, split=True)
    queue(custody, "new")

    claims = [custody.claim() for _ in range(3)]

    assert sorted("".join(keys(one)) for one in claims) == ["a", "b", "new"]


def test_a_file_that_fails_in_its_half_stays_apart(custody: Custody, tick: Tick) -> None:
    queue(custody, *"ab")
    custody.runs.release(custody.claimed().members, split=True)
    bad = custody.claimed()
    custody.runs.failed(bad.members[0], SHAKY, None)
    queue(custody, "new")
    tick(RETRY.cap_s)

    claims = [custody.claim() for _ in range(3)]

    assert sorted("".join(keys(one)) for one in claims) == ["a", "b", "new"]


def test_a_new_version_of_a_split_file_starts_in_no_half(custody: Custody) -> None:
    queue(custody, "a", "b")
    custody.runs.release(custody.claimed().members, split=True)
    custody.accept(event("B", "02", key="a"))
    custody.accept(event("B", "02", key="b"))

    assert keys(custody.claim()) == ["a", "b"]


@over(LEDGERS, 25, names=st.sets(st.sampled_from("abcdefghij"), min_size=1), data=st.data())
def test_splitting_finds_the_one_file_that_breaks_every_run(
    adapter: str, names: set[str], data: st.DataObject
) -> None:
    culprit = data.draw(st.sampled_from(sorted(names)))
    with LEDGERS[adapter]() as custody:
        queue(custody, *sorted(names))
        failures = 0
        while claim := custody.claim():
            if culprit not in keys(claim):
                custody.commit(claim)
                continue
            failures += 1
            if len(claim.members) == 1:
                custody.runs.failed(claim.members[0], BROKEN, None)
            else:
                custody.runs.release(claim.members, split=True)
            custody.runs.end(claim, "failed", SHAKY)

        ends = {one.key: one.state for one in custody.receipts.receipts()}
        assert ends == dict.fromkeys(names, "committed") | {culprit: "dead"}
        assert failures <= 1 + (len(names) - 1).bit_length()


# the end of a run --------------------------------------------------------------------------------


def test_a_run_ends_with_the_sums_of_what_it_committed(custody: Custody, tick: Tick) -> None:
    queue(custody, *"abc")
    claim = custody.claimed()
    a, b, c = claim.members
    custody.runs.committed(claim, a, outcome(a))
    custody.runs.committed(claim, b, outcome(b, Counts(rows_read=5, rows_written=5)))
    custody.runs.failed(c, BROKEN, outcome(c))
    tick(3)

    custody.runs.end(claim, "committed")

    (row,) = custody.receipts.runs()
    assert (row["state"], row["started_at"]) == ("committed", "2026-01-09T12:00:00.000Z")
    assert (row["ended_at"], row["error_code"]) == ("2026-01-09T12:00:03.000Z", None)
    assert (row["rows_read"], row["rows_written"], row["rows_rejected"]) == (15, 9, 1)


def test_a_failed_run_says_why(custody: Custody) -> None:
    queue(custody, KEY)
    claim = custody.claimed()

    custody.runs.end(claim, "failed", SHAKY)

    (row,) = custody.receipts.runs()
    assert (row["state"], row["error_code"], row["error_message"]) == ("failed", *_said(SHAKY))


def test_a_live_file_that_was_read_again_has_its_new_counts(custody: Custody) -> None:
    queue(custody, "old")
    custody.work()
    queue(custody, "new")
    claim = custody.claimed()
    counts = Counts(rows_read=3, rows_written=1, rows_rejected=2)

    custody.runs.recounted(claim, "old", Outcome("old", "hash of A", 10, counts))

    receipt = custody.receipts.heads(["old"])["old"]
    assert (receipt.counts, receipt.state) == (counts, "committed")
    assert state(custody, "new") == "running"


# every schedule ----------------------------------------------------------------------------------


@over(
    LEDGERS,
    60,
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    max_files=st.integers(1, 5),
    max_bytes=st.integers(1, 100),
)
def test_every_queued_version_is_claimed_once_within_the_limits(
    adapter: str, sizes: list[int], max_files: int, max_bytes: int
) -> None:
    with LEDGERS[adapter]() as custody:
        for n, size in enumerate(sizes):
            queue(custody, f"k{n:02}", size=size, dataset=f"d{size % 2}")
        limits = BatchLimits(max_files, max_bytes, 0.0)

        members: list[Member] = []
        while claim := custody.claim(limits):
            total = sum(member.size or 0 for member in claim.members)
            assert len(claim.members) <= max_files
            assert total <= max_bytes or len(claim.members) == 1
            members += claim.members

        assert sorted(member.key for member in members) == [f"k{n:02}" for n in range(len(sizes))]
