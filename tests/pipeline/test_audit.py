"""An audit proves the invariants, and names what breaks each of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest

from edp.core.identity import new_run_id
from edp.pipeline import crawl, feed, proofs
from edp.pipeline.audit import audit
from edp.pipeline.reconcile import reconcile
from edp.pipeline.reprocess import reprocess
from edp.pipeline.retract import retract
from tests.workspaces import do, receipts, work_off, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edp.wiring import Workspace

CONTRACT = """
runtimes: {local: {settle: 0s}}
datasets:
  t: {columns: {n: {type: bigint}}, max_reject_ratio: 0.9}
  u: {}
"""
PROOFS = [name for name, *_ in proofs.PROOFS]


def put(here: Workspace, key: str, text: str) -> None:
    path = here.path / "given.csv"
    path.write_text(text, "utf-8")
    feed.put(here.stages, key, path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with everything that may become of a file."""
    place = tmp_path_factory.mktemp("whole") / "shop"
    with closing(workspace(place, CONTRACT)) as here:
        put(here, "t/a.csv", "n\n1\n2\n2\nx\n")
        put(here, "t/b.csv", "n\n3\n")
        put(here, "t/none.csv", "n\n")
        put(here, "t/bad.csv", "n\0\n")
        put(here, "nowhere.csv", "n\n1\n")
        put(here, "u/c.csv", "m\n1\n")
        put(here, "u/gone.csv", "m\n2\n")
        work_off(here)
        put(here, "t/b.csv", "n\n4\n5\n")
        put(here, "t/d.csv", "n\n6\n")
        put(here, "u/c.csv", "m\ntext\n")
        work_off(here)
        do(here, retract(here.stages, "u/gone.csv", run_id=new_run_id(), memory=here.memory))
        (here.lake / "target/others").mkdir()
        others = here.lake / "target/others/a.parquet"
        duckdb.execute(f"COPY (SELECT 1 AS a) TO '{others}'")
        do(here, crawl.crawl(here.stages, None, run_id=new_run_id(), memory=here.memory))
    return place


@pytest.fixture
def here(whole: Path, tmp_path: Path) -> Iterator[Workspace]:
    subprocess.run(["cp", "-a", str(whole), str(tmp_path / "shop")], check=True)  # noqa: S607
    (tmp_path / "shop/lake/.work").mkdir(exist_ok=True)
    with closing(workspace(tmp_path / "shop", CONTRACT)) as here:
        yield here


def found(here: Workspace, *, deep: bool = False) -> dict[str, list[str]]:
    """Proof to what speaks against it."""
    return {
        proof.name: [f"{one.subject}: {one.problem}; {one.fix}" for one in proof.findings]
        for proof in audit(here, deep=deep).proofs
        if not proof.holds
    }


def table_files(here: Workspace, folder: str) -> list[Path]:
    return sorted((here.lake / folder).glob("*.parquet"))


def test_a_workspace_with_everything_in_it_is_proved(here: Workspace) -> None:
    proved = audit(here, deep=True)

    assert [(proof.name, proof.findings) for proof in proved.proofs] == [(p, ()) for p in PROOFS]
    assert proved.holds
    checked = {proof.name: proof.checked for proof in proved.proofs}
    assert checked == {
        "accepted": 8,
        "states": 10,
        "letters": 2,
        "once": 5,
        "counted": 5,
        "files": 5,
        "named": 5 + 3,  # replaced ones are garbage that is still owed
    }


def test_what_is_queued_again_or_waits_in_the_queue_is_no_finding(here: Workspace) -> None:
    put(here, "t/new.csv", "n\n9\n")
    reprocess(here.stages, ["t/a.csv", "t/bad.csv"])

    assert found(here) == {}


# --- each of them broken by hand ------------------------------------------------------------------


def sql(here: Workspace, *statements: str) -> None:
    """Change the state as nobody may: without constraints, triggers and journal."""
    here.close()
    connection = here.database.connection
    for name in ("one_committed_version_per_object", "data_file_path"):
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    connection.execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
    connection.execute("DROP TRIGGER version_transition")
    for statement in statements:
        connection.execute(statement)


VERSION = "UPDATE version SET {} WHERE object_id = (SELECT id FROM object WHERE key = '{}')"

