"""Lanes: what one sink is owed of one cause, in the order in which it is told.

Values only, with what may become of them; an outbox keeps each in one row.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from edp.notify.incidents import follow_up_s, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edp.core.alerts import Action, Alert


@dataclass(frozen=True)
class Incident:
    """An open incident: `alerts` so far, of which `newest` is the newest, on so many `subjects`.

    It is about things until `at` (seconds); `sinks` are those that were ever to be told.
    """

    id: int
    since: float
    dataset: str | None
    at: float
    newest: int
    alerts: int = 0
    subjects: int = 0
    sinks: tuple[str, ...] = ()

    def joined(self, alert: Alert, id_: int, to: Iterable[str], *, subjects: int) -> Incident:
        """The incident with one more alert, and so many new subjects."""
        return replace(
            self,
            at=max(self.at, alert.at),
            newest=id_,
            alerts=self.alerts + 1,
            subjects=self.subjects + subjects,
            sinks=tuple(sorted({*self.sinks, *to})),
        )


@dataclass(frozen=True)
class Owed:
    """A delivery that waits: it tells the newest, `alert`, of so many that it stands for.

    `known` says of the end of an incident that the sink was told of its beginning, `told` what the
    incident was when it ended: alerts, and since when.
    """

    id: int
    action: Action
    incident: int | None
    alert: int
    created_at: float
    amounts: Mapping[str, int]
    not_before: float = 0.0
    lease_until: float = 0.0
    stands_for: int = 1
    attempts: int = 0
    answer: str = ""
    known: bool = False
    told: tuple[int, float] | None = None

    def opens(self, incident: int | None) -> bool:
        """Whether it tells that the incident is there."""
        return self.action == "trigger" and self.incident == incident


@dataclass(frozen=True)
class Lane:
    """What waits, the next one first; and of the open `incident` what the sink was told.

    `made` messages in all, of which so many are `delivered`, the `last` one at that time.
    """

    waiting: tuple[Owed, ...] = ()
    incident: int | None = None
    made: int = 0
    delivered: int = 0
    last: float | None = None

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Lane:
        """The lane that `to_json` made `doc` of."""
        waiting = tuple(
            Owed(**{**one, "told": one["told"] and tuple(one["told"])}) for one in doc["waiting"]
        )
        return cls(**{**doc, "waiting": waiting})

    def to_json(self) -> dict[str, Any]:
        """The lane as JSON has it."""
        return asdict(self)

    @property
    def empty(self) -> bool:
        """Whether nothing waits, and nothing has to be remembered."""
        return not self.waiting and self.incident is None

    def find(self, id_: int) -> Owed | None:
        """The delivery, if it still waits."""
        return next((one for one in self.waiting if one.id == id_), None)

    def due(self, now: float) -> Owed | None:
        """What can be told now: only the first, so that all is told in order."""
        first = self.waiting[0] if self.waiting else None
        return first if first and max(first.not_before, first.lease_until) <= now else None

    def owe(
        self, alert: Alert, id_: int, incident: int | None, *, now: float, not_before: float
    ) -> Lane:
        """Let a delivery that nobody is sending stand for one more alert, or make one."""
        lane = self
        if alert.action == "trigger" and incident is not None:
            if self.incident != incident:
                lane = Lane(self.waiting, incident)
            if lane.made:
                not_before = (lane.last or now) + follow_up_s(lane.made)
        for one in reversed(lane.waiting):
            if (one.action, one.incident) == (alert.action, incident) and one.lease_until <= now:
                amounts = summed(one.amounts, alert.amounts)
                stands_for = one.stands_for + 1
                joined = replace(one, alert=id_, stands_for=stands_for, amounts=amounts)
                return lane._with(joined)
        new = Owed(id_, alert.action, incident, id_, now, dict(alert.amounts), not_before)
        made = lane.made + (alert.action == "trigger" and incident is not None)
        return replace(lane, waiting=(*lane.waiting, new), made=made)

    def close(self, incident: Incident, *, now: float) -> Lane:
        """Without the messages that the end makes needless; nothing of it has to be remembered."""
        told = bool(self.incident == incident.id and self.delivered)
        kept: list[Owed] = []
        for one in self.waiting:
            if not one.opens(incident.id):
                kept.append(one)
                continue
            free = one.lease_until <= now
            never_due = one.attempts == 0 and one.not_before > now
            if free and (told or never_due):
                continue
            told = True
            kept.append(replace(one, told=(incident.alerts, incident.since)))
        return Lane(tuple(kept))

    def owe_end(
        self, before: Lane, alert: Alert, id_: int, incident: Incident, *, now: float
    ) -> Lane:
        """With the end of an incident, for a sink that knows of it, or will; else as it is."""
        known = bool(before.incident == incident.id and before.delivered)
        if not known and not any(one.opens(incident.id) for one in self.waiting):
            return self
        told = (incident.alerts, incident.since)
        end = Owed(
            id_, "resolve", incident.id, id_, now, dict(alert.amounts), known=known, told=told
        )
        return replace(self, waiting=(*self.waiting, end))

    def end(self, id_: int, *, delivered: bool, now: float) -> Lane:
        """Without a delivery: the sink has it, or never will.

        Who was never told that something is wrong is not told that it is over.
        """
        ended = self.find(id_)
        assert ended is not None
        left = [one for one in self.waiting if one.id != id_]
        lane = self
        if ended.action == "trigger" and ended.incident is not None:
            if ended.incident == self.incident:
                lane = replace(self, delivered=self.delivered + delivered, last=now)
            ends = (
                one for one in left if (one.action, one.incident) == ("resolve", ended.incident)
            )
            for one in list(ends):
                if delivered:
                    left[left.index(one)] = replace(one, known=True)
                elif not one.known and not any(other.opens(ended.incident) for other in left):
                    left.remove(one)
        return replace(lane, waiting=tuple(left))

    def lease(self, id_: int, *, until: float) -> Lane:
        """With a delivery under way."""
        return self._with(replace(self._get(id_), lease_until=until))

    def later(self, id_: int, *, at: float, said: str) -> Lane:
        """With a delivery that failed, and is to be tried again."""
        one = self._get(id_)
        return self._with(
            replace(one, not_before=at, lease_until=0.0, attempts=one.attempts + 1, answer=said)
        )

    def hasten(self, *, now: float) -> Lane:
        """With all that failed due now."""
        return replace(
            self,
            waiting=tuple(
                replace(one, not_before=min(one.not_before, now)) if one.attempts else one
                for one in self.waiting
            ),
        )

    def _get(self, id_: int) -> Owed:
        found = self.find(id_)
        assert found is not None
        return found

    def _with(self, changed: Owed) -> Lane:
        return replace(
            self,
            waiting=tuple(changed if one.id == changed.id else one for one in self.waiting),
        )
