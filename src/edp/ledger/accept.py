"""Acceptance in SQLite: each object version once, in the order that its events tell."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.core import clock
from edp.core.errors import Failure
from edp.core.events import sequencer_newer
from edp.ledger.order import is_newer, same_content
from edp.ledger.port import Acceptance, Arrival, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.core.receipts import State
    from edp.ledger.port import Current

_SQL = load("edp.ledger", "accept.sql")


@dataclass(frozen=True)
class _Version:
    """A version as the ledger has it."""

    id: int
    version: str
    state: State
    size: int | None
    etag: str | None
    sha256: str | None
    sequencer: str | None
    event_time: float | None
    failure: Failure | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> _Version:
        failure = row["error_code"] and Failure(row["error_code"], row["error_message"] or "")
        names = ("id", "version", "state", "size", "etag", "sha256", "sequencer", "event_time")
        return cls(failure=failure or None, **{name: row[name] for name in names})


class LocalLedger:
    """Custody of the versions of one workspace."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def accept(
        self,
        arrival: Arrival,
        *,
        dataset: str | None,
        failure: Failure | None = None,
        current: Callable[[], Current | None],
    ) -> Acceptance:
        """Take custody of the version, unless it is known or says nothing new."""
        with self._db.transaction():
            arrival = self._with_announcement(arrival)
            object_id, head = self._object(arrival.bucket, arrival.key)
            known = self._known(object_id, arrival)
            if known:
                return _heard(arrival, known, "duplicate")
            newer = head is None or is_newer(arrival, head, current)
            if head and not arrival.version_id and self._says_nothing(arrival, head, newer=newer):
                self._hear(object_id, arrival, head.id)
                return _heard(arrival, head, "unchanged")
            return self._open(
                arrival, object_id, head, newer=newer, dataset=dataset, failure=failure
            )

    def _with_announcement(self, arrival: Arrival) -> Arrival:
        """The arrival with what a replay said of its bytes, or of the event they belong to."""
        place = {"bucket": arrival.bucket, "key": arrival.key}
        if arrival.listed:
            said = self._db.rows(_SQL.announced_content, **place, sha256=arrival.sha256)
            if not said:
                return arrival
            newest = said[0]
            for one in said[1:]:
                if sequencer_newer(one["sequencer"], newest["sequencer"]):
                    newest = one
            return replace(
                arrival,
                listed=False,
                version_id=newest["version_id"] or None,
                sequencer=newest["sequencer"] or None,
                etag=newest["etag"],
                event_time=newest["event_time"],
            )
        if arrival.sha256:
            return arrival
        row = self._db.row(
            _SQL.announced_event,
            **place,
            version_id=arrival.version_id or "",
            sequencer=arrival.sequencer or "",
            etag=arrival.etag,
            size=arrival.size,
        )
        return replace(arrival, sha256=row["sha256"]) if row else arrival

    def _object(self, bucket: str, key: str) -> tuple[int, _Version | None]:
        row = self._db.row(_SQL.object, bucket=bucket, key=key)
        if row is None:
            return self._db.insert(_SQL.add_object, bucket=bucket, key=key), None
        head = row["head"] and self._db.row(_SQL.version, id=row["head"])
        return row["id"], _Version.of(head) if head else None

    def _known(self, object_id: int, arrival: Arrival) -> _Version | None:
        row = None
        if arrival.version_id:
            row = self._db.row(_SQL.by_version, object_id=object_id, version=arrival.version_id)
        elif arrival.sequencer:
            row = self._db.row(_SQL.by_sequencer, object_id=object_id, sequencer=arrival.sequencer)
        elif arrival.event_time is not None and not arrival.listed:
            row = self._db.row(
                _SQL.by_time,
                object_id=object_id,
                event_time=arrival.event_time,
                etag=arrival.etag,
                size=arrival.size,
            )
        return _Version.of(row) if row else None

    def _says_nothing(self, arrival: Arrival, head: _Version, *, newer: bool) -> bool:
        if arrival.listed and not head.sha256 and arrival.size == head.size:
            # the head's bytes, not yet read: what they hash to is all that is new
            self._db.execute(_SQL.bind_content, id=head.id, sha256=arrival.sha256)
            return True
        if not same_content(arrival, head):
            return False
        if arrival.listed or not newer:
            return True
        if head.state in ("dead", "discarded"):
            return False
        self._db.execute(
            _SQL.move_sequencer,
            id=head.id,
            sequencer=arrival.sequencer,
            event_time=arrival.event_time,
        )
        return True

    def _open(
        self,
        arrival: Arrival,
        object_id: int,
        head: _Version | None,
        *,
        newer: bool,
        dataset: str | None,
        failure: Failure | None,
    ) -> Acceptance:
        now = clock.now()
        adopted = bool(
            head
            and newer
            and arrival.version_id
            and head.state == "committed"
            and same_content(arrival, head),
        )
        state: State = "queued" if newer else "superseded"
        if failure and newer and not adopted:
            state = "dead"
        new = self._db.insert(
            _SQL.add_version,
            object_id=object_id,
            version=arrival.version_id or self._number(object_id),
            dataset=dataset,
            sequencer=arrival.sequencer,
            event_time=arrival.event_time,
            etag=arrival.etag,
            size=arrival.size,
            sha256=arrival.sha256,
            arrived_at=arrival.arrived_at,
            now=now,
            state=state,
            error_code=failure.code if failure and state == "dead" else None,
            error_message=failure.message if failure and state == "dead" else None,
        )
        self._hear(object_id, arrival, new)
        self._forget_announcement(arrival)
        buried = None
        if newer:
            self._db.execute(_SQL.set_head, object_id=object_id, head=new)
            if head and (head.state in ("queued", "dead") or adopted):
                buried = head.version if head.state == "dead" else None
                self._set_state(head, "superseded", "a newer version arrived")
        if adopted and head:
            self._db.execute(_SQL.take_over, id=new, was=head.id, now=now)
        version = _Version.of(self._db.rows(_SQL.version, id=new)[0])
        outcome = "adopted" if adopted else "new" if version.state == "queued" else version.state
        return _heard(arrival, version, outcome, buried=buried)

    def _hear(self, object_id: int, arrival: Arrival, version: int) -> None:
        if arrival.sequencer:
            self._db.execute(
                _SQL.hear, object_id=object_id, sequencer=arrival.sequencer, version_id=version
            )

    def _number(self, object_id: int) -> str:
        while True:
            number = str(self._db.value(_SQL.next_number, object_id=object_id))
            if not self._db.row(_SQL.by_version, object_id=object_id, version=number):
                return number

    def _forget_announcement(self, arrival: Arrival) -> None:
        self._db.execute(
            _SQL.forget_announced,
            bucket=arrival.bucket,
            key=arrival.key,
            version_id=arrival.version_id or "",
            sequencer=arrival.sequencer or "",
            sha256=arrival.sha256 or "",
        )

    def _set_state(self, version: _Version, state: State, note: str | None) -> None:
        code, message = (None, note) if state != "dead" else ("dead", note)
        self._db.execute(
            _SQL.set_state,
            id=version.id,
            state=state,
            now=clock.now(),
            code=code,
            message=message,
        )

    def announce(self, arrival: Arrival) -> bool:
        """Note whose bytes are about to be put under the key; whether they are the newest."""
        place = {"bucket": arrival.bucket, "key": arrival.key}
        with self._db.transaction():
            heard = [row["sequencer"] for row in self._db.rows(_SQL.sequencers, **place)]
            object_id, head = self._object(arrival.bucket, arrival.key)
            if self._known(object_id, arrival) is None:
                self._db.execute(
                    _SQL.announce,
                    **place,
                    sha256=arrival.sha256,
                    version_id=arrival.version_id or "",
                    sequencer=arrival.sequencer or "",
                    etag=arrival.etag,
                    size=arrival.size,
                    event_time=arrival.event_time,
                )
            if arrival.sequencer and heard:
                return not any(sequencer_newer(one, arrival.sequencer) for one in heard)
            return head is None or is_newer(arrival, head, lambda: None)

    def revive(self, bucket: str, key: str, version: str, *, dataset: str | None) -> State | None:
        """Queue a dead version again, or supersede it if it is not the head; None if not dead."""
        with self._db.transaction():
            row = self._db.row(_SQL.find, bucket=bucket, key=key, version=version)
            if row is None or row["state"] != "dead":
                return None
            if row["head"] != row["id"]:
                self._set_state(_Version.of(row), "superseded", "redriven after a newer version")
                return "superseded"
            self._db.execute(_SQL.requeue, id=row["id"], dataset=dataset, now=clock.now())
            return "queued"

    def requeue(self, bucket: str, key: str, *, dataset: str | None) -> str | None:
        """Queue a key's head again, committed or dead; which version, None where it is neither."""
        with self._db.transaction():
            row = self._db.row(_SQL.find_head, bucket=bucket, key=key)
            if row is None or row["state"] not in ("committed", "dead"):
                return None
            self._db.execute(_SQL.requeue, id=row["id"], dataset=dataset, now=clock.now())
            version: str = row["version"]
            return version

    def discard(self, bucket: str, key: str, version: str, *, was: State, note: str) -> bool:
        """A person's word: nothing is to come of this version; False if it is not `was` (now)."""
        with self._db.transaction():
            row = self._db.row(_SQL.find, bucket=bucket, key=key, version=version)
            if row is None or row["state"] != was:
                return False
            self._set_state(_Version.of(row), "discarded", note)
            return True

    def next_sequencer(self) -> str:
        """A sequencer greater than every one given before: 16 hex digits."""
        with self._db.transaction():
            return f"{self._db.value(_SQL.next_sequencer, now_ns=time.time_ns()):016X}"

    def seen(self, keys: Sequence[str] | None = None) -> Mapping[str, Seen]:
        """What was last seen under each key of the source; only `keys` when given."""
        given = None if keys is None else json.dumps(keys)
        return {
            row["key"]: Seen(row["stat"], row["sha256"])
            for row in self._db.rows(_SQL.seen, keys=given)
        }

    def note_seen(self, key: str, seen: Seen) -> None:
        """Remember what was seen, so that it is not read again."""
        self._db.execute(
            _SQL.note_seen,
            key=key,
            stat=seen.stat,
            sha256=seen.sha256,
        )

    def count(self, name: str, n: int = 1) -> None:
        """Add to the counter of events that need no work."""
        self._db.execute(_SQL.count, name=name, n=n)


def _heard(
    arrival: Arrival,
    version: _Version,
    outcome: Any,  # noqa: ANN401 (one of Acceptance's literals, checked where it is made)
    *,
    buried: str | None = None,
) -> Acceptance:
    return Acceptance(outcome, arrival.key, version.version, version.state, version.failure, buried)
