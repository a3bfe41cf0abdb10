"""What the ledger tells of versions and runs, read from DynamoDB.

What is asked of some keys is read by key. What is asked of everything reads the whole table.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from edp.core.clock import iso
from edp.core.errors import Failure
from edp.core.receipts import Counts, Receipt
from edp.ledger.dynamo.rows import (
    COUNTER,
    DATASET,
    QUEUED,
    RUN,
    RUNNING,
    Version,
    commits_of,
    counted,
    noted,
    settled,
)
from edp.ledger.port import Committed, Lately, Total, Vitals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from edp.backends.dynamo import Row, Table

_PROMPT: Final = 0.95
"""The share of files whose time to commit is told."""


class DynamoReceipts:
    """Reads one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def receipts(self, *, keys: Sequence[str] | None = None) -> Sequence[Receipt]:
        """A receipt for every version, newest last; only of `keys` when given."""
        return [_receipt(version) for version in self._versions(keys)]

    def _versions(self, keys: Sequence[str] | None) -> list[Version]:
        rows = self._table.scan(prefix="v#") if keys is None else self._rows_of(keys)
        versions = [settled(self._table, Version.of(row)) for row in rows]
        return sorted(versions, key=lambda version: version.id)

    def _rows_of(self, keys: Sequence[str]) -> Iterator[Row]:
        for key in dict.fromkeys(keys):
            yield from self._table.query(f"k#{key}", first="v#", last="v#\U0010ffff")

    def heads(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """The receipt of each key's newest version."""
        return {version.key: _receipt(version) for version in self._named(keys, "head")}

    def committed(self, keys: Sequence[str]) -> Mapping[str, Committed]:
        """The version of each key that is in its table, where one is."""
        list(self._named(keys, "head"))  # one that its run has committed says so first
        return {
            one.key: Committed(one.version, one.sha256, one.dataset, one.committed_at)
            for one in self._named(keys, "live")
            if one.state == "committed" and one.dataset is not None and one.committed_at is not None
        }

    def _named(self, keys: Sequence[str], name: str) -> Iterator[Version]:
        """The versions that the keys' objects name as their head, or as live."""
        places = [
            row
            for key in dict.fromkeys(keys)
            for row in self._table.query(f"k#{key}", first="o#", last="o#\U0010ffff")
        ]
        wanted = [
            (row.pk, f"v#{row.sk.removeprefix('o#')}/{row.doc[name]}")
            for row in places
            if row.doc[name] is not None
        ]
        for row in self._table.get_all(wanted).values():
            yield settled(self._table, Version.of(row))

    def runs(self) -> Sequence[Mapping[str, object]]:
        """A row for every run, newest last."""
        return [_run(row.doc) for row in self._runs()]

    def _runs(self) -> list[Row]:
        return sorted(self._table.query(RUN), key=lambda row: (row.doc["started_at"], row.sk))

    def history(self, key: str) -> Sequence[Mapping[str, object]]:
        """Every change of state of the key's versions, in order."""
        told = [
            (one[0], version.id, n, version.version, one)
            for version in self._versions([key])
            for n, one in enumerate(version.history)
        ]
        names = ("at", "before", "state", "run_id", "attempts", "note")
        return [
            dict(zip(names, one, strict=True)) | {"version": version, "at": iso(at)}
            for at, _, _, version, one in sorted(told, key=lambda entry: entry[:3])
        ]

    def states(self) -> Mapping[str, Mapping[str, int]]:
        """How many versions there are, by dataset and state."""
        found: dict[str, dict[str, int]] = {}
        told = sorted((one.dataset or "", one.state) for one in self._versions(None))
        for dataset, state in told:
            of = found.setdefault(dataset, {})
            of[state] = of.get(state, 0) + 1
        return found

    def counters(self) -> Mapping[str, int]:
        """Events that needed no work, by kind."""
        rows = self._table.query(COUNTER, first="#", last="#\U0010ffff")
        return {row.sk.removeprefix("#"): self._table.count(*row.key) for row in rows}

    def pending(self, keys: Sequence[str] | None = None) -> int:
        """How many versions are queued or running."""
        if keys is None:
            return sum(1 for _ in self._waiting()) + sum(1 for _ in self._running())
        return sum(version.state in (QUEUED, RUNNING) for version in self._versions(keys))

    def _waiting(self) -> Iterator[Row]:
        return self._table.find("work", QUEUED)

    def _running(self) -> Iterator[Row]:
        return self._table.find("work", RUNNING)

    def vitals(self, *, since: float) -> Vitals:
        """How the work goes; lately means after `since` (seconds)."""
        datasets = [row.sk for row in self._table.query(DATASET)]
        waiting = [row.brief for row in self._waiting()]
        recent = {
            name: [
                (row.index["time"][1], row.brief)
                for row in self._table.find("time", commits_of(name), above=since)
            ]
            for name in datasets
        }
        ended = [
            row.doc
            for row in self._runs()
            if row.doc["ended_at"] is not None
            and row.doc["ended_at"] > since
            and row.doc["state"] != "released"
        ]
        names = sorted({name for name in datasets if recent[name]} | {r["dataset"] for r in ended})
        waits = [at - brief["arrived_at"] for found in recent.values() for at, brief in found]
        return Vitals(
            backlog=len(waiting) + sum(1 for _ in self._running()),
            waiting_since=_first(waiting),
            commits={name: self._newest(name) for name in datasets},
            lately={name: _lately(name, recent.get(name, []), ended) for name in names},
            queryable_p95_s=percentile(waits, _PROMPT),
        )

    def _newest(self, dataset: str) -> float | None:
        rows = self._table.find("time", commits_of(dataset), newest_first=True)
        return next((row.index["time"][1] for row in rows), None)

    def totals(self) -> Sequence[Total]:
        """What the runs that ended came to, by dataset and state."""
        found: dict[tuple[str, str], list[Counts]] = {}
        for row in self._runs():
            if row.doc["ended_at"] is not None:
                counts = counted(row.doc["counts"]) or Counts()
                found.setdefault((row.doc["dataset"], row.doc["state"]), []).append(counts)
        return [
            Total(dataset, state, len(counts), _sum(counts))
            for (dataset, state), counts in sorted(found.items())
        ]

    def usual(self, dataset: str, *, files: int) -> Counts:
        """What the last `files` files of a dataset that were committed came to, together."""
        rows = self._table.find("time", commits_of(dataset), newest_first=True)
        counts = [counted(row.brief["counts"]) for row in islice(rows, files)]
        return _sum(one for one in counts if one is not None)

    def next_ready_at(self, *, max_wait_s: float = 0.0) -> float | None:
        """When the next queued version is to be tried (seconds), if there is one."""
        return min((_ready_at(row.brief, max_wait_s) for row in self._waiting()), default=None)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The least of `values` that `share` of them do not exceed; None where there are none.

    >>> percentile([4.0, 1.0, 2.0, 3.0], 0.5), percentile([], 0.5)
    (2.0, None)
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _ready_at(brief: Mapping[str, Any], max_wait_s: float) -> float:
    not_before: float = brief["not_before"]
    if brief["attempts"] or brief["cohort"] is not None:
        return not_before
    waits_until: float = brief["changed_at"] + max_wait_s
    return max(not_before, waits_until)


def _first(waiting: Sequence[Mapping[str, Any]]) -> float | None:
    """Since when the one waits that is taken next: who failed waits in order of the next try."""
    if not waiting:
        return None
    at: float = min(waiting, key=lambda one: (one["not_before"], one["id"]))["changed_at"]
    return at


def _lately(
    dataset: str,
    recent: Sequence[tuple[float, Mapping[str, Any]]],
    ended: Sequence[Mapping[str, Any]],
) -> Lately:
    counts = [counted(brief["counts"]) or Counts() for _, brief in recent]
    mine = [run["state"] for run in ended if run["dataset"] == dataset]
    return Lately(
        files=len(recent),
        rows_read=sum(one.rows_read for one in counts),
        rows_rejected=sum(one.rows_rejected for one in counts),
        runs=len(mine),
        runs_failed=sum(state in ("failed", "lost") for state in mine),
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    total = noted(Counts())
    for one in counts:
        for name, n in noted(one).items():
            total[name] += n
    return Counts(**total)


def _run(doc: Mapping[str, Any]) -> dict[str, object]:
    code, message = doc["error"] or (None, None)
    return {
        "id": doc["id"],
        "dataset": doc["dataset"],
        "state": doc["state"],
        "engine": doc["engine"],
        "contract": doc["contract"],
        "started_at": iso(doc["started_at"]),
        "ended_at": None if doc["ended_at"] is None else iso(doc["ended_at"]),
        **(doc["counts"] or dict.fromkeys(noted(Counts()))),
        "error_code": code,
        "error_message": message,
        "files": doc["files"],
    }


def _receipt(version: Version) -> Receipt:
    counts = counted(version.counts)
    committed = version.state == "committed"
    took_s = version.committed_at and version.committed_at - version.arrived_at
    return Receipt(
        key=version.key,
        version=version.version,
        dataset=version.dataset,
        state=version.state,
        counts=counts if committed else None,
        bytes=version.size,
        run_id=version.run_id,
        engine=version.engine,
        contract=version.contract,
        attempts=version.attempts,
        error=Failure(*version.error) if version.error else None,
        queryable_ms=took_s * 1000 if committed and took_s is not None else None,
        attempt=counts if version.state == "dead" else None,
    )
