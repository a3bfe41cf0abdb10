"""Waiting for work: by doing it, or beside the process that does, and never for nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from edp.pipeline.foreground import Patience, until_idle
from edp.pipeline.ingest import destinations, ingest
from tests.workspaces import states, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.receipts import Receipt
    from edp.wiring import Workspace

KEY = "orders/a.csv"


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "w")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("id\n1\n2\n", "utf-8")
    return path


def at_work(here: Workspace) -> bool:
    """Whether a version is in a run's hands."""
    return any("running" in counts for counts in here.stages.receipts.states().values())


def test_a_caller_goes_on_where_the_one_that_worked_has_left(here: Workspace, file: Path) -> None:
    receipts: list[Receipt] = []
    put = threading.Event()
    with here.working() as held:
        assert held
        waiting = threading.Thread(
            target=lambda: receipts.extend(
                ingest(here, {KEY: file}, patience=Patience(30.0), shown=lambda _n: put.set())
            )
        )
        waiting.start()
        put.wait(30.0)
        assert states(here, KEY) == []  # it waits, and nobody works

    waiting.join(60.0)

    assert [receipt.state for receipt in receipts] == ["committed"]


def test_a_wait_that_is_over_leaves_the_file_queued(here: Workspace, file: Path) -> None:
    with here.working() as held:
        assert held

        (receipt,) = ingest(here, {KEY: file}, patience=Patience(0.0))

    assert (receipt.key, receipt.dataset, receipt.state) == (KEY, "orders", "queued")
    work_off(here)
    assert states(here, KEY) == ["committed"]


def test_a_caller_that_is_interrupted_gives_the_file_back_uncharged(
    here: Workspace, file: Path
) -> None:
    def interrupt() -> bool:
        if at_work(here):
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        ingest(here, {KEY: file}, patience=Patience(stop=interrupt))

    (receipt,) = here.stages.receipts.receipts(keys=[KEY])
    assert (receipt.state, receipt.attempts) == ("queued", 0)


def test_idle_tells_the_dead_letters_that_came_meanwhile(here: Workspace) -> None:
    here.stages.queue.send("before")
    work_off(here)

    rest = until_idle(here, first=lambda: here.stages.queue.send("meanwhile"))

    assert rest.finished
    assert [letter.body for letter in rest.dead_letters] == ["meanwhile"]


def test_waiting_ends_when_somebody_says_so(here: Workspace) -> None:
    with here.working() as held:
        assert held

        rest = until_idle(
            here, first=lambda: here.stages.queue.send("x"), patience=Patience(stop=lambda: True)
        )

    assert not rest.finished


def test_where_files_would_go_is_known_before_one_is_put(here: Workspace, tmp_path: Path) -> None:
    (tmp_path / "in" / "2026").mkdir(parents=True)
    for name in ("2026/a.csv", "b.csv", ".c.csv", "_d.csv"):
        (tmp_path / "in" / name).touch()

    found = destinations(here.config, [tmp_path / "in", tmp_path / "in" / "2026/a.csv"], "orders")

    assert found == {
        "orders/2026/a.csv": tmp_path / "in" / "2026" / "a.csv",
        "orders/b.csv": tmp_path / "in" / "b.csv",
        "orders/a.csv": tmp_path / "in" / "2026" / "a.csv",
    }
