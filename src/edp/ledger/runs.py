"""Runs in SQLite: versions are lent by lease and fence, and taken back with an outcome."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edp.backends.sqlite import load
from edp.core import clock
from edp.core.errors import StaleSnapshot
from edp.core.identity import new_run_id
from edp.core.receipts import Counts
from edp.ledger.port import Claim, Member, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.backends.sqlite import Database
    from edp.core.errors import Failure
    from edp.core.files import Outcome
    from edp.core.receipts import State
    from edp.core.retry import RetryPolicy
    from edp.ledger.port import BatchLimits

_SQL = load("edp.ledger", "runs.sql")


class LocalRuns:
    """Runs of one workspace; a lease lasts `lease_s` seconds without a heartbeat."""

    def __init__(
        self,
        db: Database,
        *,
        retry: RetryPolicy,
        jitter: Callable[[], float],
        lease_s: float = 60.0,
    ) -> None:
        self._db = db
        self._retry = retry
        self._jitter = jitter
        self._lease_s = lease_s

    def claim(
        self,
        limits: BatchLimits,
        *,
        contract: Callable[[str], str],
        engine: Callable[[int], str],
        flush: bool = False,
    ) -> Claim | None:
        """The next batch of one dataset, once it is full or has waited; `flush` waits for none."""
        now = clock.now()
        with self._db.transaction():
            for group in self._db.rows(_SQL.ready, now=now):
                full = group["files"] >= limits.max_files or group["bytes"] >= limits.max_bytes
                waited = now - group["oldest"] >= limits.max_wait_s or group["attempts"]
                if flush or full or waited or group["cohort"]:
                    break
            else:
                return None
            dataset: str = group["dataset"]
            run_id = new_run_id(now)
            batch = self._batch(limits, now, dataset, group["cohort"])
            runs_on = engine(sum(batch.values()))
            self._db.execute(
                _SQL.add_run,
                id=run_id,
                dataset=dataset,
                engine=runs_on,
                contract=contract(dataset),
                now=now,
            )
            for version in batch:
                self._db.execute(
                    _SQL.lease, id=version, run_id=run_id, now=now, lease=self._lease_s
                )
                self._db.execute(_SQL.add_member, id=version, run_id=run_id)
            return Claim(run_id, dataset, runs_on, now, tuple(self._members(run_id)))

    def _batch(
        self, limits: BatchLimits, now: float, dataset: str, cohort: str | None
    ) -> dict[int, int]:
        """The versions of the next run, and their sizes."""
        rows = self._db.rows(
            _SQL.candidates, now=now, dataset=dataset, cohort=cohort, limit=limits.max_files
        )
        chosen: dict[int, int] = {}
        total = 0
        for row in rows:
            total += row["size"]
            if chosen and total > limits.max_bytes:
                break
            chosen[row["id"]] = row["size"]
        return chosen

    def _members(self, run_id: str) -> list[Member]:
        rows = self._db.rows(_SQL.members, run_id=run_id)
        return [Member(**row | {"head": bool(row["head"])}) for row in rows]

    def extend(self, run_ids: Sequence[str], *, for_s: float | None = None) -> None:
        """Heartbeat: keep these runs' leases, for `for_s` seconds if not as long as usual."""
        now, lease_s = clock.now(), self._lease_s if for_s is None else for_s
        with self._db.transaction():
            for run_id in run_ids:
                self._db.execute(_SQL.extend, run_id=run_id, now=now, lease=lease_s)

    def running(self) -> Sequence[Running]:
        """The runs that have not ended, the oldest first."""
        return [Running(**row) for row in self._db.rows(_SQL.running)]

    def resume(self, run_id: str) -> Claim | None:
        """Take over a run, whoever had it; None where it has ended, or there is none."""
        rows = self._db.rows(_SQL.running_one, run_id=run_id)
        return self._claims(rows)[0] if rows else None

    def held(self, claim: Claim) -> Sequence[Member]:
        """The members that this run still holds, by lease and fence."""
        return self._members(claim.run_id)

    def committed(self, claim: Claim, member: Member, outcome: Outcome) -> None:
        """The version's rows are in its table."""
        now = clock.now()
        facts = self._db.rows(_SQL.run_facts, run_id=claim.run_id)[0]
        with self._db.transaction():
            self._db.execute(_SQL.displace, id=member.id, now=now)
            self._change(
                _SQL.commit,
                member,
                now=now,
                sha256=outcome.sha256,
                size=outcome.size,
                **facts,
                **asdict(outcome.counts),
            )

    def recounted(self, claim: Claim, key: str, outcome: Outcome) -> None:
        """A live file was read again for another's sake: its receipt follows."""
        facts = self._db.rows(_SQL.run_facts, run_id=claim.run_id)[0]
        counts = asdict(outcome.counts)
        self._db.execute(_SQL.recount, key=key, contract=facts["contract"], **counts)

    def superseded(self, member: Member, *, note: str) -> None:
        """A newer version took the key; nothing of this one was published."""
        self._change(_SQL.supersede, member, now=clock.now(), note=note)

    def failed(self, member: Member, failure: Failure, outcome: Outcome | None) -> State:
        """An attempt failed: dead if nothing can help or tries are used up, else queued again."""
        now = clock.now()
        attempt = member.attempts + 1
        counts = asdict(outcome.counts) if outcome else dict.fromkeys(asdict(Counts()))
        state: State = "dead" if self.would_die(member, failure) else "queued"
        self._change(
            _SQL.fail,
            member,
            now=now,
            state=state,
            not_before=now + self._retry.delay_s(attempt, jitter=self._jitter()),
            code=failure.code,
            message=failure.message,
            **counts,
        )
        return state

    def would_die(self, member: Member, failure: Failure) -> bool:
        """Whether this failure would make the version dead."""
        return failure.permanent or member.attempts + 1 >= self._retry.max_attempts

    def _change(self, sql: str, member: Member, **values: object) -> None:
        """Change a version, if the lease is still the member's.

        Raises: StaleSnapshot when another run has it since.
        """
        if not self._db.execute(sql, id=member.id, fence=member.fence, **values):
            raise StaleSnapshot(f"the lease on {member.key!r} was lost to another run")

    def release(
        self, members: Sequence[Member], *, split: bool = False, delay_s: float = 0.0
    ) -> None:
        """Give versions back without charging an attempt, to be tried after `delay_s` seconds."""
        now = clock.now()
        middle = (len(members) + 1) // 2
        cohorts = (secrets.token_hex(4), secrets.token_hex(4)) if split else (None, None)
        with self._db.transaction():
            for n, member in enumerate(members):
                self._db.execute(
                    _SQL.release,
                    id=member.id,
                    fence=member.fence,
                    now=now,
                    not_before=now + delay_s,
                    cohort=cohorts[n >= middle],
                )

    def end(self, claim: Claim, state: str, failure: Failure | None = None) -> None:
        """Close the run, with the sums of what its members came to."""
        self._db.execute(
            _SQL.end,
            run_id=claim.run_id,
            state=state,
            now=clock.now(),
            code=failure.code if failure else None,
            message=failure.message if failure else None,
        )

    def lapsed(self, *, orphaned: bool = False) -> Sequence[Claim]:
        """Runs whose lease ran out; all running ones when `orphaned` (their process is gone)."""
        return self._claims(self._db.rows(_SQL.lapsed, now=clock.now(), orphaned=int(orphaned)))

    def _claims(self, rows: Sequence[Mapping[str, Any]]) -> list[Claim]:
        return [Claim(**row, members=tuple(self._members(row["run_id"]))) for row in rows]
