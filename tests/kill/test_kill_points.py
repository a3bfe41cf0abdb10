"""kill -9 at every point of the flow: after the next start not one row is missing or doubled."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from edp.backends.sqlite import Database, journal
from edp.backends.sqlite.replay import replay
from edp.core.faults import POINTS
from edp.pipeline.audit import audit
from edp.pipeline.dead import dead_message
from edp.pipeline.work import garbage
from edp.queue.local import LocalDeadLetters
from edp.wiring import Workspace, open_workspace
from tests.workspaces import ask

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kill

FILES = {
    "a.csv": "id,name\n1,ann\n2,bob\n2,bob\n",
    "b.csv": "id,name\n3,cyd\n4,dan\n",
    "c.csv": "id,name\n05,eve\n",  # makes the column text: the others are cast or read again
}
ROWS = Counter(
    {("1", "ann"): 1, ("2", "bob"): 1, ("3", "cyd"): 1, ("4", "dan"): 1, ("05", "eve"): 1}
)
IN_SUPERVISOR = (
    "put.staged:1",
    "put.staged:3",
    "put.renamed:1",
    "put.renamed:2",
    "intake.received:1",
    "intake.accepted:1",
    "run.claimed:1",
    "run.claimed:2",
    "commit.planned:1",
    "commit.planned:2",
    "target.renamed:1",
    "target.renamed:2",
    "commit.before:1",
    "commit.before:2",
    "commit.noted:1",
    "commit.noted:2",
    "commit.after:1",
    "commit.after:2",
)
AROUND_A_COMMIT = (
    "target.renamed:2",
    "commit.before:2",
    "commit.noted:1",
    "commit.noted:2",
    "commit.after:1",
    "commit.after:2",
)
IN_COMPACT = (
    "compact.planned:1",
    "target.renamed:1",
    "compact.before:1",
    "commit.noted:1",
    "compact.after:1",
)
IN_WORKER = ("engine.snapshot:1", "engine.snapshot:2", "engine.staged:1")
CRASHED = "crashed the parser"
CONTRACT = """
runtimes: {local: {settle: 0s, workers: 1}}
batch: {max_files: 2}
retry: {base: 10ms}
retention: {superseded: 0s}
"""
SIGKILL = -9


def edp(workspace: Path, *arguments: str, faults: str = "", worker_faults: str = "") -> int:
    """Run the command as a user would; its exit status."""
    done = subprocess.run(
        [sys.executable, "-c", "from edp.cli import main; main()", *arguments],
        env=os.environ
        | {
            "EDP_WORKSPACE": str(workspace),
            "EDP_FAULTS": faults,
            "EDP_FAULTS_WORKER": worker_faults,
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "edp.yaml").write_text(CONTRACT, "utf-8")
    return folder


def check(place: Path, *, leftovers: bool = False) -> None:
    """The promise: every row once, every receipt adds up, every listed file is whole.

    With `leftovers` there may be a folder in `.work`, which goes once it is old.
    """
    here = open_workspace(place, environ={})
    assert here.stages.queue.depth() == 0
    assert here.stages.receipts.pending() == 0
    found = here.stages.receipts.receipts()
    assert {r.key for r in found if r.state == "committed"} == {f"orders/{n}" for n in FILES}
    assert all(r.counts and r.counts.conserved for r in found if r.state == "committed")
    assert Counter(ask(here, "SELECT id, name FROM orders")) == ROWS
    assert here.stages.dead_letters.list() == []
    assert [proof for proof in audit(here, deep=True).proofs if not proof.holds] == []
    _whole(here, leftovers=leftovers)


def _whole(here: Workspace, *, leftovers: bool) -> None:
    listed = [file for _, files in here.stages.catalog.snapshot() for file in files]
    for file in listed:
        with (here.lake / file.path).open("rb") as src:
            assert hashlib.file_digest(src, "sha256").hexdigest() == file.sha256
    garbage(here.stages)
    # what a killed commit had published: nobody is at work now, so none is to come
    here.stages.target.collect(named=here.stages.catalog.named(), older_than_s=0)
    there = {path for path, _ in here.target.list()}
    assert there == {file.path for file in listed}
    folders = {p.name for p in (here.lake / ".work").iterdir() if p.is_dir()}
    assert leftovers or folders == set()


def finish(place: Path, inbox: Path) -> None:
    """What a person does after a crash: start again, and put again what was not put."""
    edp(place, "crawl")
    assert edp(place, "run", "--until-idle") == 0
    assert edp(place, "ingest", str(inbox), "--dataset", "orders") == 0


@pytest.mark.parametrize("fault", IN_SUPERVISOR)
def test_a_kill_at_this_point_loses_and_doubles_nothing(
    place: Path, inbox: Path, fault: str
) -> None:
    status = edp(place, "ingest", str(inbox), "--dataset", "orders", faults=fault)
    finish(place, inbox)

    assert status == SIGKILL, "the fault did not fire"
    check(place)


@pytest.mark.parametrize("fault", IN_WORKER)
def test_a_worker_killed_at_this_point_is_replaced_and_its_run_split(
    place: Path, inbox: Path, fault: str
) -> None:
    status = edp(place, "ingest", str(inbox), "--dataset", "orders", worker_faults=fault)

    assert status == 0
    here = open_workspace(place, environ={})
    assert [run["error_code"] for run in here.stages.receipts.runs()].count(CRASHED) == 1
    check(place)


def test_a_kill_while_garbage_is_collected_loses_nothing(place: Path, inbox: Path) -> None:
    edp(place, "ingest", str(inbox), "--dataset", "orders")
    (inbox / "a.csv").write_text("id,name\n", "utf-8")

    # the old rows of a.csv leave the table, and so does the file that held them
    status = edp(place, "ingest", str(inbox), "--dataset", "orders", faults="garbage.removed:1")
    (inbox / "a.csv").write_text(FILES["a.csv"], "utf-8")
    finish(place, inbox)

    assert status == SIGKILL, "the fault did not fire"
    check(place)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has loaded every file by a run of its own."""
    place = tmp_path_factory.mktemp("one-by-one") / "workspace"
    inbox = place / "inbox"
    inbox.mkdir(parents=True)
    for name, text in FILES.items():
        (inbox / name).write_text(text, "utf-8")
    (place / "edp.yaml").write_text(CONTRACT.replace("max_files: 2", "max_files: 1"), "utf-8")
    assert edp(place, "ingest", str(inbox), "--dataset", "orders") == 0
    return place


