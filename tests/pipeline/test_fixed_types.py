"""Where types are fixed, files on the disk store exactly what the table says, whatever came first.

The catalog is the one of AWS, over the local stages; files are opened as a reader would who casts
nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from edp.catalog.local import LocalCatalog
from edp.core.names import RESERVED
from edp.core.sql import physical
from edp.etl import engine
from edp.etl.port import Finished, Job, JobResult
from edp.pipeline.audit import audit
from edp.pipeline.reprocess import chosen, reprocess
from edp.pipeline.retract import retract
from edp.pipeline.run import run
from edp.pipeline.work import Work, until
from tests.pipeline.test_interleavings import InProcess, claim, put, step
from tests.workspaces import ask, do, receipts, workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from edp.core.files import DataFile, Outcome
    from edp.etl.port import Task
    from edp.pipeline.replace import Steps
    from edp.wiring import Workspace

HEAD = "runtimes: {local: {settle: 0s}}\nretry: {base: 1ms, cap: 1ms, max_attempts: 2}\n"


def fixed(path: Path, datasets: str = "") -> Workspace:
    """A workspace whose catalog fixes types."""
    here = workspace(path, f"{HEAD}{datasets}")
    catalog = LocalCatalog(here.database, here.config.name, fixed=True)
    return replace(here, stages=replace(here.stages, catalog=catalog))


def work_off(here: Workspace, etl: InProcess | None = None) -> None:
    work = Work(here.stages, etl or InProcess(), memory=here.memory)
    assert until(work, lambda: work.idle, timeout_s=60)


def load(here: Workspace, name: str, *values: str) -> None:
    put(here, f"t/{name}.csv", "".join(f"{line}\n" for line in ("id,n", *values)))
    work_off(here)


def types(here: Workspace, table: str = "t") -> dict[str, str]:
    """The table's types, as a reader is told, without EDP's own columns."""
    (found,) = (one for one in here.stages.catalog.tables() if one.name == table)
    return {c.name: c.type for c in found.columns if c.name not in RESERVED}


def stored(here: Workspace, table: str = "t") -> list[dict[str, str]]:
    """What each Parquet file of the table's folder stores, by column, in DuckDB's words."""
    with duckdb.connect() as con:
        return [
            {
                name: kind
                for name, kind, *_ in con.execute(
                    f"DESCRIBE FROM read_parquet('{path}', hive_partitioning = false)"
                ).fetchall()
                if name not in RESERVED
            }
            for path in sorted(Path(here.lake, "target", table).rglob("*.parquet"))
        ]


def all_alike(here: Workspace, table: str = "t") -> bool:
    """Whether every live file stores the table's types, and nothing else lies beside them."""
    wanted = {name: physical(kind) for name, kind in types(here, table).items()}
    files = stored(here, table)
    live = [one for one in here.stages.catalog.files(table) if one.kind == "data"]
    assert len(files) == len(live)
    return all(kind == wanted[name] for file in files for name, kind in file.items())


def tidy(here: Workspace) -> None:
    """Remove what no table has any more."""
    here.stages.target.remove(here.stages.catalog.retired(removed_for_s=-1))


def counts(here: Workspace, key: str) -> tuple[int, int]:
    found = receipts(here)[key].counts
    assert found is not None
    return found.rows_written, found.rows_rejected


def test_the_order_of_files_decides_and_misfits_are_rejects(tmp_path: Path) -> None:
    one, other = fixed(tmp_path / "one"), fixed(tmp_path / "other")
    for here, order in ((one, "ab"), (other, "ba")):
        for name in order:
            load(here, name, *{"a": ("1,1", "2,2"), "b": ("3,3", "4,4.5", "5,5")}[name])

    assert (types(one)["n"], types(other)["n"]) == ("bigint", "double")
    assert ask(one, "SELECT id, n FROM t ORDER BY id") == [(1, 1), (2, 2), (3, 3), (5, 5)]
    assert ask(one, "SELECT source_file, line, value FROM t__rejects") == [("t/b.csv", 3, "4.5")]
    assert ask(other, "SELECT sum(n) FROM t") == [(15.5,)]
    for here in (one, other):
        assert all_alike(here)
        assert audit(here).holds


