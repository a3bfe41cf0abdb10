"""Acceptance and order: each object version is taken once, and the newest is the head.

The sentences are those of design.md, "Object, version, head" and "Order".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, permutations

import pytest
from hypothesis import example
from hypothesis import strategies as st

from edp.core.errors import Failure
from edp.core.events import sequencer_newer
from edp.core.receipts import Counts
from edp.ledger.port import Arrival, Current, Seen
from tests.conformance.examples import over
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
    listing,
    outcome,
)
from tests.conformance.ticking import NOON, Tick


@pytest.fixture(params=LEDGERS)
def custody(request: pytest.FixtureRequest) -> Iterator[Custody]:
    with LEDGERS[request.param]() as custody:
        yield custody


def never() -> Current | None:
    pytest.fail("the source was asked what it holds, and the order did not hang on it")


def held(content: str) -> Current:
    """What HEAD says of a key that holds `content`."""
    return Current(size=10, etag=f"etag of {content}", sha256=f"hash of {content}")


# object, version ---------------------------------------------------------------------------------


def test_an_accepted_version_is_queued_and_is_the_head(custody: Custody) -> None:
    heard = custody.accept(event("A", "01"))

    assert (heard.outcome, heard.state, heard.key) == ("new", "queued", KEY)
    assert custody.states() == {heard.version: "queued"}
    assert custody.head() == heard.version


def test_an_event_heard_again_is_the_same_version(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))

    again = custody.accept(event("A", "01"))

    assert (again.outcome, again.version) == ("duplicate", first.version)
    assert custody.states() == {first.version: "queued"}


def test_an_event_heard_again_once_it_is_committed_changes_nothing(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))
    custody.work()

    again = custody.accept(event("A", "01"))

    assert (again.outcome, again.state) == ("duplicate", "committed")
    assert custody.states() == {first.version: "committed"}


def test_the_same_bytes_under_two_keys_are_two_objects(custody: Custody) -> None:
    custody.accept(event("A", "01", key="orders/a.csv"))

    other = custody.accept(event("A", "01", key="orders/b.csv"))

    assert other.outcome == "new"
    assert custody.receipts.pending() == 2


def test_the_same_key_in_two_buckets_is_two_objects(custody: Custody) -> None:
    custody.accept(event("A", "01"))

    other = custody.accept(replace(event("A", "01"), bucket="elsewhere"))

    assert other.outcome == "new"


def test_without_versionids_the_ledger_numbers_a_keys_versions(custody: Custody) -> None:
    numbers = [custody.accept(event(c, s)).version for c, s in (("A", "1"), ("B", "2"))]
    other = custody.accept(event("A", "1", key="orders/b.csv"))

    assert numbers == ["1", "2"]
    assert other.version == "1"


def test_a_version_of_a_versioned_bucket_has_its_versionid(custody: Custody) -> None:
    heard = custody.accept(event("A", "01", version_id="vid-1"))

    assert heard.version == "vid-1"


def test_a_number_that_is_a_versionid_already_is_passed_over(custody: Custody) -> None:
    custody.accept(event("A", "01", version_id="1"))

    heard = custody.accept(event("B", "02"))

    assert (heard.outcome, heard.version) == ("new", "2")


def test_an_event_with_another_tag_opens_a_new_version(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))

    second = custody.accept(event("B", "02"))

    assert second.outcome == "new"
    assert custody.states() == {first.version: "superseded", second.version: "queued"}
    assert custody.head() == second.version


def test_without_hashes_etag_and_size_are_the_tag(custody: Custody) -> None:
    custody.accept(replace(event("A", "01"), sha256=None))

    same = custody.accept(replace(event("A", "02"), sha256=None))
    longer = custody.accept(replace(event("A", "03", size=11), sha256=None))

    assert (same.outcome, longer.outcome) == ("unchanged", "new")


def test_tags_of_different_kinds_tell_nothing_so_the_bytes_are_read(custody: Custody) -> None:
    custody.accept(replace(event("A", "01"), sha256=None))

    hashed = custody.accept(replace(event("A", "02"), etag=None))

    assert hashed.outcome == "new"


@pytest.mark.parametrize("state", ["queued", "running", "committed"])
def test_a_newer_event_with_a_live_heads_tag_opens_no_version(custody: Custody, state: str) -> None:
    first = custody.accept(event("A", "01"))
    if state == "running":
        custody.claimed()
    if state == "committed":
        custody.work()

    again = custody.accept(event("A", "02"))

    assert (again.outcome, again.version) == ("unchanged", first.version)
    assert custody.states() == {first.version: state}


def test_a_newer_event_with_the_heads_tag_moves_the_heads_sequencer_up(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))
    custody.accept(event("A", "05"))

    between = custody.accept(event("B", "03"))

    assert (between.outcome, between.state) == ("superseded", "superseded")
    assert custody.head() == first.version


def test_an_older_event_with_the_heads_tag_does_not_move_its_sequencer_down(
    custody: Custody,
) -> None:
    first = custody.accept(event("A", "05"))
    custody.accept(event("A", "01"))

    between = custody.accept(event("B", "03"))

    assert between.outcome == "superseded"
    assert custody.head() == first.version


def test_a_listing_entry_with_the_heads_tag_does_not_move_its_sequencer(custody: Custody) -> None:
    custody.accept(event("A", "01"))
    custody.accept(listing("A"))

    newer = custody.accept(event("B", "02"))

    assert newer.outcome == "new"


@pytest.mark.parametrize("end", ["dead", "discarded"])
def test_a_newer_event_with_a_dead_or_discarded_heads_tag_opens_a_version(
    custody: Custody, end: str
) -> None:
    first = custody.accept(event("A", "01"))
    custody.fail() if end == "dead" else custody.discard(first.version)

    again = custody.accept(event("A", "02"))

    assert (again.outcome, again.state) == ("new", "queued")
    assert again.version != first.version
    assert custody.head() == again.version


def test_a_newer_version_buries_a_dead_head(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))
    custody.fail()

    again = custody.accept(event("A", "02"))

    assert again.buried == first.version
    assert custody.states() == {first.version: "superseded", again.version: "queued"}


def test_a_live_head_is_not_buried(custody: Custody) -> None:
    custody.accept(event("A", "01"))

    newer = custody.accept(event("B", "02"))

    assert newer.buried is None


@pytest.mark.parametrize("end", ["dead", "discarded"])
@pytest.mark.parametrize(
    "said", [event("A", "01"), event("A", "00"), listing("A")], ids=["again", "older", "listed"]
)
def test_no_listing_and_no_older_event_revives_a_dead_or_discarded_head(
    custody: Custody, said: Arrival, end: str
) -> None:
    first = custody.accept(event("A", "01"))
    custody.fail() if end == "dead" else custody.discard(first.version)

    heard = custody.accept(said)

    assert heard.outcome in ("unchanged", "duplicate")
    assert heard.state == end
    assert custody.states() == {first.version: end}


@pytest.mark.parametrize("end", ["dead", "discarded"])
def test_other_bytes_listed_open_a_version_over_a_dead_or_discarded_head(
    custody: Custody, end: str
) -> None:
    first = custody.accept(event("A", "01"))
    custody.fail() if end == "dead" else custody.discard(first.version)

    heard = custody.accept(listing("B"))

    assert heard.outcome == "new"
    assert custody.head() == heard.version


def test_a_retracted_file_stays_out_when_listed_and_comes_in_when_put_again(
    custody: Custody, tick: Tick
) -> None:
    first = custody.accept(listing("A"))
    custody.work()
    custody.discard(first.version)
    tick(60)

    listed = custody.accept(listing("A"))
    put = custody.accept(event("A", "01", event_time=NOON + 60), current=held("A"))

    assert (listed.outcome, listed.state) == ("unchanged", "discarded")
    assert (put.outcome, put.state) == ("new", "queued")


def test_the_late_event_of_a_listed_file_says_nothing_new(custody: Custody) -> None:
    first = custody.accept(listing("A"))
    custody.work()
    custody.discard(first.version)

    late = custody.accept(event("A", "01", event_time=NOON - 1), current=held("A"))

    assert (late.outcome, late.state) == ("unchanged", "discarded")


def test_the_event_that_put_a_file_again_is_heard_again_as_the_version_it_opened(
    custody: Custody,
) -> None:
    first = custody.accept(event("A", "01"))
    custody.discard(first.version)
    again = custody.accept(event("A", "02"))

    heard = custody.accept(event("A", "02"))

    assert (heard.outcome, heard.version, heard.state) == ("duplicate", again.version, "queued")


def test_tags_are_never_compared_with_older_versions(custody: Custody) -> None:
    versions = [custody.accept(event(c, s)).version for c, s in (("A", "1"), ("B", "2"))]

    back = custody.accept(event("A", "3"))

    assert back.outcome == "new"
    assert back.version not in versions
    assert len(custody.states()) == 3


@pytest.mark.parametrize("order", list(permutations((("A", "1"), ("B", "2"), ("A", "3")))))
def test_a_then_b_then_a_ends_at_a_in_any_order(
    custody: Custody, order: tuple[tuple[str, str], ...]
) -> None:
    for content, sequencer in order:
        custody.accept(event(content, sequencer))

    custody.work()

    assert custody.receipts.committed([KEY])[KEY].sha256 == "hash of A"
    assert custody.states()[custody.head()] == "committed"


def test_a_b_a_listed_in_order_are_three_versions(custody: Custody) -> None:
    heard = [custody.accept(listing(content)) for content in "ABA"]

    assert [one.outcome for one in heard] == ["new", "new", "new"]
    assert custody.head() == heard[-1].version


def test_a_listing_that_finds_the_head_unhashed_notes_what_it_hashes_to(custody: Custody) -> None:
    custody.accept(replace(event("A", "01"), sha256=None))

    first = custody.accept(listing("A"))
    other = custody.accept(listing("B"))

    assert (first.outcome, other.outcome) == ("unchanged", "new")


# VersionIds --------------------------------------------------------------------------------------


def test_a_versionid_heard_again_is_a_duplicate_whatever_else_the_event_says(
    custody: Custody,
) -> None:
    custody.accept(event("A", "01", version_id="v1"))

    again = custody.accept(Arrival(BUCKET, KEY, NOON, version_id="v1"))

    assert (again.outcome, again.version) == ("duplicate", "v1")


def test_a_newer_versionid_with_a_committed_heads_tag_becomes_the_head_without_a_run(
    custody: Custody,
) -> None:
    custody.accept(event("A", "01", version_id="v1"))
    custody.work()
    before = custody.receipts.heads([KEY])[KEY]

    heard = custody.accept(event("A", "02", version_id="v2"))

    after = custody.receipts.heads([KEY])[KEY]
    assert (heard.outcome, heard.state, after.version) == ("adopted", "committed", "v2")
    assert custody.states() == {"v1": "superseded", "v2": "committed"}
    assert (after.counts, after.run_id, after.engine) == (COUNTS, before.run_id, "local")
    assert custody.claim() is None


def test_an_adopted_version_can_be_adopted_from_in_turn(custody: Custody) -> None:
    custody.accept(event("A", "01", version_id="v1"))
    custody.work()
    custody.accept(event("A", "02", version_id="v2"))

    heard = custody.accept(event("A", "03", version_id="v3"))

    assert heard.outcome == "adopted"
    assert custody.states() == {"v1": "superseded", "v2": "superseded", "v3": "committed"}


def test_a_newer_versionid_with_another_tag_than_the_committed_heads_is_work(
    custody: Custody,
) -> None:
    custody.accept(event("A", "01", version_id="v1"))
    custody.work()

    heard = custody.accept(event("B", "02", version_id="v2"))

    assert (heard.outcome, custody.states()) == ("new", {"v1": "committed", "v2": "queued"})


def test_an_older_versionid_with_the_committed_heads_tag_is_superseded(custody: Custody) -> None:
    custody.accept(event("A", "02", version_id="v2"))
    custody.work()

    heard = custody.accept(event("A", "01", version_id="v1"))

    assert heard.outcome == "superseded"
    assert custody.head() == "v2"


@pytest.mark.parametrize("state", ["queued", "running", "dead", "discarded"])
def test_a_newer_versionid_with_the_tag_of_a_head_that_is_not_committed_is_work(
    custody: Custody, state: str
) -> None:
    custody.accept(event("A", "01", version_id="v1"))
    if state == "running":
        custody.claimed()
    if state == "dead":
        custody.fail()
    if state == "discarded":
        custody.discard("v1")

    heard = custody.accept(event("A", "02", version_id="v2"))

    assert (heard.outcome, heard.state, custody.head()) == ("new", "queued", "v2")


def test_a_versionid_is_adopted_also_when_the_contract_has_dropped_its_dataset(
    custody: Custody,
) -> None:
    custody.accept(event("A", "01", version_id="v1"))
    custody.work()

    heard = custody.accept(
        event("A", "02", version_id="v2"),
        dataset=None,
        failure=Failure("no dataset", "none matches", permanent=True),
    )

    assert heard.outcome == "adopted"


def test_an_adopted_version_stays_in_the_dataset_whose_table_has_its_rows(
    custody: Custody,
) -> None:
    custody.accept(event("A", "01", version_id="v1"), dataset="orders")
    custody.work()

    custody.accept(event("A", "02", version_id="v2"), dataset="renamed")

    assert custody.receipts.committed([KEY])[KEY].dataset == "orders"


# order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("01", "02"),
        ("0055AED6DCD90281E5", "0055AED7"),
        ("A", "AB"),
        ("9", "A"),
        ("0F", "1"),
        ("1", "10000000000000001"),
    ],
)
def test_the_greater_sequencer_is_newer_right_padded_with_zeros(
    custody: Custody, older: str, newer: str
) -> None:
    first = custody.accept(event("A", newer))
    late = custody.accept(event("B", older))
    other = custody.accept(event("A", older, key="k/in-order"))
    next_one = custody.accept(event("B", newer, key="k/in-order"))

    assert (late.outcome, custody.head()) == ("superseded", first.version)
    assert (other.outcome, custody.head("k/in-order")) == ("new", next_one.version)


def test_with_sequencers_on_both_sides_nobody_asks_the_source(custody: Custody) -> None:
    for content, sequencer in (("A", "01"), ("B", "02"), ("C", "01"), ("B", "03")):
        custody.ledger.accept(event(content, sequencer), dataset=DATASET, current=never)

    assert custody.states()[custody.head()] == "queued"


def test_for_a_keys_first_version_nobody_asks_the_source(custody: Custody) -> None:
    heard = custody.ledger.accept(event("A"), dataset=DATASET, current=never)

    assert heard.outcome == "new"


@pytest.mark.parametrize("sequencers", [(None, None), ("05", None), (None, "01")])
def test_without_a_sequencer_the_version_that_the_source_holds_is_newer(
    custody: Custody, sequencers: tuple[str | None, str | None]
) -> None:
    head, arrival = sequencers
    for key, holds in (("k/arrival", "B"), ("k/head", "A")):
        # event times say the opposite of what the source holds
        times = (2.0, 1.0) if holds == "B" else (1.0, 2.0)
        custody.accept(event("A", head, key=key, event_time=times[0]))
        heard = custody.accept(
            event("B", arrival, key=key, event_time=times[1]), current=held(holds)
        )
        assert heard.outcome == ("new" if holds == "B" else "superseded")


def test_without_a_sequencer_the_versionid_that_the_source_names_is_newer(
    custody: Custody,
) -> None:
    custody.accept(event("A", version_id="v1"))

    older = custody.accept(event("B", version_id="v0"), current=Current(version_id="v1"))
    newer = custody.accept(event("C", version_id="v2"), current=Current(version_id="v2"))

    assert (older.outcome, newer.outcome, custody.head()) == ("superseded", "new", "v2")


@pytest.mark.parametrize("current", [None, held("C")], ids=["gone", "another"])
def test_where_the_source_holds_neither_the_event_time_decides(
    custody: Custody, current: Current | None
) -> None:
    custody.accept(event("A", event_time=5.0))

    older = custody.accept(event("B", event_time=4.0), current=current)
    newer = custody.accept(event("D", event_time=6.0), current=current)

    assert (older.outcome, newer.outcome) == ("superseded", "new")
    assert custody.head() == newer.version


@pytest.mark.parametrize("times", [(None, None), (5.0, None), (None, 5.0), (5.0, 5.0)])
def test_where_event_times_decide_nothing_the_later_arrival_is_newer(
    custody: Custody, times: tuple[float | None, float | None]
) -> None:
    custody.accept(event("A", event_time=times[0]))

    heard = custody.accept(event("B", event_time=times[1]))

    assert (heard.outcome, custody.head()) == ("new", heard.version)


def test_a_listing_entry_is_newer_than_any_head(custody: Custody) -> None:
    custody.accept(event("A", "FF", event_time=NOON + 100))

    heard = custody.ledger.accept(listing("B"), dataset=DATASET, current=never)

    assert (heard.outcome, custody.head()) == ("new", heard.version)


def test_an_event_without_sequencer_heard_again_opens_no_version(custody: Custody) -> None:
    custody.accept(event("A", event_time=5.0))

    again = custody.accept(event("A", event_time=5.0), current=held("A"))

    assert again.outcome in ("duplicate", "unchanged")
    assert len(custody.states()) == 1


def test_an_event_without_sequencer_does_not_take_the_heads_away(custody: Custody) -> None:
    first = custody.accept(event("A", "05", event_time=5.0))
    custody.accept(event("A", event_time=9.0), current=held("A"))

    late = custody.accept(event("B", "03"))

    assert (late.outcome, custody.head()) == ("superseded", first.version)


def test_an_event_without_sequencer_is_known_after_the_heads_time_moved(custody: Custody) -> None:
    custody.accept(event("A", event_time=5.0), current=held("A"))
    custody.accept(event("A", event_time=6.0), current=held("A"))
    custody.accept(event("B", event_time=7.0), current=held("B"))

    custody.accept(event("A", event_time=5.0), current=held("B"))

    assert len(custody.states()) == 2


def test_an_old_event_without_sequencer_heard_again_opens_no_version(custody: Custody) -> None:
    custody.accept(event("A", event_time=5.0), current=held("B"))
    custody.accept(event("B", event_time=6.0), current=held("B"))

    for _ in range(3):
        custody.accept(event("A", event_time=5.0), current=held("B"))

    assert len(custody.states()) == 2


def test_an_out_of_date_version_is_superseded_when_it_comes_and_is_no_work(
    custody: Custody,
) -> None:
    custody.accept(event("B", "02"))
    custody.work()

    late = custody.accept(event("A", "01"))

    assert (late.outcome, late.state) == ("superseded", "superseded")
    assert custody.claim() is None


def test_a_running_version_keeps_running_when_a_newer_one_comes_but_is_no_head(
    custody: Custody,
) -> None:
    first = custody.accept(event("A", "01"))
    claim = custody.claimed()

    second = custody.accept(event("B", "02"))

    (member,) = custody.runs.held(claim)
    assert not member.head
    assert custody.states() == {first.version: "running", second.version: "queued"}


def test_a_committed_version_stays_in_its_table_until_a_newer_one_commits(
    custody: Custody,
) -> None:
    first = custody.accept(event("A", "01"))
    custody.work()

    second = custody.accept(event("B", "02"))
    waiting = custody.states()
    custody.work()

    assert waiting == {first.version: "committed", second.version: "queued"}
    assert custody.states() == {first.version: "superseded", second.version: "committed"}


@pytest.mark.parametrize("end", ["dead", "discarded"])
def test_a_head_that_ends_dead_or_is_discarded_removes_nothing(custody: Custody, end: str) -> None:
    first = custody.accept(event("A", "01"))
    custody.work()
    second = custody.accept(event("B", "02"))

    custody.fail()
    if end == "discarded":
        custody.discard(second.version)

    assert custody.states() == {first.version: "committed", second.version: end}
    assert custody.receipts.committed([KEY])[KEY].version == first.version


def test_what_was_superseded_never_becomes_work_again(custody: Custody) -> None:
    first = custody.accept(event("A", "01"))
    custody.accept(event("B", "02"))

    heard = custody.accept(event("A", "01"))

    assert (heard.outcome, heard.state, heard.version) == (
        "duplicate",
        "superseded",
        first.version,
    )


# dead on arrival, redriven, discarded ------------------------------------------------------------


def test_a_version_with_a_failure_is_accepted_as_dead_with_its_reason(custody: Custody) -> None:
    heard = custody.accept(event("A", "01"), dataset=None, failure=BROKEN)

    (receipt,) = custody.receipts.receipts()
    assert (heard.outcome, heard.state) == ("dead", "dead")
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.message) == (BROKEN.code, BROKEN.message)
    assert receipt.error is not None
    assert receipt.error.message == BROKEN.message
    assert custody.claim() is None


def test_a_dead_version_heard_again_tells_why_it_is_dead(custody: Custody) -> None:
    custody.accept(event("A", "01"), dataset=None, failure=BROKEN)

    again = custody.accept(event("A", "01"), dataset=None, failure=BROKEN)

    assert (again.outcome, again.state) == ("duplicate", "dead")
    assert again.failure is not None
    assert again.failure.message == BROKEN.message


def test_an_out_of_date_version_is_superseded_whatever_is_wrong_with_it(custody: Custody) -> None:
    custody.accept(event("B", "02"))

    late = custody.accept(event("A", "01"), dataset=None, failure=BROKEN)

    assert (late.outcome, late.failure) == ("superseded", None)


def test_a_revived_version_is_queued_with_all_its_tries_and_its_new_dataset(
    custody: Custody,
) -> None:
    heard = custody.accept(event("A", "01"))
    custody.fail()

    state = custody.ledger.revive(BUCKET, KEY, heard.version, dataset="elsewhere")

    (receipt,) = custody.receipts.receipts()
    assert (state, receipt.state, receipt.attempts) == ("queued", "queued", 0)
    assert (receipt.dataset, receipt.error) == ("elsewhere", None)
    assert custody.claimed().dataset == "elsewhere"


def test_a_revived_version_can_be_claimed_at_once(custody: Custody) -> None:
    heard = custody.accept(event("A", "01"))
    custody.fail()

    custody.ledger.revive(BUCKET, KEY, heard.version, dataset=DATASET)

    assert custody.claim() is not None


def test_a_dead_version_that_is_no_longer_the_head_is_superseded_by_a_redrive(
    custody: Custody,
) -> None:
    old = custody.accept(event("A", "01"))
    claim = custody.claimed()
    custody.accept(event("B", "02"))
    custody.runs.failed(custody.runs.held(claim)[0], BROKEN, None)

    state = custody.ledger.revive(BUCKET, KEY, old.version, dataset=DATASET)

    assert state == "superseded"
    assert custody.states()[old.version] == "superseded"


@pytest.mark.parametrize("state", ["queued", "running", "committed", "discarded"])
def test_only_a_dead_version_can_be_revived(custody: Custody, state: str) -> None:
    heard = custody.accept(event("A", "01"))
    if state == "running":
        custody.claimed()
    if state == "committed":
        custody.work()
    if state == "discarded":
        custody.discard(heard.version)

    revived = custody.ledger.revive(BUCKET, KEY, heard.version, dataset=DATASET)

    assert revived is None
    assert custody.states() == {heard.version: state}


def test_reviving_or_discarding_what_nobody_knows_changes_nothing(custody: Custody) -> None:
    revived = custody.ledger.revive(BUCKET, KEY, "7", dataset=DATASET)
    custody.discard("7")

    assert revived is None
    assert custody.states() == {}


def test_a_version_that_has_changed_since_is_not_discarded(custody: Custody) -> None:
    heard = custody.accept(event("A", "01"))
    custody.work()

    discarded = custody.ledger.discard(BUCKET, KEY, heard.version, was="dead", note="too late")

    assert not discarded
    assert custody.states() == {heard.version: "committed"}


@pytest.mark.parametrize("state", ["queued", "committed", "dead"])
def test_a_discarded_version_is_no_work_and_in_no_table(custody: Custody, state: str) -> None:
    heard = custody.accept(event("A", "01"))
    if state == "committed":
        custody.work()
    if state == "dead":
        custody.fail()

    custody.discard(heard.version)
    custody.discard(heard.version)

    assert custody.states() == {heard.version: "discarded"}
    assert custody.receipts.committed([KEY]) == {}
    assert custody.claim() is None


# put, replay, listings ---------------------------------------------------------------------------


def test_sequencers_are_16_hex_digits_and_only_grow(custody: Custody, tick: Tick) -> None:
    given = [custody.ledger.next_sequencer() for _ in range(3)]
    tick(1)
    given.append(custody.ledger.next_sequencer())
    tick(-3600)  # the clock is set back
    given.append(custody.ledger.next_sequencer())

    assert [len(one) for one in given] == [16] * 5
    assert all(sequencer_newer(b, a) for a, b in pairwise(given))
    assert int(given[0], 16) == int(NOON * 1e9)


def test_what_was_seen_is_remembered_until_it_is_seen_otherwise(custody: Custody) -> None:
    custody.ledger.note_seen("a", Seen("1:2:3", "h1"))
    custody.ledger.note_seen("b", Seen("4:5:6", "h2"))
    custody.ledger.note_seen("b", Seen("7:8:9", "h3"))

    assert custody.ledger.seen(["a", "c"]) == {"a": Seen("1:2:3", "h1")}
    assert custody.ledger.seen()["b"] == Seen("7:8:9", "h3")
    assert custody.ledger.seen([]) == {}


def announcement(content: str, sequencer: str, *, version_id: str | None = None) -> Arrival:
    """An event of another bucket's, and what its bytes hash to."""
    return event(content, sequencer, version_id=version_id)


