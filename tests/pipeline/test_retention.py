"""What is kept for a while goes when it is over."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from edp.core.identity import new_run_id
from edp.pipeline.work import garbage
from tests.workspaces import workspace

if TYPE_CHECKING:
    from pathlib import Path


def kinds(path: Path, events: str) -> list[object]:
    here = workspace(path, f"retention: {{events: {events}}}\n")
    for name in ("a", "b"):
        here.stages.events.put(name, {})

    garbage(here.stages)

    return [event["detail_type"] for event in here.stages.events.since()]


def test_events_are_kept_as_long_as_retention_says(tmp_path: Path) -> None:
    assert kinds(tmp_path / "long", "1h") == ["a", "b"]
    assert kinds(tmp_path / "short", "0s") == ["b"]


def test_room_is_made_before_any_is_taken(tmp_path: Path) -> None:
    here = workspace(tmp_path, "")
    orphan = tmp_path / "lake/target/t" / f"{new_run_id()}-1-0-0123abcd.parquet"
    orphan.parent.mkdir()
    orphan.write_bytes(b"1")
    os.utime(orphan, (1, 1))
    left = []

    garbage(replace(here.stages, tidy=lambda: left.append(orphan.exists())))

    assert left == [False]
