"""Puts: many at once are told of in their order, and what cannot be put takes no other along."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edp.core import events
from edp.core.errors import ConfigError
from edp.pipeline import feed
from tests.workspaces import workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edp.wiring import Workspace

MANY = 40


def inbox(path: Path) -> dict[str, Path]:
    path.mkdir(parents=True)
    files = {f"t/{'deep/' * (n % 3)}{n:02}.csv": path / f"{n:02}.csv" for n in range(MANY)}
    for n, file in enumerate(files.values()):
        file.write_text(f"id\n{n}\n", "utf-8")
    return files


def told(here: Workspace) -> list[str]:
    """The keys that events in the queue tell of, in the order of their sequencers."""
    bodies = [lease.body for lease in here.stages.queue.receive(limit=1000)]
    records = [record for body in bodies for record in events.parse(body).created]
    by_sequencer = sorted(records, key=lambda record: record.sequencer or "")
    assert by_sequencer == records
    return [record.key for record in records]


def test_many_files_are_put_and_told_of_in_their_order(tmp_path: Path) -> None:
    here, files = workspace(tmp_path / "here"), inbox(tmp_path / "inbox")

    stored = feed.put_all(here.stages, files)

    assert [one.key for one in stored] == list(files)
    assert told(here) == list(files)


def test_many_files_are_told_of_in_few_transactions(tmp_path: Path) -> None:
    here, files = workspace(tmp_path / "here"), inbox(tmp_path / "inbox")
    commits = []

    def together(do: Callable[[], object]) -> None:
        commits.append(do)
        here.stages.together(do)

    class Slow:
        """The first file takes until all others are there."""

        def __init__(self) -> None:
            self.left = threading.Semaphore(0)

        def __getattr__(self, name: str) -> object:
            return getattr(here.stages.source, name)

        def put(self, key: str, path: Path) -> object:
            if key == next(iter(files)):
                for _ in range(MANY - 1):
                    assert self.left.acquire(timeout=20)
            stored = here.stages.source.put(key, path)
            self.left.release()
            return stored

    slow = replace(here.stages, source=Slow(), together=together)  # type: ignore[arg-type]
    feed.put_all(slow, files)

    assert len(commits) <= 2, "the first, and what was there by then"
    assert told(here) == list(files)


def test_a_file_that_cannot_be_put_takes_none_before_it_along(tmp_path: Path) -> None:
    here, files = workspace(tmp_path / "here"), inbox(tmp_path / "inbox")
    missing = list(files)[MANY // 2]
    files[missing].unlink()

    with pytest.raises(ConfigError, match=f"{MANY // 2}.csv"):
        feed.put_all(here.stages, files)

    assert told(here) == list(files)[: MANY // 2]


def test_threads_that_put_at_once_all_put(tmp_path: Path) -> None:
    here, files = workspace(tmp_path / "here"), inbox(tmp_path / "inbox")
    todo = iter(files.items())
    threads = [
        threading.Thread(target=lambda: [feed.put(here.stages, *file) for file in todo])
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(told(here)) == sorted(files)
