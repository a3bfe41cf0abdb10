"""Dead letters: one item per record or version, kept until a person redrives or removes it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from edp.queue.port import REDRIVEN, DeadLetter, DeadLetters
from tests.conformance.queues import QUEUES, Queues
from tests.conformance.ticking import NOON, Tick


@pytest.fixture(params=QUEUES)
def queues(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Queues]:
    del tick  # the time stands still from the start
    with QUEUES[request.param]() as queues:
        yield queues


@pytest.fixture
def dead_letters(queues: Queues) -> DeadLetters:
    return queues.dead_letters


MESSAGE = DeadLetter(
    id="m1", cause_id="c1", kind="message", code="bad message", reason="no JSON", body="{Ü"
)
OBJECT = DeadLetter(
    id="o1",
    cause_id="c2",
    kind="object",
    code="unreadable file",
    reason="no CSV",
    body='{"Records": []}',
    attempts=2,
    dataset="orders",
    key="orders/ü.csv",
    version="3",
    run_id="r1",
    attributes={"edp_bucket": "b"},
)


def test_at_first_there_are_none(dead_letters: DeadLetters) -> None:
    assert dead_letters.list() == []


@pytest.mark.parametrize("item", [MESSAGE, OBJECT], ids=["message", "object"])
def test_an_item_is_listed_as_it_was_added_with_its_times(
    dead_letters: DeadLetters, item: DeadLetter
) -> None:
    dead_letters.add(item)

    assert dead_letters.list() == [replace(item, count=1, first_at=NOON, last_at=NOON)]


def test_items_are_listed_the_oldest_first(dead_letters: DeadLetters, tick: Tick) -> None:
    for name in "bca":
        dead_letters.add(replace(MESSAGE, id=name))
        tick(1)

    assert [item.id for item in dead_letters.list()] == ["b", "c", "a"]


def test_a_duplicate_is_counted_and_renews_the_reason(
    dead_letters: DeadLetters, tick: Tick
) -> None:
    dead_letters.add(OBJECT)
    tick(60)

    dead_letters.add(
        replace(OBJECT, code="x", reason="other", cause_id="c9", attempts=5, run_id="r2")
    )

    (item,) = dead_letters.list()
    assert (item.count, item.first_at, item.last_at) == (2, NOON, NOON + 60)
    assert (item.code, item.reason, item.cause_id) == ("x", "other", "c9")
    assert (item.attempts, item.run_id) == (5, "r2")


def test_a_duplicate_that_was_not_tried_keeps_what_the_tries_told(
    dead_letters: DeadLetters,
) -> None:
    dead_letters.add(replace(OBJECT, attempts=3, run_id="r1"))

    dead_letters.add(replace(OBJECT, attempts=0, run_id=None))

    (item,) = dead_letters.list()
    assert (item.attempts, item.run_id, item.count) == (3, "r1", 2)


def test_a_redriven_item_is_a_message_again_that_says_so(queues: Queues) -> None:
    queues.dead_letters.add(OBJECT)

    queues.dead_letters.redrive(OBJECT)

    (lease,) = queues.queue.receive()
    assert lease.body == OBJECT.body
    assert dict(lease.attributes) == {"edp_bucket": "b", REDRIVEN: "o1"}
    assert (lease.receives, queues.dead_letters.list()) == (1, [])
    assert queues.other.depth() == 0


def test_a_redrive_leaves_other_items_alone(dead_letters: DeadLetters) -> None:
    dead_letters.add(OBJECT)
    dead_letters.add(MESSAGE)

    dead_letters.redrive(OBJECT)

    assert [item.id for item in dead_letters.list()] == [MESSAGE.id]


def test_an_item_that_comes_back_after_a_redrive_starts_anew(
    dead_letters: DeadLetters, tick: Tick
) -> None:
    dead_letters.add(OBJECT)
    dead_letters.add(OBJECT)
    dead_letters.redrive(OBJECT)
    tick(5)

    dead_letters.add(OBJECT)

    (item,) = dead_letters.list()
    assert (item.count, item.first_at) == (1, NOON + 5)


def test_a_removed_item_is_gone_and_its_body_is_not_sent(queues: Queues) -> None:
    queues.dead_letters.add(OBJECT)
    queues.dead_letters.add(MESSAGE)

    queues.dead_letters.remove(OBJECT.id)

    assert [item.id for item in queues.dead_letters.list()] == [MESSAGE.id]
    assert queues.queue.depth() == 0


def test_removing_an_item_that_is_not_there_is_no_error(dead_letters: DeadLetters) -> None:
    dead_letters.add(MESSAGE)

    dead_letters.remove("unknown")

    assert len(dead_letters.list()) == 1


def test_an_item_is_got_by_its_id(dead_letters: DeadLetters) -> None:
    dead_letters.add(OBJECT)

    assert dead_letters.get("o1") == replace(OBJECT, count=1, first_at=NOON, last_at=NOON)
    assert dead_letters.get("o2") is None


def test_items_are_counted_by_cause(dead_letters: DeadLetters) -> None:
    for item in (MESSAGE, OBJECT, replace(OBJECT, id="o2"), replace(OBJECT, id="o2")):
        dead_letters.add(item)

    assert dead_letters.causes() == {"c1": 1, "c2": 2}
