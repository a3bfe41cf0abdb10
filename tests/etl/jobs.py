"""Jobs for the engine's tests, and what they staged, read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from edp.core.contract import Dataset
from edp.etl.engine import run
from edp.etl.port import Input, Job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edp.core.files import DataFile, Outcome
    from edp.core.types import Admits
    from edp.etl.port import JobResult

LOADED_AT = 1_700_000_000.25
"""Seconds."""


@dataclass(frozen=True)
class Ran:
    """A job's result, by key."""

    result: JobResult

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {outcome.key: outcome for outcome in self.result.outcomes}

    @property
    def outcome(self) -> Outcome:
        (only,) = self.result.outcomes
        return only

    def files(self, kind: str) -> list[DataFile]:
        return [file for file in self.result.staged if file.kind == kind]

    @property
    def schema(self) -> dict[str, str]:
        (file,) = self.files("data")
        return dict(file.schema)

    def rows(self, columns: str = "* EXCLUDE (_loaded_at)") -> list[tuple[Any, ...]]:
        return [row for file in self.files("data") for row in rows(file, columns)]

    def rejects(self, columns: str) -> list[tuple[Any, ...]]:
        return [row for file in self.files("rejects") for row in rows(file, columns)]


def rows(file: DataFile, columns: str = "*") -> list[tuple[Any, ...]]:
    """The rows of a staged file, in its order."""
    with duckdb.connect() as con:
        query = f"SELECT {columns} FROM read_parquet($path, hive_partitioning=false)"
        return con.execute(query, {"path": file.path}).fetchall()


def run_job(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    live: Mapping[str, Admits] | None = None,
    threads: int = 1,
    **contract: Any,  # noqa: ANN401 (settings of every type)
) -> Ran:
    """Run the engine over `files` (key -> bytes) under a contract with these settings."""
    inputs = []
    for n, (key, data) in enumerate(files.items()):
        path = folder / f"source-{n}"
        path.write_bytes(data)
        inputs.append(Input(key, str(path)))
    return run_inputs(folder, inputs, live=live, threads=threads, **contract)


def run_inputs(
    folder: Path,
    inputs: list[Input],
    *,
    live: Mapping[str, Admits] | None = None,
    threads: int = 1,
    **contract: Any,  # noqa: ANN401 (settings of every type)
) -> Ran:
    """Run the engine over `inputs` under a contract with these settings."""
    workdir = folder / "work"
    workdir.mkdir(exist_ok=True)
    job = Job(
        run_id="run1",
        fence=2,
        dataset="things",
        contract=Dataset(**contract),
        inputs=inputs,
        workdir=str(workdir),
        loaded_at=LOADED_AT,
        live=live or {},
        threads=threads,
    )
    return Ran(run(job))
