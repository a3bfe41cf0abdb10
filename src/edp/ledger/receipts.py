"""What the ledger tells of versions and runs, read from SQLite."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.core.clock import iso
from edp.core.errors import Failure
from edp.core.receipts import Counts, Receipt
from edp.ledger.port import Committed, Lately, Total, Vitals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.backends.sqlite import Database

_SQL = load("edp.ledger", "receipts.sql")


class LocalReceipts:
    """Reads one workspace's ledger."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def receipts(self, *, keys: Sequence[str] | None = None) -> Sequence[Receipt]:
        """A receipt for every version, newest last; only of `keys` when given."""
        rows = self._db.rows(_SQL.receipts, keys=None if keys is None else json.dumps(keys))
        return [_receipt(row) for row in rows]

    def heads(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """The receipt of each key's newest version."""
        rows = self._db.rows(_SQL.heads, keys=json.dumps(keys))
        return {row["key"]: _receipt(row) for row in rows}

    def committed(self, keys: Sequence[str]) -> Mapping[str, Committed]:
        """The version of each key that is in its table, where one is."""
        rows = self._db.rows(_SQL.committed, keys=json.dumps(keys))
        return {row.pop("key"): Committed(**row) for row in rows}

    def runs(self) -> Sequence[Mapping[str, object]]:
        """A row for every run, newest last."""
        return [
            {
                name: iso(value) if name.endswith("_at") and value is not None else value
                for name, value in row.items()
            }
            for row in self._db.rows(_SQL.runs)
        ]

    def history(self, key: str) -> Sequence[Mapping[str, object]]:
        """Every change of state of the key's versions, in order."""
        return [row | {"at": iso(row["at"])} for row in self._db.rows(_SQL.history, key=key)]

    def states(self) -> Mapping[str, Mapping[str, int]]:
        """How many versions there are, by dataset and state."""
        found: dict[str, dict[str, int]] = {}
        for row in self._db.rows(_SQL.states):
            found.setdefault(row["dataset"], {})[row["state"]] = row["n"]
        return found

    def counters(self) -> Mapping[str, int]:
        """Events that needed no work, by kind."""
        return {row["name"]: row["n"] for row in self._db.rows(_SQL.counters)}

    def pending(self, keys: Sequence[str] | None = None) -> int:
        """How many versions are queued or running."""
        given = None if keys is None else json.dumps(keys)
        return int(self._db.value(_SQL.pending, keys=given))

    def vitals(self, *, since: float) -> Vitals:
        """How the work goes; lately means after `since` (seconds)."""
        with self._db.reading():
            commits = {row["dataset"]: row["at"] for row in self._db.rows(_SQL.newest_commits)}
            given = {"datasets": json.dumps(list(commits)), "since": since}
            files = {row.pop("dataset"): row for row in self._db.rows(_SQL.recent_files, **given)}
            runs = {r.pop("dataset"): r for r in self._db.rows(_SQL.recent_runs, since=since)}
            n = sum(row["files"] for row in files.values())
            longer = n - math.ceil(0.95 * n)
            return Vitals(
                backlog=self._db.value(_SQL.backlog),
                waiting_since=self._db.value(_SQL.waiting_since),
                commits=commits,
                lately={
                    name: Lately(**files.get(name, {}), **runs.get(name, {}))
                    for name in sorted(files.keys() | runs.keys())
                },
                queryable_p95_s=self._db.value(_SQL.recent_wait, **given, longer=longer),
            )

    def totals(self) -> Sequence[Total]:
        """What the runs that ended came to, by dataset and state."""
        rows = self._db.rows(_SQL.totals)
        return [Total(r.pop("dataset"), r.pop("state"), r.pop("runs"), Counts(**r)) for r in rows]

    def usual(self, dataset: str, *, files: int) -> Counts:
        """What the last `files` files of a dataset that were committed came to, together."""
        (row,) = self._db.rows(_SQL.usual, dataset=dataset, files=files)
        return Counts(**row)

    def next_ready_at(self, *, max_wait_s: float = 0.0) -> float | None:
        """When the next queued version is to be tried (seconds), if there is one."""
        at: float | None = self._db.value(_SQL.next_ready_at, max_wait=max_wait_s)
        return at


def _receipt(row: Mapping[str, Any]) -> Receipt:
    counts = None
    if row["rows_read"] is not None:
        counts = Counts(**{f.name: row[f.name] for f in fields(Counts)})
    committed = row["state"] == "committed"
    took_s = row["committed_at"] - row["arrived_at"] if row["committed_at"] else None
    return Receipt(
        key=row["key"],
        version=row["version"],
        dataset=row["dataset"],
        state=row["state"],
        counts=counts if committed else None,
        bytes=row["size"],
        run_id=row["run_id"],
        engine=row["engine"],
        contract=row["contract"],
        attempts=row["attempts"],
        error=Failure(row["error_code"], row["error_message"]) if row["error_code"] else None,
        queryable_ms=took_s * 1000 if committed and took_s is not None else None,
        attempt=counts if row["state"] == "dead" else None,
    )
