"""What is told of files, runs and crawls; of the last two in the shapes of AWS Glue, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from edp.core import bus, clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.errors import Failure
    from edp.core.files import Outcome
    from edp.core.receipts import Counts
    from edp.ledger.port import Claim, Member
    from edp.pipeline.stages import Stages

_GLUE_STATES: Final = {
    "committed": "SUCCEEDED",
    "failed": "FAILED",
    "lost": "FAILED",
    "released": "STOPPED",
}
_MESSAGES: Final = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped"}


USUAL_FILES: Final = 50
"""How many files before a run say what is usual for its dataset."""
_LEAST_ROWS: Final = 100
_LEAST_DRIFT: Final = 0.05


def file_committed(
    stages: Stages, claim: Claim, member: Member, outcome: Outcome, *, worked_at: float
) -> None:
    """Say what became of a file, and how long each stage took; `worked_at` its worker was done."""
    now = clock.now()
    told: dict[str, object] = {
        "key": member.key,
        "version": member.version,
        "dataset": claim.dataset,
        "state": "committed",
        "run": claim.run_id,
        **asdict(outcome.counts),
        "bytes": outcome.size,
        "queryable_ms": _ms(now - member.arrived_at),
        "waited_ms": _ms(claim.started_at - member.arrived_at),
        "worked_ms": _ms(worked_at - claim.started_at),
        "commit_ms": _ms(now - worked_at),
    }
    warned = {"warnings": dict(outcome.warnings)} if outcome.warnings else {}
    stages.events.put(bus.FILE_CHANGED, told | warned)


def quality(stages: Stages, claim: Claim, usual: Counts, committed: Sequence[Outcome]) -> None:
    """Say so where a run rejected another share of its rows than is usual for the dataset."""
    rows = sum(outcome.counts.rows_read for outcome in committed)
    if min(rows, usual.rows_read) < _LEAST_ROWS:
        return
    ratio = sum(outcome.counts.rows_rejected for outcome in committed) / rows
    before = usual.rows_rejected / usual.rows_read
    if abs(ratio - before) <= max(_LEAST_DRIFT, before / 2):
        return
    told = {"dataset": claim.dataset, "run": claim.run_id, "files": len(committed)}
    ratios = {"reject_ratio": round(ratio, 4), "usual": round(before, 4), "rows_read": rows}
    stages.events.put(bus.QUALITY_DRIFTED, told | ratios)


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 1)


def run_ended(
    stages: Stages,
    claim: Claim,
    state: str,
    failure: Failure | None = None,
    *,
    again: int = 0,
    loaded: Sequence[Outcome] = (),
) -> None:
    """Say that the run ended, what it `loaded`, and how many files will be tried `again`."""
    told: dict[str, object] = {
        "run": claim.run_id,
        "dataset": claim.dataset,
        "state": state,
        "engine": claim.engine,
        "started_at": clock.iso(claim.started_at),
        "files": len(claim.members),
        "retrying": again,
        "committed": len(loaded),
        "rows_written": sum(one.counts.rows_written for one in loaded),
        "rows_rejected": sum(one.counts.rows_rejected for one in loaded),
    }
    stages.events.put(bus.RUN_CHANGED, told | (asdict(failure) if failure else {}))
    glue = _GLUE_STATES[state]
    stages.events.put(
        bus.JOB_CHANGED,
        {
            "jobName": f"{stages.config.name}-{claim.dataset}",
            "severity": "ERROR" if glue == "FAILED" else "INFO",
            "state": glue,
            "jobRunId": claim.run_id,
            "message": failure.message if failure else _MESSAGES.get(glue, state),
        },
        source=bus.GLUE,
    )


@dataclass(frozen=True)
class Standing:
    """The version and the partitions of every table in the catalog, at one moment."""

    versions: Mapping[str, int]
    partitions: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, stages: Stages) -> Standing:
        """What there is now."""
        found = list(stages.catalog.snapshot())
        return cls(
            {table.name: table.version for table, _ in found},
            {t.name: frozenset(f.partition for f in files if f.partition) for t, files in found},
        )

    def counted(self, before: Standing) -> dict[str, str]:
        """What Glue counts of a crawl that began with `before`, as Glue writes it: in texts."""
        now, then = self.partitions, before.partitions
        both = now.keys() & then.keys()
        counts = {
            "tablesCreated": len(now.keys() - then.keys()),
            "tablesUpdated": sum(self.versions[t] != before.versions[t] for t in both),
            "tablesDeleted": len(then.keys() - now.keys()),
            "partitionsCreated": sum(len(now[t] - then.get(t, frozenset())) for t in now),
            "partitionsUpdated": 0,
            "partitionsDeleted": sum(len(then[t] - now.get(t, frozenset())) for t in then),
        }
        return {name: str(n) for name, n in counts.items()}


def crawl_ended(stages: Stages, began: float, before: Standing) -> None:
    """Say in Glue's shape that a crawl of all that it looked at is over."""
    _crawler(
        stages,
        "Succeeded",
        {
            **Standing.of(stages).counted(before),
            "message": "Crawler Succeeded",
            "warningMessage": "N/A",
            "runningTime (sec)": str(round(clock.now() - began)),
            "completionDate": clock.iso(clock.now()),
        },
    )


def crawl_failed(stages: Stages, table: str | None, failure: Failure) -> None:
    """Say that a crawl, of one table or of all, came to nothing more."""
    with stages.atomically():
        told = {"table": table, "state": "failed", "adopted": 0, "gone": 0}
        stages.events.put(bus.CRAWL_CHANGED, told | asdict(failure))
        _crawler(stages, "Failed", {"errorMessage": failure.message, "message": "Crawler Failed"})


def _crawler(stages: Stages, state: str, told: Mapping[str, str]) -> None:
    named = {"crawlerName": f"{stages.config.name}-crawler", "accountId": bus.ACCOUNT}
    stages.events.put(bus.CRAWLER_CHANGED, {**named, "state": state, **told}, source=bus.GLUE)
