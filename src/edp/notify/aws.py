"""The outbox on AWS, in the pipeline's DynamoDB table: a row for each cause, and for each lane.

counter   alert          the number of the newest alert
alert     N              an alert, whom it is for, and what became of each delivery that ended
incident  DEDUP KEY      a cause: the incident that is open, and when the last one ended
owed#SINK DEDUP KEY      what the sink is owed of the cause
subject#S DEDUP KEY      what of the cause is wrong, and in which incident
dead      N/SINK         what a sink never took
heard#E   N              the Nth alert of an event is kept

Each change is one transaction over a few rows. EventBridge and SNS deliver twice, and in any order:
an event that is heard again keeps nothing again, and what is older than an end opens nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.alerts import Alert
from edp.notify.incidents import STORM, STORM_S, in_the_storm
from edp.notify.lanes import Incident, Lane, Owed
from edp.notify.port import Delivery, Notice, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from edp.backends.dynamo import Table

_ALERT: Final = "alert"
_COUNTER: Final = ("counter", "alert")
_INCIDENT: Final = "incident"
_OWED: Final = "owed#"
_SUBJECT: Final = "subject#"
_DEAD: Final = "dead"
_HEARD: Final = "heard#"
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True)
class _Change:
    rows: Sequence[Row] = ()
    gone: Sequence[Row] = ()


@dataclass(frozen=True)
class _Cause:
    """A cause: the incident that is open, and when (seconds) what ended the last one happened."""

    row: Row
    incident: Incident | None
    over_at: float

    @property
    def key(self) -> str:
        return self.row.sk

    def with_(self, incident: Incident | None, *, over_at: float | None = None) -> Row:
        over_at = self.over_at if over_at is None else max(over_at, self.over_at)
        doc = {"open": incident and asdict(incident), "over_at": over_at}
        return replace(self.row, doc=doc)


@dataclass
class DynamoOutbox:
    """Alerts, the incidents that they belong to, and the deliveries that are owed."""

    _table: Table
    _event: str = ""
    _heard: int = field(default=0, init=False)

    def hearing(self, event: str) -> DynamoOutbox:
        """The same outbox, for one telling of what `event` names: what it was told is known."""
        return DynamoOutbox(self._table, event)

    def add(self, alert: Alert, *, to: Collection[str], not_before: float = 0.0) -> None:
        match alert.action:
            case "trigger" if alert.lasting:
                self._once(lambda: self._triggered(alert, to, not_before))
            case "resolve":
                self._once(lambda: self._resolved(alert))
                self.over(alert.dedup_key, at=alert.at, event_id=alert.event_id)
            case _:
                self._once(lambda: self._plain(alert, to, not_before))

    def over(self, subject: str, *, at: float, event_id: str) -> None:
        for found in list(self._table.query(f"{_SUBJECT}{subject}")):
            self._change(lambda key=found.key: self._dropped(key, at, event_id))  # type: ignore[misc]

    def _once(self, build: Callable[[], _Change]) -> None:
        """Make a change that keeps an alert, unless this telling of the event is not the first."""
        if not self._event:
            self._change(build)
            return
        mark = Row(f"{_HEARD}{self._event}", f"{self._heard:03}", {})
        mark = replace(mark, index={"time": (_HEARD, clock.now())})
        self._heard += 1

        def unheard() -> _Change:
            if self._table.get(*mark.key):
                return _Change()
            change = build()
            return replace(change, rows=[*change.rows, mark]) if change.rows else change

        self._change(unheard)

    def _change(self, build: Callable[[], _Change]) -> None:
        for _ in tries():
            change = build()
            if not (change.rows or change.gone):
                return
            if self._table.put_all(change.rows, gone=change.gone):
                return

    def _triggered(self, alert: Alert, to: Collection[str], not_before: float) -> _Change:
        now, id_ = clock.now(), self._next()
        cause = self._cause(alert.dedup_key)
        if cause.incident is None and (alert.at < cause.over_at or self._covered(alert)):
            return _Change([_kept(id_, alert, None, ())])
        if cause.incident is None and self._storming(now):
            alert = in_the_storm(alert)
            cause = self._cause(alert.dedup_key)
        incident = cause.incident or Incident(id_, now, alert.dataset, alert.at, id_)
        subject, new = self._subject(alert, incident)
        lanes = self._lanes(alert.dedup_key, to)
        return _Change(
            [
                cause.with_(incident.joined(alert, id_, to, subjects=new)),
                _kept(id_, alert, incident.id, to),
                *subject,
                *(
                    _lane_row(
                        row,
                        Lane.of(row.doc).owe(
                            alert, id_, incident.id, now=now, not_before=not_before
                        ),
                    )
                    for row in lanes
                ),
            ]
        )

    def _subject(self, alert: Alert, incident: Incident) -> tuple[Sequence[Row], int]:
        """The row of what the alert is about, where it is one to write, and whether it is new."""
        if not alert.subject:
            return [], 0
        key = f"{_SUBJECT}{alert.subject}", alert.dedup_key
        row = self._table.get(*key) or Row(*key, {"incident": 0, "at": alert.at})
        new = row.doc["incident"] != incident.id
        at = alert.at if new else max(alert.at, row.doc["at"])
        return [changed(row, incident=incident.id, at=at)], int(new)

    def _covered(self, alert: Alert) -> bool:
        return any(
            cause.incident is not None and alert.dataset in (None, cause.incident.dataset)
            for prefix in alert.covered_by
            for cause in self._causes(first=prefix, last=prefix + _LAST)
        )

    def _storming(self, now: float) -> bool:
        opened = (cause.incident for cause in self._causes())
        return sum(one is not None and one.since > now - STORM_S for one in opened) >= STORM

    def _resolved(self, alert: Alert) -> _Change:
        cause = self._cause(alert.dedup_key)
        if cause.incident is None:  # what is still to come, and is older, opens nothing
            row = cause.with_(None, over_at=alert.at)
            return _Change([row] if alert.at > cause.over_at else [])
        if alert.at < cause.incident.at:
            return _Change()
        return self._closed(alert, cause, cause.incident)

    def _dropped(self, key: tuple[str, str], at: float, event_id: str) -> _Change:
        row = self._table.get(*key)
        if row is None or at < row.doc["at"]:
            return _Change()
        cause = self._cause(row.sk)
        incident = cause.incident
        if incident is None or incident.id != row.doc["incident"]:
            return _Change(gone=[row])
        if incident.subjects > 1:
            left = replace(incident, subjects=incident.subjects - 1)
            return _Change([cause.with_(left)], [row])
        newest = Alert.from_json(self._alert_row(incident.newest).doc["body"])
        alert = replace(newest, action="resolve", at=at, event_id=event_id)
        change = self._closed(alert, cause, incident)
        return replace(change, gone=[*change.gone, row])

    def _closed(self, alert: Alert, cause: _Cause, incident: Incident) -> _Change:
        now, id_ = clock.now(), self._next()
        told: list[str] = []
        rows: list[Row] = []
        for row in self._lanes(cause.key, incident.sinks):
            before = Lane.of(row.doc)
            closed = before.close(incident, now=now)
            lane = closed.owe_end(before, alert, id_, incident, now=now)
            if lane is not closed:
                told.append(_sink(row))
            rows.append(_lane_row(row, lane))
        kept, empty = _parted(rows)
        over = cause.with_(None, over_at=alert.at)
        return _Change([over, _kept(id_, alert, incident.id, told), *kept], empty)

    def _plain(self, alert: Alert, to: Collection[str], not_before: float) -> _Change:
        now, id_ = clock.now(), self._next()
        lanes = [
            _lane_row(row, Lane.of(row.doc).owe(alert, id_, None, now=now, not_before=not_before))
            for row in self._lanes(alert.dedup_key, to)
        ]
        return _Change([_kept(id_, alert, None, to), *lanes])

    def take(self, sink: str, *, limit: int, lease_s: float) -> Sequence[Delivery]:
        now = clock.now()
        due = [(one.id, row) for row in self._owed_rows(sink) if (one := Lane.of(row.doc).due(now))]
        due.sort(key=lambda found: found[0])
        taken: list[tuple[Row, Owed]] = []
        for _, row in due:
            if len(taken) < limit and (leased := self._leased(row, now, lease_s)):
                taken.append((row, leased))
        return self._deliveries(sink, taken)

    def _leased(self, row: Row, now: float, lease_s: float) -> Owed | None:
        """The lane's next delivery, taken; None where somebody else has it by now."""
        there: Row | None = row
        for _ in tries():
            lane = Lane.of(there.doc) if there else Lane()
            one = lane.due(now)
            if one is None or there is None:
                return None
            if self._table.put(_lane_row(there, lane.lease(one.id, until=now + lease_s))):
                return one
            there = self._table.get(*row.key)
        raise AssertionError("tries() raises")

    def _deliveries(self, sink: str, taken: Sequence[tuple[Row, Owed]]) -> Sequence[Delivery]:
        found = self._table.get_all(
            [_alert_key(one.alert) for _, one in taken] + [(_INCIDENT, row.sk) for row, _ in taken]
        )
        told: list[Delivery] = []
        for row, one in taken:
            alert = Alert.from_json(found[_alert_key(one.alert)].doc["body"])
            there = found.get((_INCIDENT, row.sk))
            incident = _cause_of(there).incident if there else None
            alerts, since, subjects = one.stands_for, one.created_at, 0
            if one.told is not None:
                alerts, since = one.told
            elif incident is not None and incident.id == one.incident:
                alerts, since, subjects = incident.alerts, incident.since, incident.subjects
            notice = Notice(alert, alerts, one.stands_for, subjects, since, dict(one.amounts))
            told.append(Delivery(one.id, sink, notice, one.attempts, one.created_at))
        return told

    def delivered(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        for one in deliveries:
            self._change(lambda one=one: self._ended(one, "delivered", said))  # type: ignore[misc]

    def refused(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        for one in deliveries:
            self._change(lambda one=one: self._ended(one, "dead", said))  # type: ignore[misc]

    def _ended(self, delivery: Delivery, state: str, said: str) -> _Change:
        found = self._waiting(delivery)
        if found is None:
            return _Change()
        row, lane, one = found
        now = clock.now()
        kept, empty = _parted(
            [_lane_row(row, lane.end(one.id, delivered=state == "delivered", now=now))]
        )
        alert = self._alert_row(one.alert)
        end = {"state": state, "answer": said, "attempts": one.attempts}
        rows = [changed(alert, ended={**alert.doc["ended"], delivery.sink: end}), *kept]
        if state == "dead":
            rows.append(Row(_DEAD, f"{one.id:020}/{delivery.sink}", {"at": now}))
        return _Change(rows, empty)

    def later(self, deliveries: Sequence[Delivery], *, said: str, delay_s: float) -> None:
        for one in deliveries:
            self._change(lambda one=one: self._put_off(one, said, delay_s))  # type: ignore[misc]

    def _put_off(self, delivery: Delivery, said: str, delay_s: float) -> _Change:
        found = self._waiting(delivery)
        if found is None:
            return _Change()
        row, lane, one = found
        return _Change([_lane_row(row, lane.later(one.id, at=clock.now() + delay_s, said=said))])

    def _waiting(self, delivery: Delivery) -> tuple[Row, Lane, Owed] | None:
        row = self._table.get(f"{_OWED}{delivery.sink}", delivery.notice.alert.dedup_key)
        lane = Lane.of(row.doc) if row else Lane()
        one = lane.find(delivery.id)
        return None if row is None or one is None else (row, lane, one)

    def due(self, sink: str) -> int:
        now = clock.now()
        return sum(one.not_before <= now or one.lease_until > now for one in self._all_owed(sink))

    def hasten(self, sink: str) -> None:
        for found in self._owed_rows(sink):
            if any(one.attempts for one in Lane.of(found.doc).waiting):
                self._change(lambda key=found.key: self._hastened(key))  # type: ignore[misc]

    def _hastened(self, key: tuple[str, str]) -> _Change:
        row = self._table.get(*key)
        if row is None:
            return _Change()
        return _Change([_lane_row(row, Lane.of(row.doc).hasten(now=clock.now()))])

    def owed(self, sink: str) -> int:
        now = clock.now()
        return sum(one.not_before <= now or one.attempts > 0 for one in self._all_owed(sink))

    def undelivered(self) -> int:
        return sum(1 for _ in self._table.query(_DEAD))

    def list(self, *, after: int = 0, limit: int = 100) -> Sequence[Told]:
        first = f"{after + 1:020}"
        newest = self._table.query(_ALERT, first=first, newest_first=True)
        rows = list(islice(newest, limit))[::-1]
        lanes = self._table.get_all([key for row in rows for key in _lane_keys(row)])
        return [_told(row, lanes) for row in rows]

    def forget(self, *, older_than_s: float) -> None:
        before = clock.now() - older_than_s
        for row in self._table.query(_ALERT):
            if row.doc["at"] < before and not self._needed(row):
                self._table.remove(*row.key)
        for row in self._table.query(_DEAD):
            if row.doc["at"] < before:
                self._table.remove(*row.key)
        for cause in self._causes():
            if cause.incident is None and cause.over_at < before:
                self._table.put_all([], gone=[cause.row])
        for found in self._table.find("time", _HEARD):
            if found.index["time"][1] >= before:
                break
            self._table.remove(*found.key)

    def _needed(self, row: Row) -> bool:
        """Whether an alert's incident is open, or a delivery of it waits."""
        incident = self._cause(row.doc["body"]["dedup_key"]).incident
        if incident is not None and incident.id == row.doc["incident"]:
            return True
        lanes = self._table.get_all(_lane_keys(row))
        id_ = int(row.sk)
        return any(one.alert == id_ for lane in lanes.values() for one in Lane.of(lane.doc).waiting)

    def _next(self) -> int:
        return self._table.add(*_COUNTER, 1)

    def _alert_row(self, id_: int) -> Row:
        row = self._table.get(*_alert_key(id_))
        assert row is not None, "an alert that is owed is not forgotten"
        return row

    def _cause(self, key: str) -> _Cause:
        return _cause_of(self._table.get(_INCIDENT, key) or Row(_INCIDENT, key))

    def _causes(self, *, first: str = " ", last: str = _LAST) -> Iterator[_Cause]:
        return map(_cause_of, self._table.query(_INCIDENT, first=first, last=last))

    def _lanes(self, key: str, sinks: Collection[str]) -> Sequence[Row]:
        wanted = [(f"{_OWED}{sink}", key) for sink in sinks]
        found = self._table.get_all(wanted)
        return [found.get(one) or Row(*one, Lane().to_json()) for one in wanted]

    def _owed_rows(self, sink: str) -> Iterator[Row]:
        return self._table.query(f"{_OWED}{sink}")

    def _all_owed(self, sink: str) -> Iterator[Owed]:
        return (one for row in self._owed_rows(sink) for one in Lane.of(row.doc).waiting)


def _cause_of(row: Row) -> _Cause:
    there: dict[str, Any] | None = row.doc.get("open")
    incident = Incident(**{**there, "sinks": tuple(there["sinks"])}) if there else None
    return _Cause(row, incident, row.doc.get("over_at", 0.0))


def _alert_key(id_: int) -> tuple[str, str]:
    return _ALERT, f"{id_:020}"


def _kept(id_: int, alert: Alert, incident: int | None, to: Collection[str]) -> Row:
    doc = {
        "at": alert.at,
        "incident": incident,
        "routed": sorted(to),
        "body": alert.to_json(),
        "ended": {},
    }
    return Row(*_alert_key(id_), doc)


def _lane_row(row: Row, lane: Lane) -> Row:
    return replace(row, doc=lane.to_json())


def _sink(row: Row) -> str:
    return row.pk.removeprefix(_OWED)


def _parted(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Lanes to keep, and lanes to remove."""
    empty = [row for row in rows if Lane.of(row.doc).empty]
    return [row for row in rows if row not in empty], [row for row in empty if row.rev]


def _lane_keys(row: Row) -> list[tuple[str, str]]:
    """The lanes where an alert may wait."""
    key = row.doc["body"]["dedup_key"]
    return [(f"{_OWED}{sink}", key) for sink in row.doc["routed"] if sink not in row.doc["ended"]]


def _told(row: Row, lanes: dict[tuple[str, str], Row]) -> Told:
    id_ = int(row.sk)
    states = dict.fromkeys(row.doc["routed"], "folded")
    answers: dict[str, str] = {}
    attempts = 0
    found = {sink: (end["state"], end) for sink, end in row.doc["ended"].items()}
    for lane in (lanes[key] for key in _lane_keys(row) if key in lanes):
        for one in Lane.of(lane.doc).waiting:
            if one.alert == id_:
                found[_sink(lane)] = ("waiting", asdict(one))
    for sink, (state, said) in found.items():
        states[sink] = state
        attempts = max(attempts, said["attempts"])
        if said["answer"]:
            answers[sink] = said["answer"]
    return Told(id_, Alert.from_json(row.doc["body"]), states, answers, attempts)
