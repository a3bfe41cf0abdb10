"""Opening: a source file becomes bytes of our own with a header, or a failure with its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edp.core.errors import EdpError, Failure
from edp.etl.engine.header import Source, dialect_of, read_header
from edp.etl.engine.snapshot import check_format, check_tag, hashed, take, with_one_line_end

if TYPE_CHECKING:
    from edp.core.contract import Dataset
    from edp.etl.port import Input


@dataclass(frozen=True)
class Unopened:
    """A file that cannot be read, and why; its hash and size (bytes) as far as it has been."""

    failure: Failure
    sha256: str = ""
    size: int = 0


def open_source(given: Input, number: int, workdir: str, contract: Dataset) -> Source | Unopened:
    """The input's snapshot with its header; `number` is its place among the job's inputs."""
    folder = Path(workdir) / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        snapshot, signs = hashed(take(given, number, folder))
    except EdpError as error:
        return Unopened(Failure.of(error))
    try:
        check_tag(snapshot, given.sha256)
        check_format(snapshot, signs, contract)
        if not signs.one_line_end:
            snapshot = with_one_line_end(snapshot, dialect_of(snapshot, contract.csv))
        return read_header(snapshot, contract.csv)
    except EdpError as error:
        return Unopened(Failure.of(error), snapshot.sha256, snapshot.size)
