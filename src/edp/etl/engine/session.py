"""One DuckDB connection for one task, in memory, spilling below the task's own folder.

It loads no extension that is not in the wheel and knows no time zone but UTC.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from edp.core.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_MEMORY = 128_000_000
"""Bytes below which DuckDB cannot hold a CSV buffer."""


_spare: list[duckdb.DuckDBPyConnection] = []


def prepare() -> None:
    """Open the next session's database ahead of it: that takes longer than a small file's query."""
    if not _spare:
        _spare.append(duckdb.connect(":memory:"))


@contextmanager
def session(workdir: str, *, memory: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with limits set; `memory` in bytes."""
    spill = Path(workdir) / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    with closing(_spare.pop() if _spare else duckdb.connect(":memory:")) as con:
        # first of all: on in spawned workers, and prints to stdout
        con.execute("SET enable_progress_bar = false")
        settings: dict[str, str | int | bool] = {
            "memory_limit": f"{max(memory, LEAST_MEMORY)}B",
            "temp_directory": str(spill),
            "TimeZone": "UTC",
            "threads": max(threads, 1),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
            # The written side of a join stays the streamed one, so that rows keep their order;
            # looking for common subexpressions is quadratic in columns and gains nothing here.
            "disabled_optimizers": "join_order,build_side_probe_side,common_subexpressions",
        }
        for name, value in settings.items():
            con.execute(f"SET {name} = {literal(value)}")
        yield con
