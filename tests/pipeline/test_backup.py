"""A backup is of one moment, whole, and a workspace that goes on by itself."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edp.backends import copying
from edp.backends.sqlite import journal, merge
from edp.backends.sqlite.copying import copy_state
from edp.backends.sqlite.records import Damage, chain, segments
from edp.core.contract import parse, with_root
from edp.core.errors import ConfigError, StateDamaged, StateOutdated, StoreUnavailable
from edp.pipeline import feed, intake
from edp.pipeline.audit import audit
from edp.pipeline.dead import dead_message
from edp.pipeline.reconcile import reconcile
from edp.pipeline.work import garbage
from edp.wiring import Workspace, backup, open_workspace
from edp.wiring.backup import back_up
from tests.workspaces import ask, receipts, states, work_off, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edp.backends.sqlite import Database

EAGER = "runtimes: {local: {settle: 0s}}\nretention: {superseded: 0s}\nbatch: {max_files: 2}\n"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Workspace]:
    with closing(workspace(tmp_path / "shop", EAGER)) as here:
        yield here


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on another file system; where there is none, links are refused as between two."""
    shared = Path("/dev/shm")  # noqa: S108 (the folder in it gets a name nobody can guess)
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        monkeypatch.setattr(copying, "_cloned", lambda *_: False)
        monkeypatch.setattr(copying, "_linked", lambda *_: False)
        shared = tmp_path
    folder = Path(tempfile.mkdtemp(dir=shared))
    yield folder
    shutil.rmtree(folder)


def put(here: Workspace, key: str, *values: object) -> None:
    path = here.path / "given.csv"
    path.write_text("n\n" + "".join(f"{value}\n" for value in values), "utf-8")
    feed.put(here.stages, key, path)


def load(here: Workspace, key: str, *values: object) -> None:
    put(here, key, *values)
    work_off(here)
    garbage(here.stages)


def opened(folder: Path) -> Workspace:
    return open_workspace(folder, environ={})


def values(here: Workspace) -> Counter[object]:
    return Counter(n for (n,) in ask(here, "SELECT n FROM t"))


def assert_whole(folder: Path) -> None:
    """Each file's rows are those of one version, as many as its receipt says; no commit is lost."""
    there = opened(folder)
    loaded = {k: r.counts.rows_written for k, r in receipts(there).items() if r.counts}
    tables = {table.name for table in there.stages.catalog.tables()}
    found = {}
    if "t" in tables:
        rows = ask(there, "SELECT _source_file, count(*), count(DISTINCT n) FROM t GROUP BY ALL")
        assert all(distinct == 1 for *_, distinct in rows)
        found = {key: n for key, n, _ in rows}
    assert found.items() >= loaded.items()
    assert not [one for one in chain(there.lake / "commits") if isinstance(one, Damage)]
    # source files that came while it was made are in it, and nobody has accepted them there
    against = {proof.name for proof in audit(there, deep=True).proofs if not proof.holds}
    assert against <= {"accepted"}
    there.close()


# --- while others work ----------------------------------------------------------------------------

LOADING = """
import sys
from pathlib import Path
from edp import Pipeline
place = Path(sys.argv[1])
with Pipeline.open(place) as pipeline:
    for version in range(5):
        for name in "abcd":
            text = "n\\n" + f"{version}\\n" * (version + 1)
            Path(place, f"{name}.csv").write_text(text, "utf-8")
        pipeline.ingest(*(Path(place, f"{name}.csv") for name in "abcd"), dataset="t")
        print(version, flush=True)
"""


