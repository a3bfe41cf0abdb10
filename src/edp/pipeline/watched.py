"""What is watched: the alarms that a pipeline has, and how each gets its datapoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edp.core.alarms import Alarm, Datapoint
from edp.ledger.port import Lately

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edp.core.contract import Config
    from edp.ledger.port import Vitals

LATELY_S: Final = 300.0
"""How far back the datapoints of what was committed, and of what ended, reach."""
_GROWTHS: Final = 3


@dataclass(frozen=True)
class Facts:
    """All that alarms look at, at the time `now` (seconds).

    `oldest_at` is when the oldest message was sent, `free` the bytes left on the disk, `made_at`
    when each alarm came to be, and `grown` by how much the backlog grew in each of the last whole
    periods, oldest first.
    """

    now: float
    vitals: Vitals
    dead_letters: int
    oldest_at: float | None
    free: int | None
    made_at: Mapping[str, float] = field(default_factory=dict)
    grown: Sequence[float] = ()


@dataclass(frozen=True)
class Watched:
    """An alarm, and what gives its newest datapoint; None where there is none."""

    alarm: Alarm
    measure: Callable[[Facts], float | None]

    def points(self, facts: Facts) -> list[Datapoint | None]:
        """The datapoints that the alarm is evaluated over, oldest first."""
        if self.alarm.evaluation_periods > 1:
            return [Datapoint(facts.now, value) for value in facts.grown]
        value = self.measure(facts)
        return [None if value is None else Datapoint(facts.now, round(float(value), 3))]


def watched(config: Config, datasets: Sequence[str]) -> list[Watched]:
    """The alarms of a pipeline whose ledger knows `datasets`, and of each in the contract."""
    known = [*config.datasets, *sorted(set(datasets) - config.datasets.keys())]
    return [*_whole(config), *(one for name in known for one in _of_dataset(config, name))]


def _whole(config: Config) -> Iterator[Watched]:
    name, limits = config.name, config.alarms
    yield Watched(
        Alarm(
            name=f"{name}-dlq",
            help="There is work that cannot be done until a person changes something.",
            metric="ApproximateNumberOfMessagesVisible",
            namespace="AWS/SQS",
            dimensions={"QueueName": f"{name}-dlq"},
            threshold=0,
            command="edp dlq list",
        ),
        lambda facts: facts.dead_letters,
    )
    yield Watched(
        Alarm(
            name=f"{name}-oldest-message",
            help="Work waits too long: is `edp up` running, and does it keep up?",
            metric="ApproximateAgeOfOldestMessage",
            namespace="AWS/SQS",
            dimensions={"QueueName": f"{name}-queue"},
            threshold=limits.oldest_message.total_seconds(),
            command="edp status",
        ),
        _oldest_s,
    )
    yield Watched(
        Alarm(
            name=f"{name}-queryable-p95",
            help="Files take too long from their arrival to their commit.",
            metric="QueryableSeconds",
            namespace="EDP",
            dimensions={"Pipeline": name},
            statistic="p95",
            period_s=int(LATELY_S),
            threshold=limits.queryable_p95.total_seconds(),
            command="edp status",
        ),
        lambda facts: facts.vitals.queryable_p95_s,
    )
    yield Watched(
        Alarm(
            name=f"{name}-backlog",
            help="More files come than are loaded.",
            metric="BacklogGrowth",
            namespace="EDP",
            dimensions={"Pipeline": name},
            statistic="Sum",
            period_s=int(LATELY_S),
            evaluation_periods=_GROWTHS,
            datapoints_to_alarm=_GROWTHS,
            threshold=limits.backlog_growth,
            command="edp status",
        ),
        lambda facts: facts.grown[-1] if facts.grown else None,
    )
    yield Watched(
        Alarm(
            name=f"{name}-disk",
            help="The disk is nearly full: make room, or runs will pause.",
            metric="DiskFreeBytes",
            namespace="EDP",
            dimensions={"Pipeline": name},
            statistic="Minimum",
            comparison="LessThanThreshold",
            threshold=int(limits.disk_free),
        ),
        lambda facts: facts.free,
    )


def _of_dataset(config: Config, dataset: str) -> Iterator[Watched]:
    name, limits = config.name, config.alarms
    yield Watched(
        Alarm(
            name=f"{name}-runs-failed-{dataset}",
            help=f"Runs of {dataset} failed.",
            metric="RunsFailed",
            namespace="EDP",
            dimensions={"Pipeline": name, "Dataset": dataset},
            statistic="Sum",
            period_s=int(LATELY_S),
            threshold=0,
            missing="ignore",
            command="edp runs",
        ),
        lambda facts: _lately(facts, dataset).runs_failed if _lately(facts, dataset).runs else None,
    )
    yield Watched(
        Alarm(
            name=f"{name}-rejects-{dataset}",
            help=f"Many rows of {dataset} are rejected.",
            metric="RejectRatio",
            namespace="EDP",
            dimensions={"Pipeline": name, "Dataset": dataset},
            statistic="Average",
            period_s=int(LATELY_S),
            threshold=limits.reject_ratio,
            missing="ignore",
            command=f"edp rejects {dataset} --by reason",
        ),
        lambda facts: _reject_ratio(_lately(facts, dataset)),
    )
    freshness = config.dataset(dataset).freshness if dataset in config.datasets else None
    if freshness is None:
        return
    fresh = Alarm(
        name=f"{name}-freshness-{dataset}",
        help=f"No file of {dataset} was committed for too long: has its sender stopped?",
        metric="SecondsSinceCommit",
        namespace="EDP",
        dimensions={"Pipeline": name, "Dataset": dataset},
        threshold=freshness.total_seconds(),
        command=f"edp files --dataset {dataset}",
    )
    yield Watched(fresh, lambda facts: _since_commit_s(facts, fresh.name, dataset))


def _oldest_s(facts: Facts) -> float:
    began = [at for at in (facts.oldest_at, facts.vitals.waiting_since) if at is not None]
    return max(0.0, facts.now - min(began)) if began else 0.0


def _lately(facts: Facts, dataset: str) -> Lately:
    return facts.vitals.lately.get(dataset, Lately())


def _reject_ratio(lately: Lately) -> float | None:
    return lately.rows_rejected / lately.rows_read if lately.rows_read else None


def _since_commit_s(facts: Facts, alarm: str, dataset: str) -> float:
    """Before the first commit the time counts from when the alarm came to be."""
    at = facts.vitals.commits.get(dataset)
    since = facts.made_at.get(alarm, facts.now) if at is None else at
    return max(0.0, facts.now - since)