BY_SQL = {
    "a state that is none": (
        VERSION.format("state = 'lost'", "t/none.csv"),
        "states",
        "its state is 'lost'",
    ),
    "two committed versions": (
        VERSION.format("state = 'committed'", "t/b.csv"),
        "states",
        "t/b.csv: two of its versions are committed",
    ),
    "no newest version": (
        "UPDATE object SET head = NULL WHERE key = 't/a.csv'",
        "states",
        "t/a.csv: none of its versions stands as the newest",
    ),
    "a run that is over": (
        VERSION.format("state = 'running'", "t/a.csv"),
        "states",
        "t/a.csv version 1: it is running, and its run",
    ),
    "a dead letter that is lost": (
        "DELETE FROM dead_letter WHERE key = 't/bad.csv'",
        "letters",
        "t/bad.csv version 1: it is dead, and has no dead letter",
    ),
    "a death without a reason": (
        VERSION.format("error_code = NULL, error_message = NULL", "t/bad.csv"),
        "letters",
        "t/bad.csv version 1: it is dead without a reason",
    ),
    "a letter of a version that lives": (
        "UPDATE dead_letter SET key = 't/a.csv' WHERE key = 't/bad.csv'",
        "letters",
        "it is of t/a.csv version 1, which is not dead",
    ),
    "a committed file in no table": (
        "DELETE FROM live_source WHERE key = 't/none.csv'",
        "once",
        "t/none.csv version 1: it is committed, and is not in the table t",
    ),
    "a file in two tables": (
        """INSERT INTO live_source SELECT (SELECT id FROM catalog_table WHERE name = 'u'), key,
           profile_id FROM live_source WHERE key = 't/a.csv'""",
        "once",
        "t/a.csv: its rows are in the tables t and u",
    ),
    "a superseded version in a table": (
        VERSION.format("state = 'superseded'", "t/a.csv"),
        "once",
        "t/a.csv: its rows are in a table, and none of its versions is to be there",
    ),
    "a retracted file that is back": (
        """INSERT INTO live_source SELECT table_id, 'u/gone.csv', profile_id FROM live_source
           WHERE key = 'u/c.csv'""",
        "once",
        "none of its versions is to be there; `edp retract u/gone.csv`",
    ),
    "rows of nobody": (
        "UPDATE file_source SET key = 't/other.csv' WHERE key = 't/a.csv'",
        "once",
        "it holds rows of t/other.csv, which is not in the table",
    ),
    "a file named twice": (
        """INSERT INTO data_file (table_id, path, rows, bytes, sha256, schema_id, origin, added_in)
           SELECT table_id, path, rows, bytes, sha256, schema_id, origin, added_in FROM data_file
           WHERE removed_in IS NULL AND origin = 'adopted'""",
        "once",
        "target/others/a.parquet: tables name it 2 times",
    ),
    "a receipt that does not add up": (
        VERSION.format("rows_filtered = 1", "t/a.csv"),
        "counted",
        "t/a.csv version 1: rows_read is not the sum",
    ),
    "a receipt that says more than there is": (
        VERSION.format("rows_read = 5, rows_written = 3", "t/a.csv"),
        "counted",
        "its receipt says 3 rows written, the catalog has files with 2",
    ),
    "a receipt without its rejects": (
        VERSION.format("rows_read = 3, rows_rejected = 0", "t/a.csv"),
        "counted",
        "its receipt says 0 rows rejected, the catalog has files with 1",
    ),
    "a catalog that counts otherwise": (
        "UPDATE data_file SET rows = 9 WHERE path LIKE 'rejects/%' AND removed_in IS NULL",
        "files",
        "its footer says 1 rows, the catalog 9",
    ),
}


@pytest.mark.parametrize("name", BY_SQL)
def test_a_broken_state_is_named(here: Workspace, name: str) -> None:
    statement, proof, phrase = BY_SQL[name]

    sql(here, statement)

    against = found(here)
    assert any(phrase in one for one in against.get(proof, [])), against


def forgotten(here: Workspace) -> None:
    (here.lake / "source/t/late.csv").write_text("n\n1\n", "utf-8")


def overwritten(here: Workspace) -> None:
    (here.lake / "source/t/a.csv").write_text("n\n77\n", "utf-8")


def event_lost(here: Workspace) -> None:
    put(here, "t/new.csv", "n\n1\n")
    sql(here, "DELETE FROM message")


