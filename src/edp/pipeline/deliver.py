"""Delivery: what the outbox owes goes to its sinks, one thread each, beside the work.

A sink that is down costs one try now and then, and nobody else's time. What it will never take is
set aside, and the rest goes on.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, Self

from edp.core import clock
from edp.core.errors import EdpError
from edp.core.retry import RetryPolicy
from edp.notify.port import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from edp.notify.port import Delivery, Outbox, Sink
    from edp.pipeline.stages import Stages

PATIENCE: Final = RetryPolicy(base_s=2.0, cap_s=300.0)
"""When a sink that fails is tried again; the waits are never below half of the back-off."""
FLUSH_S: Final = 4.0
"""Seconds that a command in the foreground, and a service that stops, wait for deliveries."""
_IDLE_S: Final = 0.5
_LEASE_S: Final = 60.0
_FEW: Final = 3
"""So many notices that are due get a message each; more share one, where the sink can."""
_GIVE_UP_S: Final = 3 * 86_400.0


class Courier:
    """Delivers to one sink: a message at a time, at the pace that the sink takes."""

    def __init__(
        self,
        outbox: Outbox,
        name: str,
        sink: Sink,
        *,
        jitter: Callable[[], float],
        patience: RetryPolicy = PATIENCE,
        heard: Callable[[str, Sequence[Delivery], Answer], None] = lambda *_: None,
    ) -> None:
        """`heard` is told what the sink said of deliveries."""
        self._outbox = outbox
        self._name = name
        self._heard = heard
        self._sink = sink
        self._jitter = jitter
        self._patience = patience
        self._rest_until = 0.0
        self._failures = 0

    @property
    def rest_s(self) -> float:
        """Seconds until the sink may be tried again."""
        return max(0.0, self._rest_until - time.monotonic())

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def turn(self) -> bool:
        """Send one message if one is due; whether one was tried. The sink wants its rest then."""
        due = self._outbox.due(self._name)
        limit = self._sink.at_once if due > _FEW else 1
        found = self._outbox.take(self._name, limit=limit, lease_s=_LEASE_S) if due else ()
        if not found:
            return False
        self._tell(found)
        return True

    def _tell(self, found: Sequence[Delivery]) -> None:
        try:
            answer = self._sink.send([one.notice for one in found])
        except Exception as error:  # noqa: BLE001 (one message must not end the others)
            answer = Answer("refused", f"{type(error).__name__}: it could not be written")
        self._heard(self._name, found, answer)
        match answer.outcome:
            case "delivered":
                self._outbox.delivered(found, said=answer.said)
            case "refused":
                self._outbox.refused(found, said=answer.said)
            case "later":
                self._put_off(found, answer)
                return
        self._failures = 0
        self._rest_until = time.monotonic() + self._sink.gap_s

    def _put_off(self, found: Sequence[Delivery], answer: Answer) -> None:
        self._failures += 1
        delay_s = self._wait_s(self._failures) if answer.after_s is None else answer.after_s
        self._rest_until = time.monotonic() + delay_s
        old = clock.now() - _GIVE_UP_S
        given_up = [one for one in found if one.created_at < old]
        self._outbox.refused(given_up, said=f"given up after 3 days; {answer.said}")
        for one in (one for one in found if one.created_at >= old):
            # one that a sink fails on goes behind the others
            self._outbox.later(
                [one], said=answer.said, delay_s=max(delay_s, self._wait_s(one.attempts + 1))
            )

    def _wait_s(self, attempt: int) -> float:
        return self._patience.delay_s(attempt, jitter=0.5 + self._jitter() / 2)


def deliver(couriers: Sequence[Courier], *, within_s: float) -> None:
    """Deliver what is due, to all sinks at once, for at most `within_s` seconds.

    A sink that fails gets no second try now, and one that failed before and still rests gets none
    either, nor is it waited for: what it is owed stays owed.
    """
    deadline = time.monotonic() + within_s
    if not couriers:
        return
    with ThreadPoolExecutor(len(couriers)) as pool:
        list(pool.map(lambda one: _deliver(one, deadline), couriers))


def _deliver(courier: Courier, deadline: float) -> None:
    if courier.failing and courier.rest_s:
        return
    while time.monotonic() + courier.rest_s < deadline:
        time.sleep(courier.rest_s)
        if not courier.turn() or courier.failing:
            return


class Deliverer(Protocol):
    """Whoever can deliver: a workspace."""

    @property
    def stages(self) -> Stages:
        """The stages over the workspace's state."""

    def post(self) -> AbstractContextManager[Post]:
        """What delivers alerts while it is open."""


def flush(place: Deliverer, timeout_s: float = FLUSH_S) -> bool:
    """Deliver what is due, for a while; whether nothing is left at sinks that work."""
    stages = place.stages
    if not any(map(stages.outbox.due, stages.config.alerts.sinks)):
        return True
    with place.post() as post:
        return post.settle(timeout_s)


class Post:
    """The couriers of a workspace, each in a thread of its own while this is open.

    `close` lets go of a thread's connection to the state.
    """

    def __init__(
        self,
        outbox: Outbox,
        sinks: Mapping[str, Sink],
        *,
        jitter: Callable[[], float],
        close: Callable[[], None] = lambda: None,
        patience: RetryPolicy = PATIENCE,
    ) -> None:
        self._outbox = outbox
        self._couriers = {
            name: Courier(outbox, name, sink, jitter=jitter, patience=patience)
            for name, sink in sinks.items()
        }
        self._close = close
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start to deliver."""
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name=f"edp-{name}", daemon=True)
            for name, one in self._couriers.items()
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; a message that is under way gets a moment, and is sent again later if it is not."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_IDLE_S)

    def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is due at a sink that works, `timeout_s` at most; whether so."""
        deadline = time.monotonic() + timeout_s
        while any(
            not one.failing and self._outbox.due(name) for name, one in self._couriers.items()
        ):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _run(self, courier: Courier) -> None:
        try:
            while not self._stop.is_set():
                tried = False
                with suppress(EdpError):  # the state cannot be used now; the next turn tries it
                    tried = courier.turn()
                self._stop.wait(courier.rest_s if tried else _IDLE_S)
        finally:
            self._close()
