"""Acceptance in DynamoDB: each object version once, in the order that its events tell.

What is decided rests on the object's row: whoever changes that first decides, others look again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.events import sequencer_newer
from edp.ledger.dynamo.rows import (
    COUNTER,
    DATASET,
    Version,
    object_key,
    version_at,
    version_key,
)
from edp.ledger.order import is_newer, same_content
from edp.ledger.port import Acceptance, Arrival, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edp.backends.dynamo import Table
    from edp.core.errors import Failure
    from edp.core.receipts import State
    from edp.ledger.port import Current

SEQUENCER: Final = "sequencer"
_ARRIVALS: Final = "arrivals"
_NEW: Final = {"head": None, "live": None, "numbered": 0, "versioned": False}
"""An object of which nothing is known; `versioned` is one that had a VersionId."""


@dataclass(frozen=True)
class _Known:
    """What is known of an arrival's object: its row, what was announced, its head."""

    place: Row
    announced: Sequence[Row]
    head: Version | None


class DynamoLedger:
    """Custody of the versions in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._datasets: set[str] = set()

    def accept(
        self,
        arrival: Arrival,
        *,
        dataset: str | None,
        failure: Failure | None = None,
        current: Callable[[], Current | None],
    ) -> Acceptance:
        """Take custody of the version, unless it is known or says nothing new."""
        for _ in tries():
            known = self._look(arrival.bucket, arrival.key)
            said = _with_announcement(arrival, known.announced)
            heard_of = self._heard_of(said)
            if heard_of:
                return _heard(said, heard_of, "duplicate")
            head = known.head
            newer = head is None or is_newer(said, head, current)
            if head and not said.version_id:
                after = _says_nothing(said, head, newer=newer)
                if after and self._table.put_all([after.row, *self._hearing(said, after)]):
                    return _heard(said, after, "unchanged")
                if after:
                    continue
            opened = self._open(said, known, newer=newer, dataset=dataset, failure=failure)
            if opened:
                return opened
        raise AssertionError("tries() raises")

    def _look(self, bucket: str, key: str) -> _Known:
        pk, sk = object_key(bucket, key)
        announced, place = [], Row(pk, sk, _NEW)
        for row in self._table.query(pk, first="a#", last=sk):
            if row.sk == sk:
                place = row
            elif row.sk.startswith(f"a#{bucket}/"):
                announced.append(row)
        head = place.doc["head"]
        return _Known(
            place, announced, version_at(self._table, bucket, key, head) if head else None
        )

    def _heard_of(self, arrival: Arrival) -> Version | None:
        """The version that the arrival is, if it was accepted before."""
        version = arrival.version_id
        if version is None:
            keys = _heard_keys(arrival)
            row = self._table.get(*keys) if keys else None
            version = row.doc["version"] if row else None
        if version is None:
            return None
        return version_at(self._table, arrival.bucket, arrival.key, version)

    def _hearing(self, arrival: Arrival, version: Version) -> Iterator[Row]:
        """The row that remembers what the arrival's event was, if it is not there."""
        keys = _heard_keys(arrival)
        # without a VersionId it would have been found before
        if keys and (arrival.version_id is None or self._table.get(*keys) is None):
            yield Row(*keys, {"version": version.version})

    def _open(
        self,
        arrival: Arrival,
        known: _Known,
        *,
        newer: bool,
        dataset: str | None,
        failure: Failure | None,
    ) -> Acceptance | None:
        """The new version; None where somebody else came first."""
        head, doc = known.head, dict(known.place.doc)
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
        name = arrival.version_id or self._number(arrival, doc)
        doc["versioned"] = doc["versioned"] or arrival.version_id is not None
        new = Version(
            id=self._table.add(COUNTER, _ARRIVALS, 1),
            bucket=arrival.bucket,
            key=arrival.key,
            version=name,
            state=state,
            dataset=dataset,
            sequencer=arrival.sequencer,
            event_time=arrival.event_time,
            etag=arrival.etag,
            size=arrival.size,
            sha256=arrival.sha256,
            arrived_at=arrival.arrived_at,
            changed_at=clock.now(),
            error=(failure.code, failure.message) if failure and state == "dead" else None,
        ).begun()
        rows, buried = [], None
        if newer:
            doc["head"] = name
            if head and (head.state in ("queued", "dead") or adopted):
                buried = head.version if head.state == "dead" else None
                note = "a newer version arrived"
                rows.append(head.into("superseded", note=note, error=None).row)
        if adopted and head:
            new, doc["live"] = _taken_over(new, head), name
        self._remember(new.dataset)
        rows += [new.row, replace(known.place, doc=doc), *self._hearing(arrival, new)]
        if not self._table.put_all(rows):
            return None
        _, announced = _announcement(arrival)
        if any(row.sk == announced for row in known.announced):
            self._table.remove(known.place.pk, announced)
        outcome = "adopted" if adopted else "new" if new.state == "queued" else new.state
        return _heard(arrival, new, outcome, buried=buried)

    def _number(self, arrival: Arrival, doc: dict[str, Any]) -> str:
        """The next number that is no version's name yet; `doc` counts it."""
        while True:
            doc["numbered"] += 1
            name = str(doc["numbered"])
            if not doc["versioned"]:
                return name
            if self._table.get(*version_key(arrival.bucket, arrival.key, name)) is None:
                return name

    def _remember(self, dataset: str | None) -> None:
        """Keep the dataset's name, so that vitals can tell of it."""
        if dataset is not None and dataset not in self._datasets:
            self._table.put(Row(DATASET, dataset))
            self._datasets.add(dataset)

    def announce(self, arrival: Arrival) -> bool:
        """Note whose bytes are about to be put under the key; whether they are the newest."""
        known = self._look(arrival.bucket, arrival.key)
        prefix = f"s#{arrival.bucket}/"
        rows = self._table.query(known.place.pk, first=prefix, last=prefix + "\U0010ffff")
        heard = [row.sk.removeprefix(prefix) for row in rows]
        heard += [row.doc["sequencer"] for row in known.announced if row.doc["sequencer"]]
        if self._heard_of(arrival) is None:
            pk, sk = _announcement(arrival)
            self._table.put(Row(pk, sk, vars(arrival)))
        if arrival.sequencer and heard:
            return not any(sequencer_newer(one, arrival.sequencer) for one in heard)
        return known.head is None or is_newer(arrival, known.head, lambda: None)

    def revive(self, bucket: str, key: str, version: str, *, dataset: str | None) -> State | None:
        """Queue a dead version again, or supersede it if it is not the head; None if not dead."""
        for _ in tries():
            place = self._table.get(*object_key(bucket, key))
            found = version_at(self._table, bucket, key, version)
            if place is None or found is None or found.state != "dead":
                return None
            if place.doc["head"] != version:
                note = "redriven after a newer version"
                after = found.into("superseded", note=note, error=None)
            else:
                after = self._again(found, dataset)
            # the object's row too, so that no newer version comes in between
            if self._table.put_all([after.row, place]):
                return after.state
        raise AssertionError("tries() raises")

    def requeue(self, bucket: str, key: str, *, dataset: str | None) -> str | None:
        """Queue a key's head again, committed or dead; which version, None where it is neither."""
        for _ in tries():
            known = self._look(bucket, key)
            if known.head is None or known.head.state not in ("committed", "dead"):
                return None
            if self._table.put_all([self._again(known.head, dataset).row, known.place]):
                return known.head.version
        raise AssertionError("tries() raises")

    def _again(self, version: Version, dataset: str | None) -> Version:
        self._remember(dataset)
        # rows that are in a table already are not waited for since the file first came
        arrived_at = version.arrived_at if version.committed_at is None else clock.now()
        return version.into(
            "queued",
            arrived_at=arrived_at,
            not_before=0.0,
            attempts=0,
            cohort=None,
            dataset=dataset,
            error=None,
        )

    def discard(self, bucket: str, key: str, version: str, *, was: State, note: str) -> bool:
        """A person's word: nothing is to come of this version; False if it is not `was` (now)."""
        for _ in tries():
            found = version_at(self._table, bucket, key, version)
            if found is None or found.state != was or was == "discarded":
                return bool(found and found.state == was)
            if self._table.put(found.into("discarded", note=note, error=None).row):
                return True
        raise AssertionError("tries() raises")

    def next_sequencer(self) -> str:
        """A sequencer greater than every one given before: 16 hex digits."""
        for _ in tries():
            row = self._table.get(SEQUENCER, SEQUENCER) or Row(SEQUENCER, SEQUENCER, {"n": 0})
            n = max(row.doc["n"] + 1, time.time_ns())
            if self._table.put(changed(row, n=n)):
                return f"{n:016X}"
        raise AssertionError("tries() raises")

    def seen(self, keys: Sequence[str] | None = None) -> Mapping[str, Seen]:
        """What was last seen under each key of the source; only `keys` when given."""
        if keys is None:
            rows = self._table.scan(prefix="z")
        else:
            rows = iter(self._table.get_all([(f"k#{key}", "z") for key in keys]).values())
        return {row.pk.removeprefix("k#"): Seen(**row.doc) for row in rows}

    def note_seen(self, key: str, seen: Seen) -> None:
        """Remember what was seen, so that it is not read again."""
        for _ in tries():
            row = self._table.get(f"k#{key}", "z") or Row(f"k#{key}", "z")
            if self._table.put(replace(row, doc=vars(seen))):
                return

    def count(self, name: str, n: int = 1) -> None:
        """Add to the counter of events that need no work."""
        self._table.add(COUNTER, f"#{name}", n)