def test_backups_made_while_another_process_loads_are_whole_and_go_on(
    here: Workspace, tmp_path: Path
) -> None:
    script = [sys.executable, "-c", LOADING, str(here.path)]
    made: list[backup.Backup] = []
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as loading:
        assert loading.stdout
        loading.stdout.readline()
        while loading.poll() is None:
            made.append(back_up(here, tmp_path / f"backup-{len(made)}"))
            time.sleep(0.1)
    last = back_up(here, tmp_path / "last")

    assert loading.returncode == 0
    assert any(0 < one.commits < last.commits for one in made)
    assert not any(one.damaged for one in made)
    for commits in {one.commits for one in made}:
        one = next(one for one in made if one.commits == commits)
        assert_whole(Path(one.folder))
    again = opened(Path(made[0].folder))
    work_off(again)
    load(again, "t/e.csv", 100)
    assert {r.state for r in receipts(again).values()} == {"committed"}
    assert values(again)[100] == 1


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have something happen before and after the state is copied, the first `times` times."""

    def arrange(before: Callable[[], object], after: Callable[[], object], times: int = 1) -> None:
        left = [times]

        def copied(database: Database, to: Path) -> Database:
            left[0] -= 1
            if left[0] >= 0:
                before()
            copy = copy_state(database, to)
            if left[0] >= 0:
                after()
            return copy

        monkeypatch.setattr(backup, "copy_state", copied)

    return arrange


def test_a_file_that_is_collected_after_the_state_was_copied_has_it_copied_again(
    here: Workspace, tmp_path: Path, between: Callable[..., None]
) -> None:
    load(here, "t/a.csv", 1)
    between(lambda: load(here, "t/a.csv", 2), lambda: load(here, "t/a.csv", 3))

    made = back_up(here, tmp_path / "b")

    there = opened(tmp_path / "b")
    assert values(there) == Counter([3])
    assert (made.files, made.damaged) == (1, [])
    assert len(list((there.lake / "target" / "t").iterdir())) == 1


def test_tables_that_change_faster_than_they_are_copied_leave_no_backup(
    here: Workspace, tmp_path: Path, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "ROUNDS", 2)
    load(here, "t/a.csv", 1)
    between(lambda: load(here, "t/a.csv", 2), lambda: load(here, "t/a.csv", 3), times=2)

    with pytest.raises(StoreUnavailable, match=r"retention\.superseded"):
        back_up(here, tmp_path / "b")

    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_commits_that_are_merged_after_the_state_was_copied_have_it_copied_again(
    here: Workspace, tmp_path: Path, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 1)
    for n in range(5):
        load(here, "t/a.csv", n)

    def merging() -> None:
        load(here, "t/a.csv", 5)
        load(here, "t/a.csv", 6)
        (before, *_) = [one for one in segments(here.lake / "commits") if one.base]
        assert merge(here.lake / "commits", tmp_path / "scratch.db", least=0)
        assert not before.path.exists()

    between(lambda: None, merging)

    made = back_up(here, tmp_path / "b")

    assert [made.commits] == [one.n for one in list(chain(tmp_path / "b/lake/commits"))[-1:]]  # type: ignore[union-attr]
    assert_whole(tmp_path / "b")
    assert values(opened(tmp_path / "b")) == Counter([6])


# --- what is in it --------------------------------------------------------------------------------


def test_what_waits_comes_along_and_is_worked_off_there(here: Workspace, tmp_path: Path) -> None:
    load(here, "t/a.csv", 1)
    put(here, "t/b.csv", 2)
    intake.take(here.stages)
    put(here, "t/d.csv", 4)  # its event is in the queue
    (here.lake / "source/t/c.csv").write_text("n\n3\n", "utf-8")  # nobody has heard of it

    whole = back_up(here, tmp_path / "whole")
    small = back_up(here, tmp_path / "small", source=False)

    assert (whole.objects, small.objects) == (4, 3)
    for folder in (tmp_path / "whole", tmp_path / "small"):
        there = opened(folder)
        reconcile(there.stages)
        work_off(there)
        assert values(there) == Counter([1, 2, 3, 4])
        assert states(there, "t/a.csv") == ["committed"]
    assert values(here) == Counter([1])


def test_what_happens_in_one_of_them_does_not_happen_in_the_other(
    here: Workspace, tmp_path: Path
) -> None:
    load(here, "t/a.csv", 1)
    back_up(here, tmp_path / "b")
    there = opened(tmp_path / "b")

    (here.lake / "source/t/a.csv").write_text("n\n4\n", "utf-8")  # in place

    assert (there.lake / "source/t/a.csv").read_text("utf-8") == "n\n1\n"
    load(here, "t/a.csv", 2)
    load(there, "t/a.csv", 3)
    assert (values(here), values(there)) == (Counter([2]), Counter([3]))


def test_the_contract_and_its_transforms_are_in_it_and_secrets_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "shop"
    (place / "sql").mkdir(parents=True)
    (place / "sql/t.sql").write_text("SELECT n + 1 AS n FROM input", "utf-8")
    (place / ".env").write_text("KEY=canary\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    here = workspace(place, "datasets: {t: {columns: {n: {type: bigint}}, transform: sql/t.sql}}\n")
    load(here, "t/a.csv", 1)

    back_up(here, tmp_path / "b")

    there = opened(tmp_path / "b")
    load(there, "t/b.csv", 5)
    assert values(there) == Counter([2, 6])
    assert not [path for path in (tmp_path / "b").rglob("*") if path.name == ".env"]


def test_a_lake_outside_of_the_workspace_is_inside_of_its_backup(tmp_path: Path) -> None:
    contract = (
        f"# ours\nruntimes:\n  local: {{settle: 0s, root: '{tmp_path}/data'}}  # a big disk\n"
    )
    here = workspace(tmp_path / "shop", contract)
    load(here, "t/a.csv", 1)

    back_up(here, tmp_path / "b")

    there = opened(tmp_path / "b")
    load(there, "t/b.csv", 2)
    assert there.lake == tmp_path / "b/lake"
    assert (values(here), values(there)) == (Counter([1]), Counter([1, 2]))
    text = (tmp_path / "b/edp.yaml").read_text("utf-8")
    assert text == contract.replace(f"'{tmp_path}/data'", "lake")


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1))
def test_a_contract_with_another_root_says_all_else_as_before(root: str) -> None:
    settings = {"name": "shop", "runtimes": {"local": {"root": root, "workers": 3}}}
    for style in (None, True, False):
        text = yaml.safe_dump(settings, default_flow_style=style, allow_unicode=True)

        moved = with_root(text, "lake")

        assert yaml.safe_load(moved)["runtimes"]["local"] == {"root": "lake", "workers": 3}
        assert parse(moved, environ={}).name == "shop"


def test_a_root_that_comes_from_an_alias_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"runtimes\.local\.root"):
        with_root("name: &x shop\nruntimes: {local: {root: *x}}\n", "lake")


# --- damage ---------------------------------------------------------------------------------------


def test_a_data_file_that_is_gone_or_not_what_was_committed_is_named(
    here: Workspace, tmp_path: Path, elsewhere: Path
) -> None:
    load(here, "t/a.csv", 1)
    load(here, "t/b.csv", 2)
    one, other = sorted(path for path in (here.lake / "target/t").iterdir())
    one.unlink()
    flipped = bytearray(other.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    other.chmod(0o644)
    other.write_bytes(flipped)

    linked = back_up(here, tmp_path / "b")
    copied = back_up(here, elsewhere / "b")

    assert linked.damaged == [f"target/t/{one.name}"]
    assert sorted(copied.damaged) == [f"target/t/{one.name}", f"target/t/{other.name}"]


def test_on_another_file_system_everything_is_a_file_of_its_own(
    here: Workspace, elsewhere: Path
) -> None:
    load(here, "t/a.csv", 1)

    made = back_up(here, elsewhere / "b")

    assert (made.files, made.linked, made.damaged) == (1, 0, [])
    assert all(path.stat().st_nlink == 1 for path in elsewhere.rglob("*") if path.is_file())
    assert values(opened(elsewhere / "b")) == Counter([1])


def test_a_damaged_state_is_not_taken_for_a_backup(here: Workspace, tmp_path: Path) -> None:
    for n in range(40):
        put(here, f"t/{n}.csv", n)
    here.close()
    with closing(apsw.Connection(str(here.lake / "state.db"))) as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (page,) = state.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'seen'")
        (size,) = state.execute("PRAGMA page_size")
    with (here.lake / "state.db").open("r+b") as file:
        file.seek((page[0] - 1) * size[0])
        file.write(b"\xff" * 100)

    with pytest.raises(StateDamaged, match="edp rebuild"):
        back_up(here, tmp_path / "b")

    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_a_source_file_that_is_written_to_while_it_is_copied_is_left_out(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = here.lake / "source/t/growing.csv"
    growing.parent.mkdir()
    growing.write_text("n\n", "utf-8")
    read = vars(copying)["_read"]

    def grown(src: object, place: Path) -> object:
        with growing.open("a") as file:
            file.write("1\n")
        os.utime(growing, ns=(0, growing.stat().st_mtime_ns + 1))
        return read(src, place)

    monkeypatch.setattr(copying, "_cloned", lambda *_: False)
    monkeypatch.setattr(copying, "_read", grown)

    made = back_up(here, tmp_path / "b")

    assert (made.objects, made.left_out) == (0, ["source/t/growing.csv"])
    assert not (tmp_path / "b/lake/source/t/growing.csv").exists()


def test_a_full_disk_is_named_and_leaves_nothing(here: Workspace, tmp_path: Path) -> None:
    load(here, "t/a.csv", *range(100_000))

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    arguments = ["--workspace", str(here.path), "backup", str(tmp_path / "b")]
    done = subprocess.run(
        [sys.executable, "-c", "from edp.cli import main; main()", *arguments],
        preexec_fn=small,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert f"cannot back up to {tmp_path}/b" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


# --- where it may be ------------------------------------------------------------------------------


def test_a_folder_with_something_in_it_is_refused_and_an_empty_one_is_taken(
    here: Workspace, tmp_path: Path
) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    (full / "sub").mkdir(parents=True)
    empty.mkdir()

    with pytest.raises(ConfigError, match="name a new folder"):
        back_up(here, full)
    back_up(here, empty)

    assert [path.name for path in full.iterdir()] == ["sub"]
    assert (empty / "lake/state.db").exists()


def test_no_backup_is_made_in_the_lake_nor_where_no_folder_can_be(
    here: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="inside the lake"):
        back_up(here, here.lake / "target" / "b")
    with pytest.raises(ConfigError, match="whether its disk is mounted"):
        back_up(here, tmp_path / "no" / "b")
    with pytest.raises(ConfigError, match="cannot write in"):
        back_up(here, Path("/proc/b"))


def test_two_backups_to_one_folder_are_not_made_at_once(here: Workspace, tmp_path: Path) -> None:
    with (
        vars(backup)["_in_the_making"](tmp_path / "b", 0o755),
        pytest.raises(ConfigError, match="another backup"),
    ):
        back_up(here, tmp_path / "b")

    back_up(here, tmp_path / "b")


def test_a_state_that_is_a_backup_is_refused_beside_commits_that_went_on(
    here: Workspace, tmp_path: Path
) -> None:
    load(here, "t/a.csv", 1)
    back_up(here, tmp_path / "b")
    here.stages.dead_letters.add(dead_message("?", "why", attributes={}))  # one commit more
    here.close()

    for name in ("state.db-wal", "state.db-shm"):
        (here.lake / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "b/lake/state.db", here.lake / "state.db")

    with pytest.raises(StateOutdated, match="edp rebuild"):
        opened(here.path)
