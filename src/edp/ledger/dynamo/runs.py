"""Runs in DynamoDB: versions are lent by fence, and taken back with an outcome.

The moment of truth is one conditional update of the run's row. Before it, outcomes are noted on the
versions, where they say nothing yet; after it they are true, and the versions' rows follow.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.errors import StaleSnapshot
from edp.core.identity import new_run_id
from edp.core.receipts import Counts
from edp.ledger.dynamo.rows import (
    OPEN,
    QUEUED,
    RUN,
    RUNNING,
    SETTLING,
    Version,
    commit,
    noted,
    object_key,
    version_at,
    version_key,
)
from edp.ledger.port import Claim, Member, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edp.backends.dynamo import Table
    from edp.core.errors import Failure
    from edp.core.files import Outcome
    from edp.core.receipts import State
    from edp.core.retry import RetryPolicy
    from edp.ledger.port import BatchLimits

_LOOK_AT: Final = 10_000
"""Queued versions that one claim chooses among, the oldest."""


class DynamoRuns:
    """Runs of one table; a lease lasts `lease_s` seconds without a heartbeat."""

    def __init__(
        self,
        table: Table,
        *,
        retry: RetryPolicy,
        jitter: Callable[[], float],
        lease_s: float = 60.0,
    ) -> None:
        self._table = table
        self._retry = retry
        self._jitter = jitter
        self._lease_s = lease_s
        self._holds: dict[str, int] = {}

    def claim(
        self,
        limits: BatchLimits,
        *,
        contract: Callable[[str], str],
        engine: Callable[[int], str],
        flush: bool = False,
    ) -> Claim | None:
        """The next batch of one dataset, once it is full or has waited; `flush` waits for none."""
        for _ in tries():
            now = clock.now()
            batch = self._batch(limits, now, flush=flush)
            if not batch:
                return None
            dataset = str(batch[0].dataset)
            run_id = new_run_id(now)
            runs_on = engine(sum(one.size or 0 for one in batch))
            doc = {
                "id": run_id,
                "dataset": dataset,
                "state": "running",
                "engine": runs_on,
                "contract": contract(dataset),
                "started_at": now,
                "ended_at": None,
                "counts": None,
                "error": None,
                "files": len(batch),
                "lease_until": now + self._lease_s,
                "hold": 0,
            }
            run = Row(RUN, run_id, doc, {"work": (OPEN, now)})
            # the manifest first: what is lent is then always somebody's to give back
            self._table.put(run)
            self._table.put_each([_member_row(run_id, n, one) for n, one in enumerate(batch)])
            lent = self._table.put_each([_lent(one, run_id, now).row for one in batch])
            if not any(lent):
                self._forget(run_id, len(batch))
                continue
            if not all(lent):
                self._change_run(run_id, files=sum(lent))
            self._holds[run_id] = 0
            return Claim(run_id, dataset, runs_on, now, tuple(self._members(run_id)))
        raise AssertionError("tries() raises")

    def _batch(self, limits: BatchLimits, now: float, *, flush: bool) -> list[Version]:
        """The versions of the first group that may go, as their rows are now."""
        groups: dict[tuple[str, str | None], list[Row]] = {}
        for row in islice(self._table.find("work", QUEUED), _LOOK_AT):
            if row.brief["not_before"] <= now:
                groups.setdefault((row.brief["dataset"], row.brief["cohort"]), []).append(row)
        for (dataset, cohort), rows in groups.items():
            chosen = _chosen(rows, limits)
            full = len(rows) >= limits.max_files or _bytes(rows) >= limits.max_bytes
            tried = any(row.brief["attempts"] for row in rows)
            waited = now - min(row.brief["changed_at"] for row in rows) >= limits.max_wait_s
            if not (flush or full or waited or tried or cohort):
                continue
            found = self._table.get_all([row.key for row in chosen])
            versions = [Version.of(found[row.key]) for row in chosen if row.key in found]
            return [one for one in versions if _is_free(one, dataset, cohort, now)]
        return []

    def _forget(self, run_id: str, members: int) -> None:
        """Take back a run that got nothing: others were quicker."""
        for n in range(members):
            self._table.remove(f"{RUN}#{run_id}", f"{n:06}")
        self._table.remove(RUN, run_id)

    def _members(self, run_id: str) -> Iterator[Member]:
        """What the run holds and has noted no outcome of, in order of arrival."""
        versions = [
            version
            for version, fence in self._manifest(run_id)
            if (version.state, version.run_id, version.fence) == (RUNNING, run_id, fence)
            and version.outcome is None
        ]
        places = self._table.get_all([object_key(one.bucket, one.key) for one in versions])
        for one in sorted(versions, key=lambda version: version.id):
            yield Member(
                id=one.id,
                bucket=one.bucket,
                key=one.key,
                version=one.version,
                size=one.size,
                sha256=one.sha256,
                fence=one.fence,
                attempts=one.attempts,
                arrived_at=one.arrived_at,
                etag=one.etag,
                head=places[object_key(one.bucket, one.key)].doc["head"] == one.version,
            )

    def _manifest(self, run_id: str) -> list[tuple[Version, int]]:
        """The run's versions as they are now, and the fence that it was lent each by."""
        members = list(self._table.query(f"{RUN}#{run_id}"))
        keys = {(row.doc["pk"], row.doc["sk"]): row.doc["fence"] for row in members}
        found = self._table.get_all(list(keys))
        return [(Version.of(found[key]), fence) for key, fence in keys.items() if key in found]

    def extend(self, run_ids: Sequence[str], *, for_s: float | None = None) -> None:
        """Heartbeat: keep these runs' leases, for `for_s` seconds if not as long as usual."""
        lease_s = self._lease_s if for_s is None else for_s
        for run_id in run_ids:
            self._change_run(run_id, lease_until=clock.now() + lease_s)

    def running(self) -> Sequence[Running]:
        """The runs that have not ended, the oldest first."""
        named = sorted({row.sk for row in self._table.find("work", OPEN)})
        found = self._table.get_all([(RUN, run_id) for run_id in named])
        return [
            Running(run_id, doc["engine"], doc["started_at"], doc["lease_until"])
            for run_id in named
            if (RUN, run_id) in found and (doc := found[RUN, run_id].doc)["state"] == "running"
        ]

    def resume(self, run_id: str) -> Claim | None:
        """Take over a run, whoever had it; None where it has ended, or there is none."""
        run = self._taken_over(run_id, orphaned=True)
        return None if run is None else self._anew(run)

    def _anew(self, run: Row) -> Claim:
        """The claim of a run that was taken over; what it had noted is forgotten."""
        for version in self._with_outcome(run.sk):
            self._table.put(replace(version, outcome=None).row)
        doc, members = run.doc, tuple(self._members(run.sk))
        return Claim(run.sk, doc["dataset"], doc["engine"], doc["started_at"], members)

    def _change_run(self, run_id: str, **doc: object) -> None:
        """Change a run that is under way."""
        for _ in tries():
            run = self._table.get(RUN, run_id)
            if run is None or run.doc["state"] != "running":
                return
            if self._table.put(changed(run, **doc)):
                return

    def held(self, claim: Claim) -> Sequence[Member]:
        """The members that this run still holds, by fence, and has noted no outcome of."""
        run = self._table.get(RUN, claim.run_id)
        if run is None or run.doc["state"] != "running":
            return []
        self._holds[claim.run_id] = run.doc["hold"]
        return list(self._members(claim.run_id))

    def committed(self, claim: Claim, member: Member, outcome: Outcome) -> None:
        """Note that the version's rows are in its table, which is so once the run has ended."""
        found = {
            "sha256": outcome.sha256,
            "size": outcome.size,
            "counts": noted(outcome.counts),
        }
        del claim
        self._change(member, lambda version: replace(version, outcome=found))

    def recounted(self, claim: Claim, key: str, outcome: Outcome) -> None:
        """A live file was read again for another's sake: its receipt follows."""
        run = self._table.get(RUN, claim.run_id)
        for bucket in {member.bucket for member in claim.members}:
            for _ in tries():
                place = self._table.get(*object_key(bucket, key))
                live = place and place.doc["live"]
                version = version_at(self._table, bucket, key, live) if live else None
                if run is None or version is None or version.state != "committed":
                    break
                counts = noted(outcome.counts)
                after = replace(version, counts=counts, contract=run.doc["contract"])
                if self._table.put(after.row):
                    break

    def superseded(self, member: Member, *, note: str) -> None:
        """A newer version took the key; nothing of this one was published."""
        self._change(member, lambda version: version.into("superseded", note=note, error=None))

    def failed(self, member: Member, failure: Failure, outcome: Outcome | None) -> State:
        """An attempt failed: dead if nothing can help or tries are used up, else queued again."""
        attempt = member.attempts + 1
        state: State = "dead" if self.would_die(member, failure) else "queued"
        wait_s = self._retry.delay_s(attempt, jitter=self._jitter())
        self._change(
            member,
            lambda version: version.into(
                state,
                note=failure.message,
                attempts=version.attempts + 1,
                not_before=clock.now() + wait_s,
                error=(failure.code, failure.message),
                counts=noted(outcome.counts) if outcome else None,
            ),
        )
        return state

    def would_die(self, member: Member, failure: Failure) -> bool:
        """Whether this failure would make the version dead."""
        return failure.permanent or member.attempts + 1 >= self._retry.max_attempts

    def _change(self, member: Member, change: Callable[[Version], Version]) -> None:
        """Change a version, if it is still lent by the member's fence.

        Raises: StaleSnapshot when another run has it since.
        """
        for _ in tries():
            version = version_at(self._table, member.bucket, member.key, member.version)
            if version is None or (version.state, version.fence) != (RUNNING, member.fence):
                raise StaleSnapshot(f"the lease on {member.key!r} was lost to another run")
            if self._table.put(change(version).row):
                return

    def release(
        self, members: Sequence[Member], *, split: bool = False, delay_s: float = 0.0
    ) -> None:
        """Give versions back without charging an attempt, to be tried after `delay_s` seconds."""
        not_before = clock.now() + delay_s
        middle = (len(members) + 1) // 2
        cohorts = (secrets.token_hex(4), secrets.token_hex(4)) if split else (None, None)

        def give_back(numbered: tuple[int, Member]) -> bool:
            n, member = numbered
            cohort = cohorts[n >= middle]
            try:
                self._change(
                    member,
                    lambda version: version.into("queued", cohort=cohort, not_before=not_before),
                )
            except StaleSnapshot:
                return False
            return True

        self._table.each(give_back, list(enumerate(members)))

    def end(self, claim: Claim, state: str, failure: Failure | None = None) -> None:
        """Close the run, with the sums of what its members came to; a closed one stays as it is.

        Raises: StaleSnapshot when it was to be committed, and somebody else has taken it over.
        """
        for _ in tries():
            run = self._table.get(RUN, claim.run_id)
            if run is None or run.doc["state"] != "running":
                break
            hold = self._holds.get(claim.run_id, run.doc["hold"])
            if state == "committed" and run.doc["hold"] != hold:
                raise StaleSnapshot(f"run {claim.run_id} was taken over by another process")
            mine = self._with_outcome(run.sk)
            index = {"work": (SETTLING, run.doc["started_at"])} if state == "committed" else {}
            error = (failure.code, failure.message) if failure else None
            told = {"state": state, "ended_at": clock.now(), "error": error, "counts": _sums(mine)}
            ended = replace(changed(run, **told), index=index)
            if self._table.put(ended):
                self._settle(replace(ended, rev=run.rev + 1), mine)
                break
        self._holds.pop(claim.run_id, None)

    def _with_outcome(self, run_id: str) -> list[Version]:
        """The members that the run has noted an outcome of, and that do not say so themselves."""
        return [
            version
            for version, fence in self._manifest(run_id)
            if version.outcome is not None and (version.run_id, version.fence) == (run_id, fence)
        ]

    def _settle(self, run: Row, members: Sequence[Version]) -> None:
        """Have the versions of a committed run say so themselves."""
        if run.index:
            self._table.each(lambda version: bool(commit(self._table, version, run)), members)
            self._table.put(replace(run, index={}))

    def lapsed(self, *, orphaned: bool = False) -> Sequence[Claim]:
        """Runs whose lease ran out; all running ones when `orphaned` (their process is gone).

        They are taken over: whoever had one before can no longer commit it. A run that was
        committed and did not get to say so to all of its versions does so now.
        """
        for row in list(self._table.find("work", SETTLING)):
            run = self._table.get(RUN, row.sk)
            if run is not None:
                self._settle(run, self._with_outcome(run.sk))
        found = []
        for row in sorted(self._table.find("work", OPEN), key=lambda row: row.sk):
            run = self._taken_over(row.sk, orphaned=orphaned)
            if run is not None:
                found.append(self._anew(run))
        return found

    def _taken_over(self, run_id: str, *, orphaned: bool) -> Row | None:
        for _ in tries():
            run = self._table.get(RUN, run_id)
            if run is None or run.doc["state"] != "running":
                return None
            if not orphaned and run.doc["lease_until"] > clock.now():
                return None
            hold = run.doc["hold"] + 1
            if self._table.put(changed(run, hold=hold)):
                self._holds[run_id] = hold
                return run
        raise AssertionError("tries() raises")