def _with_announcement(arrival: Arrival, announced: Sequence[Row]) -> Arrival:
    """The arrival with what a replay said of its bytes, or of the event they belong to."""
    if arrival.listed:
        said = [row.doc for row in announced if row.doc["sha256"] == arrival.sha256]
        if not said:
            return arrival
        newest = said[0]
        for one in said[1:]:
            if sequencer_newer(one["sequencer"] or "", newest["sequencer"] or ""):
                newest = one
        names = ("version_id", "sequencer", "etag", "event_time")
        return replace(arrival, listed=False, **{name: newest[name] for name in names})
    if arrival.sha256:
        return arrival
    names = ("version_id", "sequencer", "etag", "size")
    for row in announced:
        if all(row.doc[name] == getattr(arrival, name) for name in names):
            return replace(arrival, sha256=row.doc["sha256"])
    return arrival


def _says_nothing(arrival: Arrival, head: Version, *, newer: bool) -> Version | None:
    """The head as it is after an arrival that says nothing new; None where it says something."""
    if arrival.listed and not head.sha256 and arrival.size == head.size:
        # the head's bytes, not yet read: what they hash to is all that is new
        return replace(head, sha256=arrival.sha256)
    if not same_content(arrival, head):
        return None
    if arrival.listed or not newer:
        return head
    if head.state in ("dead", "discarded"):
        return None
    sequencer = arrival.sequencer or head.sequencer
    return replace(head, sequencer=sequencer, event_time=arrival.event_time)