def captured(content: str, sequencer: str, *, version_id: str | None = None) -> Arrival:
    """The same event as it comes off the queue: it has an etag, and no hash."""
    return replace(event(content, sequencer, version_id=version_id), sha256=None)


def test_a_replayed_event_takes_the_hash_that_was_announced_for_it(custody: Custody) -> None:
    custody.ledger.announce(announcement("A", "01"))

    custody.accept(captured("A", "01"))

    assert custody.claimed().members[0].sha256 == "hash of A"
    assert custody.accept(listing("A")).outcome == "unchanged"


def test_an_announced_hash_is_for_its_own_event_only(custody: Custody) -> None:
    custody.ledger.announce(announcement("A", "01"))

    custody.accept(captured("B", "02"))

    assert custody.claimed().members[0].sha256 is None


def test_announced_bytes_that_a_listing_finds_first_are_the_events_version(
    custody: Custody,
) -> None:
    custody.ledger.announce(announcement("A", "01", version_id="v1"))

    listed = custody.accept(listing("A"))
    heard = custody.accept(captured("A", "01", version_id="v1"))

    assert (listed.outcome, listed.version) == ("new", "v1")
    assert (heard.outcome, heard.version) == ("duplicate", "v1")


def test_bytes_announced_for_several_events_are_the_newest_ones(custody: Custody) -> None:
    custody.ledger.announce(announcement("A", "09", version_id="v9"))
    custody.ledger.announce(announcement("A", "01", version_id="v1"))

    assert custody.accept(listing("A")).version == "v9"


