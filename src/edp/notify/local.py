"""The outbox of a workspace, in SQLite: beside what causes an alert, and in its transaction."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from edp.backends.sqlite import load
from edp.core import clock
from edp.core.alerts import Alert
from edp.notify.incidents import STORM, STORM_S, follow_up_s, in_the_storm, summed
from edp.notify.port import Delivery, Notice, Told

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.backends.sqlite import Database

_SQL = load("edp.notify")


class LocalOutbox:
    """Alerts, the incidents that they belong to, and the deliveries that are owed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, alert: Alert, *, to: Collection[str], not_before: float = 0.0) -> None:
        with self._db.transaction():
            match alert.action:
                case "trigger" if alert.lasting:
                    self._trigger(alert, to, not_before)
                case "resolve":
                    self._resolve(alert)
                case _:
                    id_ = self._keep(alert, None, to)
                    for sink in to:
                        self._owe(sink, alert, id_, None, not_before)

    def over(self, subject: str, *, at: float, event_id: str) -> None:
        found = self._db.rows(_SQL.subjects_incidents, subject=subject)
        for incident in [row["incident_id"] for row in found]:
            with self._db.transaction():
                self._db.execute(_SQL.drop_subject, subject=subject, incident=incident)
                if self._db.value(_SQL.has_subject, incident=incident) is None:
                    newest = json.loads(self._db.value(_SQL.newest_trigger, incident=incident))
                    alert = Alert.from_json(newest)
                    self._close(
                        replace(alert, action="resolve", at=at, event_id=event_id), incident
                    )

    def _trigger(self, alert: Alert, to: Collection[str], not_before: float) -> None:
        found = self._db.row(_SQL.open_incident, dedup_key=alert.dedup_key)
        if found is None and self._covered(alert):
            self._keep(alert, None, ())
            return
        if found is None and self._storming():
            alert = in_the_storm(alert)
            found = self._db.row(_SQL.open_incident, dedup_key=alert.dedup_key)
        if found is None:
            incident = self._db.insert(
                _SQL.open,
                dedup_key=alert.dedup_key,
                dataset=alert.dataset,
                at=clock.now(),
            )
        else:
            incident = found["id"]
        self._db.execute(_SQL.joined, incident=incident)
        if alert.subject:
            self._db.execute(_SQL.add_subject, subject=alert.subject, incident=incident)
        id_ = self._keep(alert, incident, to)
        for sink in to:
            told = self._db.row(_SQL.told, sink=sink, incident=incident)
            assert told is not None
            last = told["last"] or clock.now()
            at = last + follow_up_s(told["n"]) if told["n"] else not_before
            self._owe(sink, alert, id_, incident, at)

    def _covered(self, alert: Alert) -> bool:
        return any(
            self._db.value(_SQL.covering, prefix=prefix, dataset=alert.dataset)
            for prefix in alert.covered_by
        )

    def _storming(self) -> bool:
        return bool(self._db.value(_SQL.opened_since, since=clock.now() - STORM_S) >= STORM)

    def _resolve(self, alert: Alert) -> None:
        found = self._db.row(_SQL.open_incident, dedup_key=alert.dedup_key)
        if found is not None:
            self._close(alert, found["id"])
        else:  # it may have been one of very many
            self.over(alert.dedup_key, at=alert.at, event_id=alert.event_id)

    def _close(self, alert: Alert, incident: int) -> None:
        now = clock.now()
        self._db.execute(_SQL.withdraw, incident=incident, now=now)
        sinks = [row["sink"] for row in self._db.rows(_SQL.owed_resolve, incident=incident)]
        id_ = self._keep(alert, incident, sinks)
        self._db.execute(_SQL.close, incident=incident, at=now)
        self._db.execute(_SQL.fold_follow_ups, incident=incident, now=now)
        for sink in sinks:
            self._owe(sink, alert, id_, incident, 0.0)

    def _keep(self, alert: Alert, incident: int | None, to: Collection[str]) -> int:
        return self._db.insert(
            _SQL.add_alert,
            at=alert.at,
            dedup_key=alert.dedup_key,
            action=alert.action,
            incident=incident,
            routed=json.dumps(sorted(to)),
            body=json.dumps(alert.to_json()),
        )

    def _owe(
        self, sink: str, alert: Alert, id_: int, incident: int | None, not_before: float
    ) -> None:
        """Let a delivery that waits stand for one more alert, or make one."""
        now = clock.now()
        values = {
            "sink": sink,
            "dedup_key": alert.dedup_key,
            "action": alert.action,
            "incident": incident,
            "now": now,
        }
        found = self._db.row(_SQL.joinable, **values)
        if found is None:
            amounts = json.dumps(dict(alert.amounts))
            self._db.execute(
                _SQL.deliver, **values, alert=id_, amounts=amounts, not_before=not_before
            )
        else:
            total = summed(json.loads(found["amounts"]), alert.amounts)
            self._db.execute(_SQL.join, id=found["id"], alert=id_, amounts=json.dumps(total))

    def take(self, sink: str, *, limit: int, lease_s: float) -> Sequence[Delivery]:
        now = clock.now()
        if not self._db.rows(_SQL.due, sink=sink, now=now, limit=1):
            return []  # without a lock, as it is nearly always
        with self._db.transaction():
            found = self._db.rows(_SQL.due, sink=sink, now=now, limit=limit)
            for row in found:
                self._db.execute(_SQL.lease, id=row["id"], until=now + lease_s)
        return [
            Delivery(
                row["id"],
                row["sink"],
                Notice(
                    Alert.from_json(json.loads(row["body"])),
                    alerts=row["alerts"],
                    new=row["stands_for"],
                    subjects=row["subjects"],
                    since=row["since"],
                    amounts=json.loads(row["amounts"]),
                ),
                row["attempts"],
                row["created_at"],
            )
            for row in found
        ]

    def delivered(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        self._end(deliveries, "delivered", said)

    def refused(self, deliveries: Sequence[Delivery], *, said: str) -> None:
        with self._db.transaction():
            self._end(deliveries, "dead", said)
            for one in deliveries:
                self._db.execute(_SQL.fold_resolve, id=one.id, now=clock.now())

    def _end(self, deliveries: Sequence[Delivery], state: str, said: str) -> None:
        with self._db.transaction():
            for one in deliveries:
                self._db.execute(_SQL.ended, id=one.id, state=state, now=clock.now(), said=said)

    def later(self, deliveries: Sequence[Delivery], *, said: str, delay_s: float) -> None:
        with self._db.transaction():
            for one in deliveries:
                not_before = clock.now() + delay_s
                self._db.execute(_SQL.later, id=one.id, not_before=not_before, said=said)

    def due(self, sink: str) -> int:
        return int(self._db.value(_SQL.count_due, sink=sink, now=clock.now()))

    def hasten(self, sink: str) -> None:
        self._db.execute(_SQL.hasten, sink=sink, now=clock.now())

    def owed(self, sink: str) -> int:
        return int(self._db.value(_SQL.owed, sink=sink, now=clock.now()))

    def undelivered(self) -> int:
        return int(self._db.value(_SQL.undelivered))

    def list(self, *, after: int = 0, limit: int = 100) -> Sequence[Told]:
        with self._db.reading():
            found = self._db.rows(_SQL.list, after=after, limit=limit)
            first = found[0]["id"] if found else 0
            owed = self._db.rows(_SQL.deliveries, first=first) if found else []
        by_alert: dict[int, list[dict[str, object]]] = {}
        for row in owed:
            by_alert.setdefault(row["alert_id"], []).append(row)
        return [_told(row, by_alert.get(row["id"], [])) for row in found]

    def forget(self, *, older_than_s: float) -> None:
        before = clock.now() - older_than_s
        with self._db.transaction():
            for statement in (_SQL.forget_deliveries, _SQL.forget_alerts, _SQL.forget_incidents):
                self._db.execute(statement, before=before)


def _told(row: Mapping[str, str], deliveries: Sequence[Mapping[str, object]]) -> Told:
    states = dict.fromkeys(json.loads(row["routed"]), "folded")
    states |= {str(one["sink"]): str(one["state"]) for one in deliveries}
    return Told(
        int(row["id"]),
        Alert.from_json(json.loads(row["body"])),
        states,
        {str(one["sink"]): str(one["answer"]) for one in deliveries if one["answer"]},
        max((int(str(one["attempts"])) for one in deliveries), default=0),
    )
