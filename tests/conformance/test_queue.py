"""A queue: at least once, unordered, hidden while somebody works, given up after too many tries."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from freezegun import freeze_time
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from edp.core import clock
from edp.queue.port import DeadLetters, Lease, Queue
from tests.conformance.queues import EXAMPLES, MAX_RECEIVES, QUEUES, TIMEOUT_S, Queues
from tests.conformance.ticking import NOON, Tick


@pytest.fixture(params=QUEUES)
def queues(request: pytest.FixtureRequest, tick: Tick) -> Iterator[Queues]:
    del tick  # the time stands still from the start
    with QUEUES[request.param]() as queues:
        yield queues


@pytest.fixture
def queue(queues: Queues) -> Queue:
    return queues.queue


@pytest.fixture
def dead_letters(queues: Queues) -> DeadLetters:
    return queues.dead_letters


def bodies(queue: Queue, *, limit: int = 10) -> list[str]:
    return sorted(lease.body for lease in queue.receive(limit=limit))


def exhaust(queue: Queue, tick: Tick, *, messages: int) -> None:
    """Receive so many messages as often as one may be, and let each lease lapse."""
    for _ in range(MAX_RECEIVES):
        assert len(queue.receive(limit=messages)) == messages
        tick(TIMEOUT_S + 1)


def test_an_empty_queue_has_nothing_to_receive(queue: Queue) -> None:
    assert queue.receive() == []
    assert queue.depth() == 0


def test_a_sent_message_is_received_as_it_was_sent(queue: Queue) -> None:
    queue.send("Größe \U0001f600 \n", attributes={"a": "1", "b": "ü"})

    (lease,) = queue.receive()

    assert (lease.body, dict(lease.attributes)) == ("Größe \U0001f600 \n", {"a": "1", "b": "ü"})
    assert (lease.receives, lease.sent_at, lease.visible_at) == (1, NOON, NOON + TIMEOUT_S)


def test_equal_messages_are_all_delivered(queue: Queue) -> None:
    queue.send("a")
    queue.send("a")

    assert bodies(queue) == ["a", "a"]


def test_no_more_than_the_limit_is_received_at_once(queue: Queue) -> None:
    for body in "abcde":
        queue.send(body)

    first, second, third = (queue.receive(limit=2) for _ in range(3))

    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert {lease.body for lease in (*first, *second, *third)} == set("abcde")


def test_a_message_of_one_queue_is_not_in_another(queues: Queues) -> None:
    queues.queue.send("a")

    assert queues.other.receive() == []
    assert (queues.queue.depth(), queues.other.depth()) == (1, 0)


def test_a_delayed_message_is_not_received_before_its_time(queue: Queue, tick: Tick) -> None:
    queue.send("a", delay_s=10)

    at_once = bodies(queue)
    tick(9.5)
    early = bodies(queue)
    tick(0.5)

    assert (at_once, early, bodies(queue)) == ([], [], ["a"])


def test_a_received_message_is_hidden_until_its_time_is_up(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    queue.receive()

    at_once = bodies(queue)
    tick(TIMEOUT_S - 1)
    early = bodies(queue)
    tick(1)

    assert (at_once, early, bodies(queue)) == ([], [], ["a"])


def test_a_message_that_comes_back_counts_its_receives(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    queue.receive()
    tick(TIMEOUT_S)

    (lease,) = queue.receive()

    assert (lease.receives, lease.sent_at) == (2, NOON)


def test_an_acked_message_stays_gone(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (lease,) = queue.receive()

    queue.ack(lease)
    tick(TIMEOUT_S + 1)  # past the lease: a hidden message would come back

    assert queue.receive() == []
    assert queue.depth() == 0


def test_acking_twice_is_not_an_error(queue: Queue) -> None:
    queue.send("a")
    queue.send("b")
    lease = queue.receive(limit=1)[0]

    queue.ack(lease)
    queue.ack(lease)

    assert queue.depth() == 1


def test_an_ack_takes_only_its_own_message(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    queue.send("b")
    lease = next(lease for lease in queue.receive() if lease.body == "a")

    queue.ack(lease)
    tick(TIMEOUT_S)

    assert bodies(queue) == ["b"]


def test_a_lease_can_be_acked_after_its_time_while_nobody_else_has_the_message(
    queue: Queue, tick: Tick
) -> None:
    queue.send("a")
    (lease,) = queue.receive()
    tick(TIMEOUT_S + 1)

    queue.ack(lease)

    assert queue.depth() == 0


def test_an_older_delivery_can_no_longer_ack(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (late,) = queue.receive()
    tick(TIMEOUT_S)
    queue.receive()

    queue.ack(late)

    assert queue.depth() == 1


def test_an_older_delivery_can_no_longer_release_or_extend(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (late,) = queue.receive()
    tick(TIMEOUT_S)
    queue.receive()

    queue.release(late)
    released = bodies(queue)
    queue.extend(late, by_s=1000)
    tick(TIMEOUT_S)

    assert (released, bodies(queue)) == ([], ["a"])


def test_a_released_message_is_visible_again(queue: Queue) -> None:
    queue.send("a")
    (lease,) = queue.receive()

    queue.release(lease)

    (again,) = queue.receive()
    assert (again.body, again.receives) == ("a", 2)


def test_a_message_released_with_a_delay_stays_hidden_that_long(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (lease,) = queue.receive()

    queue.release(lease, delay_s=100)
    tick(99)
    early = bodies(queue)
    tick(1)

    assert (early, bodies(queue)) == ([], ["a"])


def test_an_extended_message_stays_hidden_that_long_from_now(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (lease,) = queue.receive()
    tick(20)

    queue.extend(lease, by_s=40)
    tick(39)
    early = bodies(queue)
    tick(1)

    assert (early, bodies(queue)) == ([], ["a"])


def test_an_extension_can_shorten_the_time(queue: Queue, tick: Tick) -> None:
    queue.send("a")
    (lease,) = queue.receive()

    queue.extend(lease, by_s=5)
    tick(5)

    assert bodies(queue) == ["a"]


def test_the_depth_counts_hidden_and_delayed_messages_too(queue: Queue) -> None:
    queue.send("a")
    queue.receive()
    queue.send("b")
    queue.send("c", delay_s=60)

    assert queue.depth() == 3


def test_a_message_received_too_often_goes_to_the_dead_letters_instead(
    queue: Queue, dead_letters: DeadLetters, tick: Tick
) -> None:
    queue.send("a", attributes={"k": "v"})
    exhaust(queue, tick, messages=1)
    before = dead_letters.list()

    received = queue.receive()

    (item,) = dead_letters.list()
    assert (before, received, queue.depth()) == ([], [], 0)
    assert (item.body, dict(item.attributes), item.kind) == ("a", {"k": "v"}, "message")


def test_an_exhausted_message_does_not_hold_up_others(queue: Queue, tick: Tick) -> None:
    queue.send("bad")
    exhaust(queue, tick, messages=1)
    queue.send("good")

    assert bodies(queue) == ["good"]


def test_releases_count_towards_too_often(
    queue: Queue, dead_letters: DeadLetters, tick: Tick
) -> None:
    del tick
    queue.send("a")
    for _ in range(MAX_RECEIVES):
        queue.release(queue.receive()[0])

    assert queue.receive() == []
    assert len(dead_letters.list()) == 1


@pytest.mark.parametrize(("messages", "limit"), [(2, 1), (12, 10)])
def test_no_exhausted_message_is_delivered_however_many_there_are(
    queue: Queue, tick: Tick, messages: int, limit: int
) -> None:
    for n in range(messages):
        queue.send(str(n))
    exhaust(queue, tick, messages=messages)

    assert queue.receive(limit=limit) == []


# every sequence ----------------------------------------------------------------------------------


@dataclass
class Message:
    """What the model knows of a message."""

    body: str
    visible_at: float
    receives: int = 0
    receipt: str | None = None


@dataclass
class Model:
    """A queue as a dict, by body; each body is sent once."""

    messages: dict[str, Message] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)

    def holding(self, lease: Lease) -> Message | None:
        found = self.messages.get(lease.body)
        return found if found and found.receipt == lease.receipt else None


class QueueMachine(RuleBasedStateMachine):
    """Drives a queue and a dict side by side."""

    adapter: str
    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.time = self.stack.enter_context(freeze_time(datetime.fromtimestamp(NOON, UTC)))
        self.queues = self.stack.enter_context(QUEUES[self.adapter]())
        self.queue = self.queues.queue
        self.model = Model()
        self.sent = 0

    @rule(delay_s=st.sampled_from([0.0, 5.0, 40.0]))
    def send(self, delay_s: float) -> None:
        body = f"m{self.sent}"
        self.sent += 1
        self.queue.send(body, delay_s=delay_s)
        self.model.messages[body] = Message(body, clock.now() + delay_s)

    @rule(target=leases)
    def receive(self) -> MultipleResults[Lease]:
        now = clock.now()
        visible = [one for one in self.model.messages.values() if one.visible_at <= now]
        for one in visible:
            if one.receives >= MAX_RECEIVES:
                del self.model.messages[one.body]
                self.model.given_up.add(one.body)
        expected = {one.body: one for one in visible if one.receives < MAX_RECEIVES}

        leases = self.queue.receive(limit=1000)

        assert {lease.body for lease in leases} == expected.keys()
        for lease in leases:
            one = expected[lease.body]
            one.receives += 1
            one.visible_at, one.receipt = now + TIMEOUT_S, lease.receipt
            assert (lease.receives, lease.visible_at) == (one.receives, one.visible_at)
        return multiple(*leases)

    @rule(lease=consumes(leases))
    def ack(self, lease: Lease) -> None:
        self.queue.ack(lease)
        if self.model.holding(lease):
            del self.model.messages[lease.body]

    @rule(lease=leases, delay_s=st.sampled_from([0.0, 7.0]))
    def release(self, lease: Lease, delay_s: float) -> None:
        self.queue.release(lease, delay_s=delay_s)
        if one := self.model.holding(lease):
            one.visible_at = clock.now() + delay_s

    @rule(lease=leases, by_s=st.sampled_from([1.0, 60.0]))
    def extend(self, lease: Lease, by_s: float) -> None:
        self.queue.extend(lease, by_s=by_s)
        if one := self.model.holding(lease):
            one.visible_at = clock.now() + by_s

    @rule(seconds=st.sampled_from([1.0, 10.0, TIMEOUT_S, 61.0]))
    def wait(self, seconds: float) -> None:
        self.time.tick(seconds)

    @invariant()
    def nothing_is_lost_or_invented(self) -> None:
        assert self.queue.depth() == len(self.model.messages)
        assert {one.body for one in self.queues.dead_letters.list()} == self.model.given_up

    def teardown(self) -> None:
        self.stack.close()


@pytest.mark.parametrize("adapter", QUEUES)
def test_a_queue_is_a_dict_of_messages_with_the_time_they_show_again(adapter: str) -> None:
    machine = type("Machine", (QueueMachine,), {"adapter": adapter})

    run_state_machine_as_test(
        machine,
        settings=settings(deadline=None, max_examples=EXAMPLES[adapter], stateful_step_count=25),
    )


def test_the_oldest_message_is_known_hidden_or_not(queue: Queue, tick: Tick) -> None:
    none = queue.oldest_at()
    queue.send("a")
    tick(5)
    queue.send("b")
    (lease, _) = queue.receive()
    hidden = queue.oldest_at()
    queue.ack(lease)

    assert (none, hidden, queue.oldest_at()) == (None, NOON, NOON + 5)
