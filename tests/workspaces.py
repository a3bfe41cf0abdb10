"""Workspaces for tests: made, fed, worked off and looked at, by the functions that ship."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edp.pipeline.ask import snapshot
from edp.pipeline.reconcile import recover
from edp.pipeline.work import Work, drive, until
from edp.wiring import Workspace, open_workspace

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from edp.core.receipts import Receipt
    from edp.etl.port import Finished, Task

T = TypeVar("T")

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real and messy files beside the project; tests that read them skip where they are absent."""
PATIENCE_S = 60.0


def workspace(
    path: Path, contract: str = "", *, environ: Mapping[str, str] | None = None
) -> Workspace:
    """A workspace in `path`, with `contract` as its edp.yaml; files settle at once."""
    path.mkdir(parents=True, exist_ok=True)
    text = contract or "runtimes: {local: {settle: 0s}}\n"
    (path / "edp.yaml").write_text(text, "utf-8")
    return open_workspace(path, environ=environ or {})


def work_off(here: Workspace) -> None:
    """Work until nothing is left."""
    with here.working() as held, here.etl() as etl:
        assert held, "another process works this workspace"
        recover(here.stages, orphaned=True)
        work = Work(here.stages, etl, memory=here.memory)
        assert until(work, lambda: work.idle, timeout_s=PATIENCE_S), "it did not come to rest"


def do(here: Workspace, steps: Generator[Sequence[Task], Sequence[Finished], T]) -> T:
    """Have the steps of one operation done."""
    with here.etl() as etl:
        return drive(steps, etl)


def rows(here: Workspace, table: str) -> Counter[tuple[tuple[str, object], ...]]:
    """The rows of a table as a multiset, by column name, without the time of loading."""
    answer = here.query().ask(
        f'SELECT * EXCLUDE (_loaded_at) FROM "{table}"', snapshot(here.stages)
    )
    return Counter(tuple(sorted(zip(answer.columns, row, strict=True))) for row in answer.rows)


def ask(here: Workspace, sql: str) -> list[tuple[object, ...]]:
    """The rows that answer `sql`."""
    return list(here.query().ask(sql, snapshot(here.stages)).rows)


def states(here: Workspace, key: str) -> list[str]:
    """The states of a key's versions, oldest first."""
    return [receipt.state for receipt in here.stages.receipts.receipts(keys=[key])]


def receipts(here: Workspace) -> dict[str, Receipt]:
    """The receipt of every key's newest version."""
    keys = {receipt.key for receipt in here.stages.receipts.receipts()}
    return dict(here.stages.receipts.heads(sorted(keys)))
