"""What is told of runs and crawls: once in EDP's words, once in the shapes of AWS Glue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from edp.core import bus, clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.core.errors import Failure
    from edp.ledger.port import Claim
    from edp.pipeline.stages import Stages

_GLUE_STATES: Final = {
    "committed": "SUCCEEDED",
    "failed": "FAILED",
    "lost": "FAILED",
    "released": "STOPPED",
}
_MESSAGES: Final = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped"}


def run_ended(
    stages: Stages, claim: Claim, state: str, failure: Failure | None = None, *, again: int = 0
) -> None:
    """Say that the run ended, and how many of its files will be tried again."""
    told = {
        "run": claim.run_id,
        "dataset": claim.dataset,
        "state": state,
        "files": len(claim.members),
        "retrying": again,
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
