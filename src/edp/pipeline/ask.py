"""Asking: SQL over the tables as the catalog has them at one moment, and over EDP's records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from edp.core.errors import ConfigError
from edp.core.files import ADOPTED
from edp.core.sql import identifier
from edp.pipeline.alarms import history, states
from edp.query.port import Files, Snapshot, View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from edp.catalog.port import Table
    from edp.core.files import DataFile
    from edp.pipeline.stages import Stages
    from edp.query.port import Answer, ArrowStream, Query, R

_TEXT, _INT, _FLOAT, _TIME = "VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMPTZ"
_COUNTS: Final = dict.fromkeys(
    ("rows_read", "rows_written", "rows_duplicate", "rows_filtered", "rows_rejected"), _INT
)
FILES: Final = {
    "key": _TEXT, "version": _TEXT, "dataset": _TEXT, "state": _TEXT, **_COUNTS, "bytes": _INT,
    "run_id": _TEXT, "engine": _TEXT, "contract": _TEXT, "attempts": _INT, "error": _TEXT,
    "queryable_ms": _FLOAT,
}  # fmt: skip
RUNS: Final = {
    "id": _TEXT, "dataset": _TEXT, "state": _TEXT, "engine": _TEXT, "contract": _TEXT,
    "started_at": _TIME, "ended_at": _TIME, "files": _INT, **_COUNTS, "error_code": _TEXT,
    "error_message": _TEXT,
}  # fmt: skip
EVENTS: Final = {
    "id": _INT, "event_id": _TEXT, "at": _TIME, "source": _TEXT, "detail_type": _TEXT,
    "resources": "JSON", "detail": "JSON",
}  # fmt: skip
ALARMS: Final = {
    "name": _TEXT, "state": _TEXT, "since": _TIME, "reason": _TEXT, "metric": _TEXT,
    "namespace": _TEXT, "dataset": _TEXT, "statistic": _TEXT, "comparison": _TEXT,
    "threshold": _FLOAT, "period_s": _INT, "evaluation_periods": _INT,
    "datapoints_to_alarm": _INT, "missing": _TEXT, "help": _TEXT, "command": _TEXT,
}  # fmt: skip
ALARM_HISTORY: Final = {
    "name": _TEXT, "at": _TIME, "before": _TEXT, "state": _TEXT, "reason": _TEXT,
}  # fmt: skip
SCHEMA_CHANGES: Final = {
    "at": _TIME, "table": _TEXT, "version": _INT, "column_name": _TEXT, "change": _TEXT,
    "old_type": _TEXT, "new_type": _TEXT, "method": _TEXT, "run_id": _TEXT,
}  # fmt: skip


class Place(Protocol):
    """A pipeline that can be asked."""

    @property
    def stages(self) -> Stages:
        """The stages over the pipeline's state."""

    def query(self) -> Query:
        """The query engine."""


def snapshot(stages: Stages) -> Snapshot:
    """What a query may see, as it is now."""
    records: Mapping[
        str, tuple[Mapping[str, str], Callable[[], Sequence[Mapping[str, object]]]]
    ] = {
        "files": (FILES, lambda: [one.to_json() for one in stages.receipts.receipts()]),
        "runs": (RUNS, stages.receipts.runs),
        "events": (EVENTS, stages.events.since),
        "alarms": (ALARMS, lambda: states(stages)),
        "alarm_history": (ALARM_HISTORY, lambda: history(stages)),
        "schema_changes": (SCHEMA_CHANGES, stages.catalog.schema_changes),
    }
    views = {table.name: _view(stages, table, files) for table, files in stages.catalog.snapshot()}
    return Snapshot(views, records)


def answer(place: Place, sql: str) -> Answer:
    """The answer to `sql`, over what there is now.

    Raises: ConfigError when the SQL is wrong or wants to do more than read.
    """
    return place.query().ask(sql, snapshot(place.stages))


def arrow(place: Place, sql: str, take: Callable[[ArrowStream], R]) -> R:
    """What `take` makes of the answer to `sql`, a stream that it has to read at once.

    Raises: ConfigError when the SQL is wrong or wants to do more than read.
    """
    return place.query().arrow(sql, snapshot(place.stages), take)


def export(place: Place, sql: str, out: Path) -> int:
    """Write the answer to `sql` to `out` as Parquet; how many rows.

    Raises: ConfigError when the SQL is wrong or wants to do more than read.
    """
    return place.query().export(sql, snapshot(place.stages), out.absolute())


def rejects_of(place: Place, dataset: str, *, by_reason: bool = False) -> list[dict[str, object]]:
    """A dataset's rejected rows, in the order of files and lines; or how many, by reason.

    Raises: ConfigError when there is no such table.
    """
    names = [table.name for table in place.stages.catalog.tables()]
    if dataset not in names:
        raise ConfigError(f"no table {dataset!r}; there are: {', '.join(names) or 'none yet'}")
    if f"{dataset}__rejects" not in names:
        return []
    table = identifier(f"{dataset}__rejects")
    sql = f"SELECT * FROM {table} ORDER BY source_file, line"  # noqa: S608 (quoted)
    if by_reason:
        sql = (
            f"SELECT column_name, reason, count(*) AS rows, "  # noqa: S608 (quoted)
            f"count(DISTINCT source_file) AS files FROM {table} GROUP BY ALL ORDER BY ALL"
        )
    return answer(place, sql).records()


def _view(stages: Stages, table: Table, files: Sequence[DataFile]) -> View:
    alike: dict[tuple[str, bool, bool], list[str]] = {}
    for file in files:
        own = not any(key.startswith(ADOPTED) for key in file.sources)
        # EDP's own files have the partition's columns in them, as they were before encoding
        kind = (json.dumps(dict(file.schema)), own, bool(file.partition) and not own)
        alike.setdefault(kind, []).append(stages.target.locate(file))
    return View(
        table.name,
        {column.name: column.resolved for column in table.columns},
        [
            Files(json.loads(schema), paths, own=own, partitioned=partitioned)
            for (schema, own, partitioned), paths in alike.items()
        ],
    )