@pytest.mark.parametrize("fault", IN_COMPACT)
def test_a_kill_while_small_files_are_merged_loses_nothing(
    one_by_one: Path, tmp_path: Path, fault: str
) -> None:
    place = shutil.copytree(one_by_one, tmp_path / "workspace")

    status = edp(place, "compact", faults=fault)
    check(place, leftovers=True)
    again = edp(place, "compact", "orders")

    assert (status, again) == (SIGKILL, 0), "the fault did not fire"
    check(place, leftovers=True)
    (table,) = open_workspace(place, environ={}).stages.catalog.tables()
    assert table.files == 2, "c.csv is stored as text"


def test_a_worker_killed_while_it_merges_loses_nothing(one_by_one: Path, tmp_path: Path) -> None:
    place = shutil.copytree(one_by_one, tmp_path / "workspace")

    status = edp(place, "compact", worker_faults="engine.rewritten:1")

    assert status == 1
    check(place)


MERGING = """
import sys
from pathlib import Path
from edp.backends.sqlite import journal, merge
from edp.core.faults import arm
lake = Path(sys.argv[1])
arm("commits.merged")
merge(lake / "commits", lake / ".work" / "merging.db", least=0)
"""


def test_a_kill_while_commits_are_merged_loses_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = open_workspace(place, environ={})
    monkeypatch.setattr(journal, "SEGMENT", 1)
    for n in range(12):
        here.stages.dead_letters.add(dead_message(f"message {n}", "why", attributes={}))
    before = sorted(here.stages.dead_letters.list(), key=lambda one: one.id)

    done = subprocess.run([sys.executable, "-c", MERGING, str(here.lake)], timeout=60, check=False)

    again = place / "again.db"
    replayed = replay(here.lake / "commits", again, whole=lambda _: True)
    found = LocalDeadLetters(Database(again), "etl").list()
    assert done.returncode == SIGKILL, "the fault did not fire"
    assert replayed.damages == []
    assert sorted(found, key=lambda one: one.id) == before


@pytest.mark.parametrize("fault", AROUND_A_COMMIT)
def test_a_state_lost_with_a_kill_is_made_again(place: Path, inbox: Path, fault: str) -> None:
    status = edp(place, "ingest", str(inbox), "--dataset", "orders", faults=fault)
    for part in (place / "lake").glob("state.db*"):
        part.unlink()

    refused = edp(place, "status")
    rebuilt = edp(place, "rebuild")
    finish(place, inbox)

    assert status == SIGKILL, "the fault did not fire"
    assert (refused, rebuilt) == (2, 0)
    check(place)


def test_a_kill_while_the_state_is_made_again_loses_nothing(place: Path, inbox: Path) -> None:
    edp(place, "ingest", str(inbox), "--dataset", "orders")

    status = edp(place, "rebuild", faults="rebuild.aside:1")
    refused = edp(place, "status")
    rebuilt = edp(place, "rebuild")
    finish(place, inbox)

    assert status == SIGKILL, "the fault did not fire"
    assert (refused, rebuilt) == (2, 0)
    check(place)


@pytest.mark.parametrize("point", ["backup.copied", "backup.named"])
def test_a_kill_while_a_backup_is_made_leaves_a_whole_one_or_none(
    place: Path, inbox: Path, tmp_path: Path, point: str
) -> None:
    edp(place, "ingest", str(inbox), "--dataset", "orders")

    status = edp(place, "backup", str(tmp_path / "kept"), faults=point)

    assert status == SIGKILL, "the fault did not fire"
    assert (tmp_path / "kept").exists() == (point == "backup.named")
    if point == "backup.copied":
        assert edp(place, "backup", str(tmp_path / "kept")) == 0
    check(tmp_path / "kept")
    check(place)
    assert {path.name for path in tmp_path.iterdir()} == {"inbox", "kept", "workspace"}


def test_every_point_is_killed_at() -> None:
    tried = {fault.partition(":")[0] for fault in (*IN_SUPERVISOR, *IN_COMPACT, *IN_WORKER)}

    elsewhere = {
        "engine.rewritten",
        "garbage.removed",
        "commits.merged",
        "rebuild.aside",
        "backup.copied",
        "backup.named",
        "job.planned",
        "job.started",
        "settle.read",
    }
    assert tried | elsewhere == set(POINTS)
