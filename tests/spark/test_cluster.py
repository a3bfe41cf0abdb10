"""A cluster loses executors and runs tasks twice; tables are none the worse for it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edp.etl.spark.etl import SparkEtl
from edp.pipeline import feed
from tests.spark.warm import MEMORY, closing, state, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace

CONTRACT = """
runtimes: {local: {settle: 0s}}
retry: {max_attempts: 9, base: 1ms, cap: 1ms}
datasets:
  slow: {transform: "slow.py:transform"}
"""
SLOW = """
import time

def transform(rows):
    time.sleep(0.5 if rows.filter("n = '0'").fetchall() else 0.2)
    return rows
"""
CLUSTER = {
    "spark.edp.taskBytes": "30",
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.multiplier": "1.05",
    "spark.speculation.quantile": "0.1",
    "spark.speculation.minTaskRuntime": "50ms",
    "spark.task.maxFailures": "8",
    "spark.executor.memory": "512m",
    "spark.deploy.maxExecutorRetries": "-1",
}
FILES = 16


def fed(path: Path, etl: SparkEtl | None) -> Workspace:
    path.mkdir()
    (path / "slow.py").write_text(SLOW, "utf-8")
    here = workspace(path, CONTRACT, etl)
    for n in range(FILES):
        (path / "bytes").write_text(f"n,m\n{n},1\n{n},1\n{n}\n{n},2\n", "utf-8")
        feed.put(here.stages, f"slow/{n}.csv", path / "bytes")
    return here


def executors(etl: SparkEtl) -> list[int]:
    """The executors' processes, which are of the driver's session."""
    driver = etl._driver  # noqa: SLF001 (nothing else names the process)
    if driver is None:
        return []
    command = ["/usr/bin/pgrep", "-s", str(driver.pid), "-f", "CoarseGrainedExecutorBackend"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split()]


@pytest.mark.timeout(300)
def test_executors_are_killed_and_tasks_run_twice(tmp_path: Path) -> None:
    wanted = fed(tmp_path / "local", None)
    work_off(wanted)
    chance = random.Random(7)
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while len(killed) < 2 and not over.wait(chance.uniform(1.0, 2.0)):
            alive = executors(etl)
            if list((tmp_path / "spark" / "lake" / ".work").glob("*/answers/*")) and alive:
                killed.append(chance.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)
                time.sleep(2)

    with closing(
        SparkEtl("local-cluster[2,1,512]", CLUSTER, memory=MEMORY, log=tmp_path / "log")
    ) as etl:
        here = fed(tmp_path / "spark", etl)
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            work_off(here)
        finally:
            over.set()
            killer.join()

    assert killed, "no executor was killed while there was work"
    assert state(here) == state(wanted)
    assert not list((tmp_path / "spark" / "lake" / ".work").glob("*/tasks"))