def _chosen(rows: Sequence[Row], limits: BatchLimits) -> list[Row]:
    """As many of `rows` as a batch may hold, in order; one at least."""
    total = 0
    for n, row in enumerate(rows[: limits.max_files]):
        total += row.brief["size"] or 0
        if n and total > limits.max_bytes:
            return list(rows[:n])
    return list(rows[: limits.max_files])


def _sums(members: Sequence[Version]) -> dict[str, int] | None:
    """The counts in the members' outcomes, together; None where there are none."""
    counts = [version.outcome["counts"] for version in members if version.outcome]
    if not counts:
        return None
    return {name: sum(one[name] for one in counts) for name in noted(Counts())}


def _bytes(rows: Sequence[Row]) -> int:
    return sum(row.brief["size"] or 0 for row in rows)


def _is_free(version: Version, dataset: str, cohort: str | None, now: float) -> bool:
    """Whether the version is still what the index told of it."""
    return (
        version.state == QUEUED
        and version.not_before <= now
        and (version.dataset, version.cohort) == (dataset, cohort)
    )


def _lent(version: Version, run_id: str, now: float) -> Version:
    fence = version.fence + 1
    return version.into("running", changed_at=now, run_id=run_id, fence=fence)


def _member_row(run_id: str, n: int, version: Version) -> Row:
    pk, sk = version_key(version.bucket, version.key, version.version)
    doc = {"pk": pk, "sk": sk, "fence": version.fence + 1}
    return Row(f"{RUN}#{run_id}", f"{n:06}", doc)
