"""A Spark that tests share, and workspaces that are worked off on it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edp.pipeline.foreground import Patience, until_idle
from edp.wiring import Workspace, open_workspace
from tests.workspaces import ask, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from edp.etl.port import Etl, Finished, Task
    from edp.etl.spark.etl import SparkEtl

MEMORY = 600_000_000
PATIENCE_S = 240.0


class Warm:
    """An etl that outlives the work it is opened for."""

    def __init__(self, etl: Etl) -> None:
        self._etl = etl

    def idle(self) -> int:
        return self._etl.idle()

    def warm(self) -> None:
        self._etl.warm()

    def submit(self, task: Task) -> int:
        return self._etl.submit(task)

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        return self._etl.wait(timeout_s, bell=bell)

    def close(self) -> None:
        """Stay."""


def workspace(path: Path, contract: str, etl: Etl | None = None) -> Workspace:
    """A workspace whose work `etl` does; without one, workers of this machine."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "edp.yaml").write_text(contract, "utf-8")
    here = open_workspace(path, environ={"EDP_MASK_KEY": "k" * 32})
    if etl is None:
        return here
    stages = replace(here.stages, etl=lambda: Warm(etl), engine=lambda _bytes: "spark")
    return replace(here, stages=stages)


def work_off(here: Workspace) -> None:
    """Work until nothing is left."""
    rest = until_idle(here, patience=Patience(PATIENCE_S))
    assert rest.finished, "it did not come to rest"


def state(here: Workspace) -> dict[str, Any]:
    """What may not depend on the scheduler: rows, rejects, types and receipts."""
    tables = {
        table.name: ([(c.name, c.resolved) for c in table.columns], _texts(here, table.name))
        for table in here.stages.catalog.tables()
        if not table.name.endswith("__rejects")
    }
    columns = "source_file, line, column_name, value, reason, raw"
    rejects = Counter(ask(here, f"SELECT {columns} FROM edp.rejects")) if tables else Counter()
    receipts = {
        one.key: (one.state, one.counts, one.attempt, one.bytes, one.error, one.contract)
        for one in here.stages.receipts.receipts()
    }
    return {"tables": tables, "rejects": rejects, "receipts": receipts}


def _texts(here: Workspace, table: str) -> Counter[str]:
    """The rows as texts, in which NaN equals itself."""
    return Counter({repr(row): n for row, n in rows(here, table).items()})


@contextmanager
def closing(etl: SparkEtl) -> Iterator[SparkEtl]:
    """The etl, ended on leaving."""
    try:
        yield etl
    finally:
        etl.close()