def _taken_over(new: Version, head: Version) -> Version:
    """The same bytes under a newer VersionId: the receipt goes with them, and no run is needed."""
    return new.into(
        "committed",
        dataset=head.dataset,
        run_id=head.run_id,
        counts=head.counts,
        engine=head.engine,
        contract=head.contract,
        committed_at=head.committed_at,
        sha256=new.sha256 or head.sha256,
    )


def _heard_keys(arrival: Arrival) -> tuple[str, str] | None:
    """Where the ledger remembers that it heard of the arrival's event."""
    pk = f"k#{arrival.key}"
    if arrival.sequencer:
        return pk, f"s#{arrival.bucket}/{arrival.sequencer}"
    if arrival.event_time is None or arrival.listed:
        return None
    return pk, f"t#{arrival.bucket}/{arrival.event_time!r}/{arrival.etag}/{arrival.size}"


def _announcement(arrival: Arrival) -> tuple[str, str]:
    """Where the announcement of the arrival's bytes is."""
    parts = (arrival.version_id or "", arrival.sequencer or "", arrival.sha256 or "")
    return f"k#{arrival.key}", f"a#{arrival.bucket}/{'/'.join(parts)}"


def _heard(
    arrival: Arrival,
    version: Version,
    outcome: Any,  # noqa: ANN401 (one of Acceptance's literals, checked where it is made)
    *,
    buried: str | None = None,
) -> Acceptance:
    return Acceptance(outcome, arrival.key, version.version, version.state, version.failure, buried)
