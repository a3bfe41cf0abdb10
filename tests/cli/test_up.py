"""`edp up` as a process: it watches, it is handed work, and it stops when it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edp import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EDP = [sys.executable, "-c", "from edp.cli import main; main()"]
PATIENCE_S = 30.0


def edp(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDP, *arguments], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def up(place: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*EDP, "up"], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            opening = process.stderr.readline()
            assert "working" in opening
            assert os.environ.get("EDP_LOG") != "json" or json.loads(opening)
            yield process
        finally:
            process.kill()


def committed(place: Path) -> int:
    files = json.loads(edp(place, "files", "--json").stdout)["files"]
    return sum(1 for file in files if file["state"] == "committed")


def wait_for(place: Path, n: int) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while (found := committed(place)) < n and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "edp.yaml").write_text(
        "runtimes: {local: {settle: 200ms}}\nbatch: {max_wait: 0s}\n", "utf-8"
    )
    (tmp_path / "a.csv").write_text("id\n1\n", "utf-8")
    (tmp_path / "b.csv").write_text("id\n2\n", "utf-8")
    return tmp_path


def test_files_that_are_put_or_copied_in_are_loaded_and_sigterm_stops_it(place: Path) -> None:
    with up(place) as process:
        edp(place, "put", "a.csv", "--dataset", "t")
        folder = place / "lake" / "source" / "t"
        (folder / "b.csv").write_text("id\n2\n", "utf-8")

        found = wait_for(place, 2)
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=15)

    assert (found, status) == (2, 0)


def test_ingest_hands_its_files_over_and_waits_for_them(place: Path) -> None:
    with up(place):
        ran = edp(place, "ingest", "a.csv", "b.csv", "--dataset", "t", "--json")

    assert ran.returncode == 0
    assert {file["state"] for file in json.loads(ran.stdout)["files"]} == {"committed"}


def test_a_python_program_hands_its_files_over_too(place: Path) -> None:
    with up(place), Pipeline.open(place) as pipeline:
        receipts = pipeline.ingest(place / "a.csv", place / "b.csv", dataset="t", timeout=60)
        loaded = pipeline.rows("SELECT id FROM t ORDER BY id")

    assert [receipt.state for receipt in receipts] == ["committed", "committed"]
    assert loaded == [{"id": 1}, {"id": 2}]


def test_the_log_is_json_from_its_first_line_where_that_is_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDP_LOG", "json")
    with up(place) as process:
        edp(place, "ingest", "a.csv", "--dataset", "t")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=15)

    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert "EDP File State Change" in events


def test_a_second_one_is_told_who_works_the_workspace(place: Path) -> None:
    with up(place) as process:
        second = edp(place, "up")
        status = json.loads(edp(place, "status", "--json").stdout)["worker"]

    assert second.returncode == 2
    assert f"process {process.pid} (edp up, since " in second.stderr
    assert (status["pid"], status["command"], status["paused"]) == (process.pid, "edp up", "")
    assert json.loads(edp(place, "status", "--json").stdout)["worker"] is None


def test_what_a_killed_process_left_is_taken_up_by_the_next(place: Path) -> None:
    with up(place) as process:
        edp(place, "put", "a.csv", "--dataset", "t")
        process.kill()
        process.wait()

    with up(place):
        found = wait_for(place, 1)

    assert found == 1


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return [int(child) for child in found]


def named(pids: Iterable[int], what: str) -> list[int]:
    """Those that were started with `what` in their command line."""
    return [pid for pid in pids if what in Path(f"/proc/{pid}/cmdline").read_text("utf-8")]


@pytest.mark.kill
def test_it_goes_on_when_its_workers_or_the_server_that_forks_them_are_killed(place: Path) -> None:
    with up(place) as process:
        edp(place, "ingest", "a.csv", "--dataset", "t")
        (server,) = named(children(process.pid), "forkserver")
        for worker in children(server):
            os.kill(worker, signal.SIGKILL)
        one = edp(place, "ingest", "b.csv", "--dataset", "t", "--json")
        os.kill(server, signal.SIGKILL)
        (place / "c.csv").write_text("id\n3\n", "utf-8")
        other = edp(place, "ingest", "c.csv", "--dataset", "t", "--json")
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=15)

    assert (one.returncode, other.returncode, status) == (0, 0, 0)


SLOW = """
import time


def transform(rows):
    time.sleep(600)
    return rows
"""


def test_a_second_signal_stops_it_at_once_and_charges_nothing(place: Path) -> None:
    (place / "edp.yaml").write_text(
        "batch: {max_wait: 0s}\ndatasets: {t: {transform: slow.py:transform}}\n", "utf-8"
    )
    (place / "slow.py").write_text(SLOW, "utf-8")
    with up(place) as process:
        edp(place, "put", "a.csv", "--dataset", "t")
        deadline = time.monotonic() + PATIENCE_S
        while not json.loads(edp(place, "runs", "--json").stdout)["runs"]:
            assert time.monotonic() < deadline, "no run has started"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=15)
        (file,) = json.loads(edp(place, "files", "--json").stdout)["files"]
        (run,) = json.loads(edp(place, "runs", "--json").stdout)["runs"]

    assert (status, file["state"], file["attempts"], run["state"]) == (0, "queued", 0, "released")
