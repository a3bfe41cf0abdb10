"""The processes that are killed: one that feeds, and one that works.

Each is a process of the product's own code, with a fault point armed or none.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.cli.log import Narrator
from edp.cli.torture import plan
from edp.core import clock, events
from edp.core.errors import ConfigError
from edp.core.events import ObjectCreated
from edp.core.faults import arm
from edp.pipeline.service import serve
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.source.port import Stored
    from edp.wiring import Workspace

LOG: Final = "torture.log"
"""The file that the processes write to, below the workspace."""
_FED: Final = "fed"
_TAKE_OVER_S: Final = 10.0


@dataclass(frozen=True)
class Feed:
    """What is fed into a workspace: the plan of `seed`, from `begin` on, in `over_s` seconds."""

    folder: Path
    files: int
    seed: int
    begin: float
    over_s: float


def fed(folder: Path) -> int:
    """How many puts of the plan are known to have been done."""
    path = folder / _FED
    return path.stat().st_size if path.exists() else 0


def feed(one: Feed, faults: str) -> None:
    """Do the puts that are not known to be done, and tell of each as the plan says.

    What was put and not yet told of when the process is killed is not told of any more.
    """
    _write_to(one.folder / LOG)
    arm(faults)
    here = open_workspace(one.folder, environ={})
    puts = plan.puts(one.files, one.seed)
    done = fed(one.folder)
    rng = random.Random(f"{one.seed}/told/{done}")  # noqa: S311 (an order of chance, no secret)
    later: list[tuple[int, str]] = []
    with (one.folder / _FED).open("ab", buffering=0) as progress:
        for n, put in enumerate(puts[done:], start=done):
            time.sleep(max(0.0, one.begin + one.over_s * n / len(puts) - time.time()))
            body = _put(here, one.folder, put)
            progress.write(b".")
            later += [(n + after, body) for after in put.told]
            due = [body for at, body in later if at <= n]
            later = [(at, body) for at, body in later if at > n]
            _tell(here, due, rng)
    _tell(here, [body for _, body in later], rng)


def _put(here: Workspace, folder: Path, put: plan.Put) -> str:
    """Put the file into the source; the event that tells of it.

    The ledger is told nothing of the put, as with a bucket that others write into.
    """
    path = folder / "putting.csv"
    path.write_text(put.text, "utf-8")
    return _event(here, here.stages.source.put(put.key, path))


def _event(here: Workspace, stored: Stored) -> str:
    record = ObjectCreated(
        bucket=here.stages.source.bucket,
        key=stored.key,
        size=stored.size,
        etag=stored.sha256,
        sequencer=here.stages.ledger.next_sequencer(),
        event_time=clock.now(),
    )
    return events.render([record])


def _tell(here: Workspace, bodies: list[str], rng: random.Random) -> None:
    rng.shuffle(bodies)
    for body in bodies:
        here.stages.topic.publish(body)
    here.stages.ring()


def work(folder: Path, faults: str, worker_faults: str) -> None:
    """Work the workspace as `edp run` does, until killed."""
    _write_to(folder / LOG)
    arm(faults)
    here = open_workspace(folder, environ={"EDP_FAULTS_WORKER": worker_faults})
    log = Narrator(here.stages.events, here.stages.outbox)
    deadline = time.monotonic() + _TAKE_OVER_S
    while time.monotonic() < deadline:  # the one before may not be quite dead
        with suppress(ConfigError):
            serve(here, watch=False, log=log, stop=lambda: False)
        time.sleep(0.01)


def _write_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)
