"""EDP: `edp ingest` in a new workspace, from the files to their receipts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.work import DATASET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EDP: Final = (sys.executable, "-c", "from edp.cli import main; main()")


def ingest(workspace: Path, source: Path, contract: str, *, spark: bool = False) -> Sequence[str]:
    """The command that loads `source`, a file or a folder, into the new `workspace`."""
    workspace.mkdir(parents=True)
    (workspace / "edp.yaml").write_text(contract, "utf-8")
    engine = ["--engine", "spark"] if spark else []
    return [*EDP, "--workspace", str(workspace), "ingest", str(source), "--dataset", DATASET,
            *engine, "--json"]  # fmt: skip


def rows_read(receipts: Path) -> int:
    """Rows that the receipts in the file say were read; all files must be committed."""
    files = json.loads(receipts.read_text())["files"]
    assert all(file["state"] == "committed" for file in files), files
    return sum(int(file["rows_read"]) for file in files)
