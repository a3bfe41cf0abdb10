"""Rebuilding: the state of a local workspace, made again from the commits written down beside it.

The state before is moved aside and never deleted. Until the new one stands in its place every
command refuses the workspace, so that a rebuild that was cut off is begun again.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.backends.folder import fsync_folder
from edp.backends.lock import Lock
from edp.backends.sqlite import LOST, replay
from edp.core import clock
from edp.core.contract import Config, load
from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.faults import reach
from edp.core.holder import Holder
from edp.core.identity import new_run_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WITH: Final = ("", "-wal", "-shm")
"""What SQLite calls the files of one database."""


@dataclass(frozen=True)
class Rebuilt:
    """What came of it: how many commits, and the time of the last (seconds; 0 without one).

    `damages` are the places that could not be read; what came after them counts all the same.
    `left_out` says that the last commit written down had not happened. `aside` is where the state
    before is now, None where there was none. `lost` is what nothing can give back.
    """

    commits: int
    last_at: float
    damages: tuple[str, ...]
    left_out: bool
    aside: Path | None
    lost: tuple[str, ...]


def rebuild(path: Path, *, environ: Mapping[str, str]) -> Rebuilt:
    """Make the state of the workspace in `path` again.

    Raises: ConfigError when a process works the workspace, or there are no commits to go by;
    StoreUnavailable when the disk refuses.
    """
    contract = path / "edp.yaml"
    config = load(contract, environ=environ) if contract.exists() else Config()
    lake = (path / config.runtimes.local.root).absolute()
    commits = lake / "commits"
    if not any(commits.glob("*.jsonl")):
        raise ConfigError(
            f"{commits} holds no commits to rebuild from; `edp run --until-idle` in a new "
            "workspace loads lake/source again"
        )
    lock = Lock(lake / ".lock")
    try:
        with lock.held(Holder(os.getpid(), "edp rebuild", clock.now())) as held:
            if not held:
                raise ConfigError(f"{lock.holder() or 'another process'} is at work; stop it first")
            return _rebuild(lake, commits)
    except OSError as error:
        raise StoreUnavailable(f"cannot rebuild {lake}: {error}") from error


def _rebuild(lake: Path, commits: Path) -> Rebuilt:
    work = lake / ".work"
    work.mkdir(exist_ok=True)
    made = work / "rebuilding.db"
    made.unlink(missing_ok=True)
    replayed = replay(commits, made, whole=lambda file: _is_whole(lake, file))
    with made.open("rb") as file:
        os.fsync(file.fileno())
    state = lake / "state.db"
    aside = _move_aside(state)
    reach("rebuild.aside")
    made.rename(state)
    fsync_folder(lake)
    return Rebuilt(
        commits=replayed.n,
        last_at=replayed.at,
        damages=tuple(f"{one.place}: {one.what}" for one in replayed.damages),
        left_out=replayed.left_out,
        aside=aside,
        lost=tuple(LOST.values()),
    )


def _move_aside(state: Path) -> Path | None:
    """Move the state's files aside, itself first: where it is not, nobody takes the others up."""
    aside = state.with_name(f"{state.name}.{new_run_id()}")
    there = [end for end in _WITH if state.with_name(state.name + end).exists()]
    for end in there:
        state.with_name(state.name + end).rename(aside.with_name(aside.name + end))
    fsync_folder(state.parent)
    return aside if "" in there else None


def _is_whole(lake: Path, file: Mapping[str, object]) -> bool:
    """Whether a data file, told as its row in the state, is there and what it was."""
    with suppress(OSError), (lake / str(file["path"])).open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest() == file["sha256"]
    return False
