"""Worker processes: they answer, they are replaced, and what they may take is bounded."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edp.core.contract import Dataset
from edp.etl import local
from edp.etl.local import LocalEtl
from edp.etl.port import Input, Job, JobResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.etl.port import Finished

MEMORY = 500_000_000
PATIENCE_S = 30.0


def job(folder: Path, name: str = "a", rows: int = 3) -> Job:
    path = folder / f"{name}.csv"
    path.write_text("id,text\n" + "".join(f"{n},some words\n" for n in range(rows)), "utf-8")
    workdir = folder / f"work-{name}"
    workdir.mkdir()
    return Job(
        run_id="20260101T000000-00000000",
        fence=1,
        dataset="t",
        contract=Dataset(),
        inputs=[Input(f"t/{name}.csv", str(path))],
        workdir=str(workdir),
        loaded_at=0.0,
        memory=MEMORY,
    )


def ends(etl: LocalEtl, n: int) -> list[Finished]:
    deadline = time.monotonic() + PATIENCE_S
    found: list[Finished] = []
    while len(found) < n and time.monotonic() < deadline:
        found += etl.wait(0.05)
    assert len(found) == n, "the workers did not answer"
    return found


def written(finished: Sequence[Finished]) -> list[int]:
    results = [one.result for one in finished]
    return [r.outcomes[0].counts.rows_written for r in results if isinstance(r, JobResult)]


def test_tasks_beyond_the_workers_wait_for_their_turn(tmp_path: Path) -> None:
    etl = LocalEtl(1, memory=MEMORY)
    try:
        tickets = [etl.submit(job(tmp_path, name)) for name in "abc"]
        idle = etl.idle()
        found = ends(etl, 3)
    finally:
        etl.close()

    assert idle == 0
    assert sorted(one.ticket for one in found) == tickets
    assert written(found) == [3, 3, 3]


def test_a_worker_that_dies_fails_its_task_and_is_replaced(tmp_path: Path) -> None:
    etl = LocalEtl(1, memory=MEMORY, faults="engine.snapshot:1")
    try:
        etl.submit(job(tmp_path, "a"))
        (died,) = ends(etl, 1)
        etl.submit(job(tmp_path, "b"))
        (went,) = ends(etl, 1)
    finally:
        etl.close()

    assert died.failure is not None
    assert (died.failure.code, died.failure.permanent) == ("crashed the parser", False)
    assert f"signal {signal.SIGKILL.value}" in died.failure.message
    assert written([went]) == [3]


def test_a_task_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    etl = LocalEtl(1, memory=MEMORY, timeout_s=0.05)
    try:
        etl.submit(job(tmp_path, rows=400_000))
        (stopped,) = ends(etl, 1)
    finally:
        etl.close()

    assert stopped.failure is not None
    assert stopped.failure.code == "timed out"


def test_a_worker_that_takes_too_much_memory_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_BASE_MEMORY", -3 * MEMORY // 2)
    etl = LocalEtl(1, memory=MEMORY)
    try:
        etl.submit(job(tmp_path, rows=400_000))
        (stopped,) = ends(etl, 1)
    finally:
        etl.close()

    assert stopped.failure is not None
    assert stopped.failure.code == "out of memory"


def test_workers_end_with_their_owner(tmp_path: Path) -> None:
    etl = LocalEtl(2, memory=MEMORY)
    etl.submit(job(tmp_path))
    ends(etl, 1)
    (worker,) = [one.process.pid for one in etl._workers]  # noqa: SLF001 (nothing else tells)
    assert worker is not None

    etl.close()

    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_worker_outlives_the_process_that_forked_it(tmp_path: Path) -> None:
    etl = LocalEtl(1, memory=MEMORY)
    try:
        etl.warm()
        (worker,) = etl._workers  # noqa: SLF001 (nothing else tells)
        os.kill(parent(worker.process.pid), signal.SIGKILL)
        etl.submit(job(tmp_path, "a"))
        (first,) = ends(etl, 1)
        os.kill(worker.process.pid or 0, signal.SIGKILL)
        etl.submit(job(tmp_path, "b"))
        (lost,) = ends(etl, 1)
        etl.submit(job(tmp_path, "c"))
        (second,) = ends(etl, 1)
    finally:
        etl.close()

    assert written([first, second]) == [3, 3]
    assert lost.failure is None or lost.failure.code == "crashed the parser"


def parent(pid: int | None) -> int:
    """The process that a process was forked from."""
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    return int(stat.rpartition(")")[2].split()[1])
