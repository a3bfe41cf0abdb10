"""Doctor: looks at this machine and at a workspace, and says what is wrong and how to mend it.

What can be seen without it is looked at even where the contract or the state is broken.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import apsw

from edp.backends.sqlite.migrations import steps
from edp.core.errors import ConfigError
from edp.wiring.doctor import disk, machine, probing, workspace
from edp.wiring.doctor.checks import Check
from edp.wiring.doctor.trying import disk_time, tried
from edp.wiring.local import BASE_MEMORY, LEAST_MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edp.core.contract import Local

__all__ = ["Check", "examine"]


def examine(path: Path, *, environ: Mapping[str, str]) -> list[Check]:
    """Every check of this machine and of the workspace in `path`, in this order.

    Raises: ConfigError where there is no such folder.
    """
    if not path.is_dir():
        raise ConfigError(f"the workspace {path} is not a folder; make it, or say --workspace")
    path = path.absolute()
    contract = probing.contract(path, environ)
    local = contract.config.runtimes.local
    lake = (path / local.root).absolute()
    state = probing.state(lake)
    found = [
        *_machine(local, lake, environ),
        *_disk(path, lake, state.last),
        workspace.contract(contract.wrong, contract.datasets),
        workspace.environment(contract.named, contract.set, open_dotenv=contract.open_dotenv),
        workspace.settings(contract.config),
    ]
    if contract.wrong is None or lake.is_dir():  # else nobody knows where the lake is
        found += _lake(path, lake, state)
    return found


def _lake(path: Path, lake: Path, state: probing.State) -> list[Check]:
    return [
        workspace.permissions(probing.folders(path, lake), os.geteuid()),
        workspace.state(state.wrong, state.schema, steps(), state.damage),
        workspace.commits(*probing.commits(lake)),
        workspace.data(len(state.files), probing.data(lake, state.files)),
        workspace.letters(state.causes),
        workspace.holder(probing.lock(lake).holder()),
        workspace.leftovers(*probing.leftovers(lake)),
    ]


def _machine(local: Local, lake: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    yield machine.python(sys.version_info[:3])
    yield machine.sqlite(apsw.sqlite_lib_version(), apsw.compile_options)
    yield machine.duckdb(*probing.duckdb())
    yield machine.processors(probing.processors(), local.workers)
    least = BASE_MEMORY + LEAST_MEMORY
    yield machine.memory(probing.memory(), int(local.memory), local.workers, least)
    yield machine.watches(
        probing.watch_limit(), probing.watch_refused(), probing.source_folders(lake)
    )
    yield machine.handles(*probing.handles())
    yield machine.texts(*probing.encodings())
    yield machine.extras(
        probing.extras(), java=probing.java(environ), spark=local.spark is not None
    )


def _disk(path: Path, lake: Path, last: float) -> Iterator[Check]:
    place = probing.trying_place(path, lake)
    yield disk.kind(disk.mounted(str(place.resolve()), probing.mountinfo()))
    yield disk.room(probing.room(place))
    yield disk.keeps_its_word(tried(place))
    now = time.time()
    yield machine.clock(now, disk_time(place) or now, last)