def test_a_file_of_which_most_rows_misfit_is_dead_with_the_reason(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,1")

    load(here, "b", "2,x")

    (item,) = here.stages.dead_letters.list()
    assert item.code == "reject limit exceeded"
    assert "n is not a bigint" in item.reason
    assert ask(here, "SELECT id FROM t") == [(1,)]


def test_types_stay_when_files_are_overwritten_and_retracted(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,1.5")
    load(here, "b", "2,2")
    load(here, "a", "1,1")
    do(here, retract(here.stages, "t/a.csv", run_id="r9", memory=here.memory))
    tidy(here)

    assert ask(here, "SELECT id, n FROM t") == [(2, 2.0)]
    assert types(here)["n"] == "double"
    assert all_alike(here)
    assert ask(here, "SELECT * FROM edp.schema_changes") == []


def test_a_file_that_shares_one_with_others_leaves_it_as_it_was_stored(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    put(here, "t/a.csv", "id,d\n1,12/31/2024\n")
    put(here, "t/b.csv", "id,d\n2,2024-01-02\n")
    work_off(here)
    do(here, retract(here.stages, "t/a.csv", run_id="r9", memory=here.memory))
    tidy(here)
    put(here, "t/c.csv", "id,d\n3,12/30/2024\n4,31/12/2024\n")
    work_off(here)

    assert ask(here, "SELECT id, d::VARCHAR FROM t ORDER BY 1") == [
        (2, "2024-01-02"),
        (3, "2024-12-30"),
    ]
    assert all_alike(here)
    assert audit(here).holds


def go_on(steps: Steps, etl: InProcess, tasks: Sequence[Task] | None) -> None:
    while tasks is not None:
        tasks = step(steps, etl, tasks)


def ingest(here: Workspace, name: str, *values: str) -> None:
    """Commit a file by a run of its own, whatever else is under way."""
    put(here, f"t/{name}.csv", "".join(f"{line}\n" for line in ("id,n", *values)))
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    go_on(steps, InProcess(), next(steps))


def begun(here: Workspace, name: str, *values: str) -> tuple[Steps, Sequence[Task]]:
    """A run of a file, up to its job."""
    put(here, f"t/{name}.csv", "".join(f"{line}\n" for line in ("id,n", *values)))
    steps = run(here.stages, claim(here), memory=here.memory, threads=1)
    return steps, next(steps)


def test_of_two_first_commits_at_once_the_later_follows_the_earlier(tmp_path: Path) -> None:
    here, etl = fixed(tmp_path), InProcess()
    late, tasks = begun(here, "late", "1,1.5", "2,2", "3,3")
    ingest(here, "early", "4,4")

    go_on(late, etl, tasks)

    assert etl.jobs == [["t/late.csv"], ["t/late.csv"]]
    assert types(here)["n"] == "bigint"
    assert ask(here, "SELECT id, n FROM t ORDER BY id") == [(2, 2), (3, 3), (4, 4)]
    assert counts(here, "t/late.csv") == (2, 1)
    assert all_alike(here)
    assert audit(here).holds


def test_files_of_an_overtaken_commit_are_not_left_beside_those_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, etl = fixed(tmp_path), InProcess()
    late, tasks = begun(here, "late", "1,x", "2,2", "3,3")
    publish, there = here.stages.target.publish, []

    def overtaken(dataset: str, files: Sequence[DataFile]) -> Sequence[DataFile]:
        published = publish(dataset, files)
        monkeypatch.undo()
        there.extend(stored(here))
        ingest(here, "early", "4,4")
        return published

    monkeypatch.setattr(here.stages.target, "publish", overtaken)

    go_on(late, etl, tasks)

    assert there == [{"id": "BIGINT", "n": "VARCHAR"}]
    assert ask(here, "SELECT id, n FROM t ORDER BY id") == [(2, 2), (3, 3), (4, 4)]
    assert counts(here, "t/late.csv") == (2, 1)
    assert all_alike(here)
    assert audit(here).holds


def test_an_overtaken_file_that_does_not_fit_at_all_is_tried_again_and_dead_with_the_reason(
    tmp_path: Path,
) -> None:
    here, etl = fixed(tmp_path), InProcess()
    late, tasks = begun(here, "late", "1,x")
    ingest(here, "early", "4,4")

    go_on(late, etl, tasks)
    between = receipts(here)["t/late.csv"]
    work_off(here)

    assert between.state == "queued"
    (item,) = here.stages.dead_letters.list()
    assert (item.code, item.attempts) == ("reject limit exceeded", 2)


class Apart(InProcess):
    """Does each input of a job by itself, as tasks do that share a batch."""

    def _done(self, ticket: int, task: Task) -> Finished:
        if not isinstance(task, Job):
            return super()._done(ticket, task)
        self.jobs.append([one.key for one in task.inputs])
        outcomes: list[Outcome] = []
        staged: list[DataFile] = []
        for n, one in enumerate(task.inputs):
            room = Path(task.workdir, f"task-{n}")
            room.mkdir()
            done = engine.run(replace(task, inputs=[one], workdir=str(room)))
            outcomes += done.outcomes
            staged += done.staged
        return Finished(ticket, JobResult(outcomes, staged))


def test_files_of_a_first_batch_that_were_typed_apart_are_read_again(tmp_path: Path) -> None:
    here, etl = fixed(tmp_path), Apart()
    texts = {"a": "1", "b": "1.50", "c": "x", "d": ""}
    for name, text in texts.items():
        put(here, f"t/{name}.csv", f"id,n\n1,{text}\n")

    work_off(here, etl)

    assert etl.jobs == [[f"t/{n}.csv" for n in "abcd"], ["t/a.csv", "t/b.csv"]]
    assert ask(here, "SELECT n FROM t ORDER BY n NULLS LAST") == [
        ("1",),
        ("1.50",),
        ("x",),
        (None,),
    ]
    assert all_alike(here)
    assert audit(here).holds


def test_a_transform_whose_type_differs_by_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text(
        "def t(rows):\n"
        "    whole = rows.filter(\"contains(n, '.')\").count('*').fetchall() == [(0,)]\n"
        "    return rows.project('n::BIGINT AS n' if whole else 'n::DOUBLE AS n')\n"
    )
    here, etl = fixed(tmp_path, "datasets: {t: {transform: 't.py:t'}}\n"), InProcess()
    put(here, "t/a.csv", "n\n1\n")
    work_off(here, etl)
    put(here, "t/b.csv", "n\n1.5\n")

    work_off(here, etl)

    (item,) = here.stages.dead_letters.list()
    assert (item.key, item.code) == ("t/b.csv", "task failed")
    assert item.reason.startswith(
        "column n of table t is bigint, and t/b.csv comes out with double: types stay"
    )
    assert "cast it in `transform`" in item.reason
    assert len(etl.jobs) <= 5
    assert all_alike(here)


DECLARED = "datasets: {t: {columns: {n: {type: double}}}}\n"


def test_a_newly_declared_type_is_the_tables_once_a_file_comes(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,1", "2,2", "3,7")
    load(here, "b", "4,4")
    here = fixed(tmp_path, DECLARED)

    load(here, "c", "5,5.5")
    tidy(here)

    assert types(here) == {"id": "bigint", "n": "double"}
    assert ask(here, "SELECT sum(n), count(*) FROM t") == [(19.5, 5)]
    assert all_alike(here)
    assert audit(here).holds
    (change,) = here.stages.catalog.schema_changes()
    assert (change["old_type"], change["new_type"]) == ("bigint", "double")


def test_values_that_a_newly_declared_type_refuses_are_rejects_of_their_files(
    tmp_path: Path,
) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,x", "2,2", "3,3")
    here = fixed(tmp_path, DECLARED)

    load(here, "b", "4,4.5")
    tidy(here)

    assert ask(here, "SELECT id, n FROM t ORDER BY id") == [(2, 2.0), (3, 3.0), (4, 4.5)]
    assert ask(here, "SELECT source_file, value FROM t__rejects") == [("t/a.csv", "x")]
    assert counts(here, "t/a.csv") == (2, 1)
    assert audit(here).holds


def test_a_newly_declared_type_loses_no_value_whose_source_is_gone(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,x")
    (here.lake / "source" / "t" / "a.csv").unlink()
    here = fixed(tmp_path, DECLARED)

    load(here, "b", "4,4.5")

    assert ask(here, "SELECT id, n FROM t") == [(1, "x")]
    (item,) = here.stages.dead_letters.list()
    assert item.key == "t/b.csv"
    assert item.reason.startswith(
        "edp.yaml declares double for column n of table t, which is string so far, and t/a.csv "
        "cannot be read again (t/a.csv: its bytes are gone; put the file again); declare"
    )
    assert all_alike(here)


def test_a_backfill_gives_the_tables_types_again(tmp_path: Path) -> None:
    here = fixed(tmp_path)
    load(here, "a", "1,1.5")
    load(here, "b", "2,2")

    reprocess(here.stages, chosen(here.stages, prefix="t/").again)
    work_off(here)
    tidy(here)

    assert ask(here, "SELECT id, n FROM t ORDER BY id") == [(1, 1.5), (2, 2.0)]
    assert all_alike(here)
