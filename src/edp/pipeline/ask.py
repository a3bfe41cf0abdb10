"""Asking: SQL over the tables as the catalog has them at one moment, and over EDP's records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from edp.core.files import ADOPTED
from edp.query.port import Files, Snapshot, View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edp.catalog.port import Table
    from edp.core.files import DataFile
    from edp.pipeline.stages import Stages

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
    "id": _INT, "at": _TIME, "source": _TEXT, "detail_type": _TEXT, "detail": "JSON",
}  # fmt: skip
SCHEMA_CHANGES: Final = {
    "at": _TIME, "table": _TEXT, "version": _INT, "column_name": _TEXT, "change": _TEXT,
    "old_type": _TEXT, "new_type": _TEXT, "method": _TEXT, "run_id": _TEXT,
}  # fmt: skip


def snapshot(stages: Stages) -> Snapshot:
    """What a query may see, as it is now."""
    records: Mapping[
        str, tuple[Mapping[str, str], Callable[[], Sequence[Mapping[str, object]]]]
    ] = {
        "files": (FILES, lambda: [one.to_json() for one in stages.receipts.receipts()]),
        "runs": (RUNS, stages.receipts.runs),
        "events": (EVENTS, stages.events.since),
        "schema_changes": (SCHEMA_CHANGES, stages.catalog.schema_changes),
    }
    views = {table.name: _view(stages, table, files) for table, files in stages.catalog.snapshot()}
    return Snapshot(views, records)


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
