"""Metrics: the numbers of a pipeline in Prometheus's text format, computed when they are asked for.

Whoever scrapes gets what the state holds at that moment; nothing is counted in memory, so that
counters go on where they were after a restart.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest, start_http_server
from prometheus_client.registry import Collector, CollectorRegistry

from edp.core import bus, clock
from edp.core.errors import ConfigError
from edp.core.shares import percentile
from edp.pipeline.watched import LATELY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from edp.ledger.port import Vitals
    from edp.pipeline.stages import Stages

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LAST: Final = 2000
"""Events that the times per stage are taken from."""
_SHARES: Final = (0.5, 0.95, 0.99)
_STEPS: Final = {"wait": "waited_ms", "work": "worked_ms", "commit": "commit_ms"}
_OUTCOMES: Final = ("read", "written", "duplicate", "filtered", "rejected")


def exposition(stages: Stages, *, working: Callable[[], bool]) -> str:
    """The metrics as Prometheus reads them; `working` says whether a process is at work."""
    return generate_latest(_registry(stages, working)).decode()


@contextmanager
def served(
    stages: Stages, *, working: Callable[[], bool], address: str, port: int
) -> Iterator[int]:
    """Answer scrapes at `address` while this is open; the port, which is chosen where it is 0.

    Raises: ConfigError where the port cannot be had.
    """
    try:
        server, thread = start_http_server(port, address, _registry(stages, working))
    except OSError as error:
        raise ConfigError(f"cannot serve metrics at {address}:{port}: {error}") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _registry(stages: Stages, working: Callable[[], bool]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Pipeline(stages, working))
    return registry


class _Pipeline(Collector):
    def __init__(self, stages: Stages, working: Callable[[], bool]) -> None:
        self._stages = stages
        self._working = working

    def describe(self) -> list[Metric]:
        return []  # else they would all be computed once more

    def collect(self) -> Iterator[Metric]:
        yield _gauge("edp_working", "Whether a process works this pipeline.", int(self._working()))
        yield from self._waiting(self._stages.receipts.vitals(since=clock.now() - LATELY_S))
        yield from self._done()
        yield from self._kept()
        yield from self._times()

    def _waiting(self, vitals: Vitals) -> Iterator[Metric]:
        queue = self._stages.queue
        letters = sum(self._stages.dead_letters.causes().values())
        yield _gauge("edp_queue_messages", "Messages in the queue.", queue.depth())
        yield _gauge("edp_backlog_files", "Files queued or running.", vitals.backlog)
        yield _gauge("edp_dead_letters", "Dead letters.", letters)
        began = [at for at in (queue.oldest_at(), vitals.waiting_since) if at is not None]
        oldest_s = clock.now() - min(began) if began else 0.0
        yield _gauge("edp_oldest_seconds", "Since when the oldest work waits.", oldest_s)
        commits = _by("edp_last_commit_timestamp_seconds", "The newest commit.", "dataset")
        for dataset, at in vitals.commits.items():
            if at is not None:
                commits.add_metric([dataset], at)
        yield commits

    def _done(self) -> Iterator[Metric]:
        files = _by("edp_files", "Object versions by state.", "dataset", "state")
        for dataset, counts in self._stages.receipts.states().items():
            for state, n in counts.items():
                files.add_metric([dataset, state], n)
        yield files
        runs = CounterMetricFamily("edp_runs", "Runs that ended.", labels=["dataset", "state"])
        rows = CounterMetricFamily(
            "edp_rows", "Rows of committed files, by outcome.", labels=["dataset", "outcome"]
        )
        sums: dict[tuple[str, str], int] = {}
        for one in self._stages.receipts.totals():
            runs.add_metric([one.dataset, one.state], one.runs)
            for outcome in _OUTCOMES:
                at = (one.dataset, outcome)
                sums[at] = sums.get(at, 0) + getattr(one.counts, f"rows_{outcome}")
        for labels, n in sums.items():
            rows.add_metric(labels, n)
        yield runs
        yield rows

    def _kept(self) -> Iterator[Metric]:
        yield _gauge(
            "edp_disk_free_bytes", "Bytes free below the lake.", self._stages.target.free()
        )
        rows = _by("edp_table_rows", "Rows of a table.", "table")
        files = _by("edp_table_files", "Parquet files of a table.", "table")
        for table in self._stages.catalog.tables():
            rows.add_metric([table.name], table.rows)
            files.add_metric([table.name], table.files)
        yield rows
        yield files
        alarms = _by("edp_alarm_on", "Whether an alarm is on, as it was evaluated last.", "alarm")
        for name, one in self._stages.alarms.standing().items():
            alarms.add_metric([name], int(one.state == "ALARM"))
        yield alarms

    def _times(self) -> Iterator[Metric]:
        """How long the last files took, as the events of their commits say."""
        events = self._stages.events
        last = events.told(max(0, events.last_id() - _LAST))
        files = [
            one.event.detail
            for one in last
            if one.event.detail_type == bus.FILE_CHANGED and "queryable_ms" in one.event.detail
        ]
        whole = _by("edp_queryable_seconds", "From arrival to commit, of late.", "quantile")
        _quantiles(whole, (), [_seconds(detail, "queryable_ms") for detail in files])
        yield whole
        parts = _by("edp_stage_seconds", "The same by stage, of late.", "stage", "quantile")
        for stage, name in _STEPS.items():
            _quantiles(parts, (stage,), [_seconds(detail, name) for detail in files])
        yield parts


def _seconds(detail: Mapping[str, object], name: str) -> float:
    return float(str(detail[name])) / 1000


def _quantiles(metric: GaugeMetricFamily, labels: tuple[str, ...], values: list[float]) -> None:
    for share in _SHARES:
        value = percentile(values, share)
        if value is not None:
            metric.add_metric([*labels, str(share)], value)


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _by(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=labels)
