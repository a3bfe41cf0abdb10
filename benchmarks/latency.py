"""Latency: from the start of a `put` until a query answers with the file's rows, under `edp up`.

The files come one by one to a pipeline that is warm; each is a new object of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.orders import ROW_BYTES, write_orders
from benchmarks.peers.edp import EDP
from benchmarks.work import DATASET, contract
from edp.pipeline import feed
from edp.pipeline.ask import snapshot
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edp.wiring import Workspace

_SIZE: Final = 10**6
_COLD: Final = 5
"""Files that warm the pipeline up, and do not count."""
_POLL_S: Final = 0.002
_PAUSE_S: Final = 0.1
_PATIENCE_S: Final = 60.0
_PARTED: Final = "    partition_by: [order_date]\n"


@dataclass(frozen=True)
class Waited:
    """Seconds from the start of the put to the commit, and to the answer, one for each file."""

    committed_s: list[float]
    answered_s: list[float]


def run(folder: Path, *, files: int, parted: bool) -> Waited:
    """Put `files` files of 1 MB; with `parted` their rows are in thirty partitions, else in one."""
    rows = round(_SIZE / ROW_BYTES)
    paths = write_orders(folder / "source", rows=(files + _COLD) * rows, files=files + _COLD)
    place = folder / "workspace"
    place.mkdir()
    text = contract("4GB") + "batch: {max_wait: 0s}\n"
    (place / "edp.yaml").write_text(text if parted else text.replace(_PARTED, ""), "utf-8")
    try:
        with _up(place):
            here = open_workspace(place, environ={})
            waited = [_wait(here, path) for path in paths][_COLD:]
    finally:
        shutil.rmtree(folder)
    return Waited([one for one, _ in waited], [other for _, other in waited])


@contextmanager
def _up(place: Path) -> Iterator[None]:
    with subprocess.Popen([*EDP, "up"], cwd=place, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            if b"working" not in process.stderr.readline():
                raise RuntimeError("edp up did not start")
            log = (place / "up.log").open("wb")
            with log, subprocess.Popen(["/bin/cat"], stdin=process.stderr, stdout=log):
                yield
                process.terminate()
                process.wait(timeout=_PATIENCE_S)
        finally:
            process.kill()


def _wait(here: Workspace, path: Path) -> tuple[float, float]:
    key = f"{DATASET}/{path.name}"
    time.sleep(_PAUSE_S)
    began = time.perf_counter()
    feed.put(here.stages, key, path)
    while (head := here.stages.receipts.heads([key]).get(key)) is None or head.state != "committed":
        if time.perf_counter() - began > _PATIENCE_S or (head and head.state == "dead"):
            raise RuntimeError(f"{key} was not committed")
        time.sleep(_POLL_S)
    committed = time.perf_counter()
    sql = f"SELECT count(*) FROM {DATASET} WHERE _source_file = '{key}'"  # noqa: S608 (our own)
    ((found,),) = here.query().ask(sql, snapshot(here.stages)).rows
    answered = time.perf_counter()
    assert head.counts
    assert found == head.counts.rows_written
    return committed - began, answered - began
