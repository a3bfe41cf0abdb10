"""What the outbox and the receivers of alerts do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.core.alerts import Alert

SINKS = ("pagerduty", "slack")


@dataclass(frozen=True)
class Notice:
    """What one delivery tells: an alert, and how many of its incident it stands for.

    `alerts` counts the incident's alerts so far, `new` those that were not told before; `subjects`
    what is still wrong. The incident began at `since` (seconds). `amounts` are summed up over what
    this stands for.
    """

    alert: Alert
    alerts: int = 1
    new: int = 1
    subjects: int = 0
    since: float = 0.0
    amounts: Mapping[str, int] = field(default_factory=dict)

    @property
    def follows(self) -> bool:
        """Whether the incident was told of before."""
        return self.alerts > self.new


@dataclass(frozen=True)
class Answer:
    """What a receiver said: it has it, it will never take it, or not now.

    `after_s` is how long it asked to be left alone, in seconds.
    """

    outcome: Literal["delivered", "refused", "later"]
    said: str
    after_s: float | None = None


class Sink(Protocol):
    """A receiver of alerts."""

    @property
    def at_once(self) -> int:
        """How many notices fit into one message."""

    @property
    def gap_s(self) -> float:
        """Seconds that have to pass between two messages."""

    def send(self, notices: Sequence[Notice]) -> Answer:
        """Tell `notices`, in one message."""


@dataclass(frozen=True)
class Delivery:
    """A notice on its way to a sink; `attempts` counts those that have failed."""

    id: int
    sink: str
    notice: Notice
    attempts: int
    created_at: float


@dataclass(frozen=True)
class Told:
    """An alert, and what became of it: a state for each sink, and what the sink said."""

    id: int
    alert: Alert
    deliveries: Mapping[str, str]
    answers: Mapping[str, str]
    attempts: int


class Outbox(Protocol):
    """Alerts from the moment they are true until everybody has them."""

    def add(self, alert: Alert, *, to: Collection[str], not_before: float = 0.0) -> None:
        """Keep an alert, and owe it to the sinks in `to`; within a transaction, only if it commits.

        A trigger that lasts opens its incident, or joins the open one. A resolve of what is not
        open is nothing. It goes to whom the trigger went to. What is over at `not_before` (seconds)
        is never told.
        """

    def over(self, subject: str, *, at: float, event_id: str) -> None:
        """`subject` is wrong no more; an incident that has no other subject is resolved."""

    def take(self, sink: str, *, limit: int, lease_s: float) -> Sequence[Delivery]:
        """Deliveries that are due, the oldest first, hidden from others for `lease_s` seconds."""

    def delivered(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        """The sink has them."""

    def refused(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        """The sink will never take them: they are dead."""

    def later(self, deliveries: Sequence[Delivery], *, said: str, delay_s: float) -> None:
        """Try them again in `delay_s` seconds."""

    def due(self, sink: str) -> int:
        """How many deliveries to the sink are due, or under way."""

    def hasten(self, sink: str) -> None:
        """What failed at the sink is due now."""

    def owed(self, sink: str) -> int:
        """How many deliveries to the sink were tried or are due, and did not arrive yet."""

    def undelivered(self) -> int:
        """How many deliveries are dead."""

    def list(self, *, after: int = 0, limit: int = 100) -> Sequence[Told]:
        """The newest alerts after id `after`, the newest last."""

    def forget(self, *, older_than_s: float) -> None:
        """Drop alerts that are older, and told."""
