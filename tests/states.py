"""Two states compared: what a journal has to give back of one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw

from edp.backends.sqlite.kept import KEPT, Keeper, shapes

if TYPE_CHECKING:
    from pathlib import Path

RESTING = ("committed", "superseded", "dead", "discarded")
Row = dict[str, Any]


def assert_given_back(again: Path, lost: Path) -> None:
    """Assert that `again` holds of the state `lost` all that a journal has to give back."""
    given, had = _kept(again), _kept(lost)
    resting = {row["id"] for row in had["version"] if row["state"] in RESTING}
    waiting = [row["state"] for row in given["version"] if row["id"] not in resting]
    assert set(waiting) <= {"queued"}
    heads = {row["id"]: row["head"] for row in had["object"]}
    open_ = {object_ for object_, head in heads.items() if head not in resting}
    for tables in (given, had):
        last_run = {row["id"]: row["run_id"] for row in tables["version"]}
        objects = {row["object_id"] for row in tables["version"] if row["id"] in resting}
        tables["version"] = [row for row in tables["version"] if row["id"] in resting]
        tables["heard"] = [row for row in tables["heard"] if row["version_id"] in resting]
        tables["run_member"] = [
            row
            for row in tables["run_member"]
            if row["version_id"] in resting and row["run_id"] == last_run[row["version_id"]]
        ]
        tables["object"] = [
            row | ({"head": None, "numbered": None} if row["id"] in open_ else {})
            for row in tables["object"]
            if row["id"] in objects
        ]
        del tables["counter"]  # they go on without a commit
    assert given == had


def _kept(path: Path) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {table: [] for table in KEPT}
    with closing(apsw.Connection(str(path))) as connection:
        for part in Keeper(connection, shapes(connection)).everything():
            for table, rows in part.items():
                tables[table] += [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]
    return tables