def removed(here: Workspace) -> None:
    table_files(here, "target/t")[-1].unlink()


def cut(here: Workspace) -> None:
    file = table_files(here, "rejects/t")[0]
    file.chmod(0o644)
    with file.open("r+b") as out:
        out.truncate(file.stat().st_size - 1)


def orphaned(here: Workspace) -> None:
    file = here.lake / f"target/t/{new_run_id()}-1-0-0a0b0c0d.parquet"
    file.write_bytes(b"")
    os.utime(file, (time.time() - 3 * 86400,) * 2)


def strange(here: Workspace) -> None:
    (here.lake / "target/others/b.parquet").write_bytes(b"")


BY_FILE: dict[str, tuple[Callable[[Workspace], None], str, str]] = {
    "no event, no listing": (forgotten, "accepted", "t/late.csv: it is in the source, and nobody"),
    "bytes changed": (overwritten, "accepted", "t/a.csv: its bytes have changed"),
    "event lost": (event_lost, "accepted", "t/new.csv: its event is neither in the queue"),
    "file removed": (removed, "files", "it is not there; put it back from a backup"),
    "file cut": (cut, "files", "it cannot be read"),
    "garbage left": (orphaned, "named", "it should have been collected"),
    "file of others": (strange, "named", "b.parquet: no table has it, and EDP did not write it"),
}


@pytest.mark.parametrize("name", BY_FILE)
def test_broken_files_are_named(here: Workspace, name: str) -> None:
    break_, proof, phrase = BY_FILE[name]

    break_(here)

    against = found(here)
    assert against.keys() == {proof}
    assert any(phrase in one for one in against[proof]), against


def test_bytes_that_changed_in_place_are_found_by_a_deep_look_only(here: Workspace) -> None:
    (name,) = {f.path for _, f in here.stages.catalog.inventory().files if "t/a.csv" in f.sources
               and f.kind == "data"}  # fmt: skip
    file = here.lake / name
    flipped = bytearray(file.read_bytes())
    flipped[6] ^= 1
    file.chmod(0o644)
    file.write_bytes(flipped)

    assert found(here) == {}
    (against,) = found(here, deep=True)["files"][:1]
    assert "its bytes are not those that were committed" in against or "cannot be read" in against


def test_rows_under_another_files_name_are_found_by_a_deep_look(here: Workspace) -> None:
    sql(
        here,
        "UPDATE file_source SET rows = 3 - rows WHERE file_id = "
        "(SELECT file_id FROM file_source WHERE key = 't/d.csv')",
    )

    assert "files" not in found(here)
    assert any(
        "rows that the catalog says of t/b.csv, t/d.csv" in one
        for one in found(here, deep=True)["files"]
    )


def test_the_ways_out_of_findings_lead_out(here: Workspace) -> None:
    removed(here)
    (lost,) = [proof for proof in audit(here).proofs if not proof.holds]
    sources = {k for _, f in here.stages.catalog.inventory().files for k in f.sources
               if f.path == lost.findings[0].subject}  # fmt: skip
    forgotten(here)

    reconcile(here.stages)
    reprocess(here.stages, sorted(sources))
    work_off(here)

    assert found(here, deep=True) == {}
    assert receipts(here)["t/late.csv"].state == "committed"


# --- while others work ----------------------------------------------------------------------------

LOADING = """
import sys
from pathlib import Path
from edp import Pipeline
place = Path(sys.argv[1])
with Pipeline.open(place) as pipeline:
    print("at work", flush=True)
    for version in range(4):
        for name in "abcd":
            Path(place, f"{name}.csv").write_text(f"n\\n{version}\\n", "utf-8")
        pipeline.ingest(*(Path(place, f"{name}.csv") for name in "abcd"), dataset="t")
"""


def test_a_workspace_that_is_being_worked_is_proved_as_well(tmp_path: Path) -> None:
    contract = CONTRACT + "retention: {superseded: 0s}\n"
    here = workspace(tmp_path / "shop", contract)
    script = [sys.executable, "-c", LOADING, str(here.path)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as loading:
        assert loading.stdout
        loading.stdout.readline()
        against = []
        while loading.poll() is None:
            against.append(found(here))
            time.sleep(0.1)

    assert loading.returncode == 0
    assert [one for one in against if one] == []
    assert found(here, deep=True) == {}