def test_an_announcement_tells_whether_its_bytes_are_the_newest(custody: Custody) -> None:
    first = custody.ledger.announce(announcement("B", "05"))
    older = custody.ledger.announce(announcement("A", "01"))
    again = custody.ledger.announce(announcement("B", "05"))
    newer = custody.ledger.announce(announcement("C", "06"))

    assert (first, older, again, newer) == (True, False, True, True)


def test_an_announcement_is_older_than_the_newer_version_that_was_accepted(
    custody: Custody,
) -> None:
    custody.accept(event("B", "05"))

    assert not custody.ledger.announce(announcement("A", "01"))
    assert custody.ledger.announce(announcement("C", "06"))


# every sequence ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """Events of one key, the oldest first, and how they are delivered.

    A delivery is an event's number, or None where a worker works off the queue in between.
    """

    events: tuple[Arrival, ...]
    deliveries: tuple[int | None, ...]

    @property
    def without_duplicates(self) -> "Story":
        seen: set[int] = set()
        once: list[int | None] = []
        for n in self.deliveries:
            if n is None or n not in seen:
                once.append(n)
            if n is not None:
                seen.add(n)
        return replace(self, deliveries=tuple(once))

    def told_to(self, custody: Custody) -> None:
        for n in self.deliveries:
            if n is None:
                custody.work()
            else:
                custody.ledger.accept(self.events[n], dataset=DATASET, current=never)


def _events(contents: str, sequencers: list[str], *, versioned: bool) -> tuple[Arrival, ...]:
    return tuple(
        event(content, sequencer, version_id=f"v{n}" if versioned else None)
        for n, (content, sequencer) in enumerate(zip(contents, sequencers, strict=True))
    )


HEX = st.text("0123456789ABCDEF", min_size=1, max_size=6)


@st.composite
def stories(draw: st.DrawFn, *, versioned: bool | None = None, distinct: bool = False) -> Story:
    sequencers = draw(
        st.lists(HEX, min_size=1, max_size=5, unique_by=lambda text: text.rstrip("0"))
    )
    sequencers.sort(key=lambda text: text.ljust(6, "0"))
    size = len(sequencers)
    contents = "ABCDE"[:size] if distinct else draw(st.text("AB", min_size=size, max_size=size))
    versioned = draw(st.booleans()) if versioned is None else versioned
    once = list(range(size))
    more = draw(st.lists(st.sampled_from([*once, None]), max_size=6))
    deliveries = draw(st.permutations([*once, *more]))
    return Story(_events(contents, sequencers, versioned=versioned), tuple(deliveries))


@over(LEDGERS, 120, story=stories())
def test_whatever_the_deliveries_the_head_is_the_greatest_sequencers_event(
    adapter: str, story: Story
) -> None:
    with LEDGERS[adapter]() as custody:
        story.told_to(custody)
        custody.work()

        newest = story.events[-1]
        head = custody.receipts.heads([KEY])[KEY]
        assert head.state == "committed"
        assert custody.receipts.committed([KEY])[KEY].sha256 == newest.sha256
        assert newest.version_id in (None, head.version)


@over(LEDGERS, 60, story=stories())
def test_whatever_the_deliveries_every_version_has_one_end_and_one_is_live(
    adapter: str, story: Story
) -> None:
    with LEDGERS[adapter]() as custody:
        story.told_to(custody)
        custody.work()

        ends = list(custody.states().values())
        assert ends.count("committed") == 1
        assert ends.count("superseded") == len(ends) - 1


@over(
    LEDGERS, 60, story=st.one_of(stories(versioned=True), stories(versioned=False, distinct=True))
)
def test_there_are_as_many_versions_as_events_however_often_each_is_heard(
    adapter: str, story: Story
) -> None:
    with LEDGERS[adapter]() as custody:
        story.told_to(custody)

        assert len(custody.states()) == len(story.events)


@over(
    LEDGERS,
    60,
    example(story=Story(_events("AAB", ["1", "2", "3"], versioned=False), (0, 1, 2, 0))),
    story=stories(versioned=False),
)
def test_the_number_of_versions_never_depends_on_duplicates(adapter: str, story: Story) -> None:
    with LEDGERS[adapter]() as custody, LEDGERS[adapter]() as other:
        story.told_to(custody)
        story.without_duplicates.told_to(other)

        assert len(custody.states()) == len(other.states())


@over(LEDGERS, 60, story=stories(), spoilt=st.sampled_from(["dead", "discarded"]))
def test_listings_never_bring_back_what_is_dead_or_discarded(
    adapter: str, story: Story, spoilt: str
) -> None:
    with LEDGERS[adapter]() as custody:
        story.told_to(custody)
        custody.work()
        head = custody.head()
        custody.discard(head)
        newest = story.events[-1]
        if spoilt == "dead":
            put = custody.accept(event("A", "FFFFFFF", version_id=newest.version_id and "new"))
            custody.fail()
            head, newest = put.version, event("A")
        before = custody.states()

        heard = custody.ledger.accept(
            listing(str(newest.sha256).removeprefix("hash of ")), dataset=DATASET, current=never
        )

        assert (heard.outcome, heard.version, heard.state) == ("unchanged", head, spoilt)
        assert custody.states() == before


@over(LEDGERS, 40, story=stories())
def test_every_change_of_state_is_in_the_history(adapter: str, story: Story) -> None:
    with LEDGERS[adapter]() as custody:
        story.told_to(custody)
        custody.work()

        told = sorted(custody.receipts.history(KEY), key=lambda row: str(row["version"]))
        ends = {}
        for version, rows in groupby(told, key=lambda row: str(row["version"])):
            before = None
            for row in rows:
                assert row["before"] == before
                before = row["state"]
            ends[version] = before
        assert ends == custody.states()


def test_what_a_version_went_through_is_told_in_order(custody: Custody, tick: Tick) -> None:
    first = custody.accept(event("A", "01"))
    tick(1)
    claim = custody.claimed()
    custody.runs.failed(claim.members[0], SHAKY, None)
    tick(100)
    second = custody.claimed()
    custody.runs.committed(second, second.members[0], outcome(second.members[0], Counts()))
    custody.runs.end(second, "committed")

    told = custody.receipts.history(KEY)

    assert [(row["version"], row["before"], row["state"]) for row in told] == [
        (first.version, None, "queued"),
        (first.version, "queued", "running"),
        (first.version, "running", "queued"),
        (first.version, "queued", "running"),
        (first.version, "running", "committed"),
    ]
    assert [row["at"] for row in told[:2]] == [
        "2026-01-09T12:00:00.000Z",
        "2026-01-09T12:00:01.000Z",
    ]
    assert told[1]["run_id"] == claim.run_id
    assert told[2]["note"] == SHAKY.message
    assert [row["attempts"] for row in told] == [0, 0, 1, 1, 2]
