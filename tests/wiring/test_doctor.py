"""The doctor names what is wrong with a machine or a workspace, and how to mend it."""

from __future__ import annotations

import ctypes  # noqa: F401 (imported here, as no file can be opened where it is used)
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.errors import ConfigError, StateDamaged, StoreUnavailable
from edp.core.holder import Holder
from edp.pipeline import feed
from edp.pipeline.dead import dead_message
from edp.wiring import open_workspace
from edp.wiring.doctor import disk, examine, machine, probing, workspace
from edp.wiring.doctor.disk import Mount, Room
from edp.wiring.doctor.trying import disk_time, tried
from edp.wiring.doctor.workspace import Folder
from tests import workspaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edp.wiring.doctor.checks import Check

GB = 1_000_000_000
CONTRACT = "runtimes: {local: {settle: 0s, memory: 600MB, workers: 1}}\n"


# --- the machine: values --------------------------------------------------------------------------

ALL = ("core_functions", "icu", "json", "parquet")
SESSION = ("ENABLE_SESSION", "ENABLE_PREUPDATE_HOOK")

JUDGED: dict[str, tuple[Check, str, str]] = {
    "python": (machine.python((3, 12, 1)), "ok", "3.12.1"),
    "old python": (machine.python((3, 10, 9)), "fail", "Python 3.11"),
    "sqlite": (machine.sqlite("3.51.3", SESSION), "ok", "3.51.3"),
    "sqlite that corrupts": (machine.sqlite("3.51.2", SESSION), "fail", "apsw>=3.51.3"),
    "sqlite without sessions": (machine.sqlite("3.54.0", SESSION[1:]), "fail", "ENABLE_SESSION"),
    "duckdb": (machine.duckdb("2.0.1", ALL), "ok", "icu, json, parquet"),
    "old duckdb": (machine.duckdb("1.4.0", ALL), "fail", "duckdb>=2.0"),
    "duckdb without icu": (machine.duckdb("2.1.0-dev1", ("json", *ALL[2:])), "fail", "without"),
    "workers": (machine.processors(2, 4), "ok", "2 processors, 4 workers"),
    "too many workers": (machine.processors(1, 3), "warn", "runtimes.local.workers to 1"),
    "memory": (machine.memory(16 * GB, 4 * GB, 2, GB // 4), "ok", "16.0 GB"),
    "memory that is not there": (machine.memory(2 * GB, 4 * GB, 2, GB // 4), "fail", "1.4 GB"),
    "memory that others need": (machine.memory(4 * GB, 4 * GB, 2, GB // 4), "warn", "2.8 GB"),
    "too little a worker": (machine.memory(16 * GB, GB, 8, GB // 4), "warn", "workers to 4"),
    "watches": (machine.watches(65536, "", 10), "ok", "10 folders to watch"),
    "too few watches": (machine.watches(100, "", 90), "warn", "max_user_watches=524288"),
    "no instance left": (machine.watches(100, "Too many", 1), "warn", "max_user_instances"),
    "no inotify": (machine.watches(None, "", 1), "warn", "every 30 s"),
    "open files": (machine.handles(1024, 4096), "ok", "1024"),
    "open files without limit": (machine.handles(-1, -1), "ok", "no limit"),
    "few open files": (machine.handles(1000, 4096), "warn", "ulimit -n 4096"),
    "too few open files": (machine.handles(100, -1), "fail", "LimitNOFILE="),
    "clock": (machine.clock(1000.0, 1001.0, 999.0), "ok", "after the newest commit"),
    "clock that was set back": (machine.clock(1000.0, 1000.0, 5000.0), "fail", "4000 s before"),
    "clocks that disagree": (machine.clock(1000.0, 1090.0, 0.0), "warn", "90 s apart"),
    "texts": (machine.texts("UTF-8", "utf_8"), "ok", "UTF-8"),
    "printing in ascii": (machine.texts("ANSI_X3.4-1968", "utf-8"), "warn", "PYTHONUTF8=1"),
    "names in latin-1": (machine.texts("utf-8", "iso8859-1"), "fail", "file names are iso8859-1"),
    "extras": (machine.extras({"pyarrow": "26"}, java=False, spark=False), "ok", "no pyspark"),
    "no spark": (machine.extras({"pyarrow": "26"}, java=True, spark=True), "warn", "edp[spark]"),
    "no java": (
        machine.extras({"pyarrow": "26", "pyspark": "3.5.6"}, java=False, spark=True),
        "warn",
        "a Java is missing",
    ),
    "room": (disk.room(Room(10 * GB, None)), "ok", "10.0 GB free"),
    "little room": (disk.room(Room(GB, 5000)), "warn", "make room"),
    "no room": (disk.room(Room(GB // 10, 5000)), "fail", "make room"),
    "no names": (disk.room(Room(10 * GB, 999)), "fail", "999 files can be made"),
    "a disk": (disk.kind(Mount("/", "ext4", writable=True)), "ok", "ext4 at /"),
    "a network": (disk.kind(Mount("/n", "nfs4", writable=True)), "fail", "a disk of this machine"),
    "a tunnel": (disk.kind(Mount("/n", "fuse.sshfs", writable=True)), "fail", "SQLite's locks"),
    "read-only": (disk.kind(Mount("/n", "ext4", writable=False)), "fail", "read-only"),
    "memory for a disk": (disk.kind(Mount("/n", "tmpfs", writable=True)), "warn", "restart"),
    "an unknown disk": (disk.kind(None), "warn", "does not tell"),
    "it works": (disk.keeps_its_word({"fsync": ""}), "ok", "fsync"),
    "it does not": (
        disk.keeps_its_word({"fsync": "", "flock": "two hold one lock at once"}),
        "fail",
        "flock: two hold one lock at once",
    ),
    "barred": (
        workspace.permissions([Folder("/w/lake", may=False, owner=0)], 7),
        "fail",
        "/w/lake",
    ),
    "of another user": (
        workspace.permissions([Folder("/w", may=True, owner=8)], 7),
        "warn",
        "to user 8",
    ),
    "a state on a full disk": (
        workspace.state(StoreUnavailable("state.db cannot be read: disk I/O error"), None, 6, []),
        "fail",
        "it may be whole",
    ),
    "a damaged state": (
        workspace.state(StateDamaged("state.db is damaged"), None, 6, []),
        "fail",
        "`edp rebuild`",
    ),
    "a worker that pauses": (
        workspace.holder(Holder(1, "edp up", 0.0, "the disk is full")),
        "warn",
        "pauses: the disk is full",
    ),
}


@pytest.mark.parametrize("name", JUDGED)
def test_values_are_judged_and_a_way_out_is_named(name: str) -> None:
    check, status, phrase = JUDGED[name]

    assert check.status == status
    assert phrase in f"{check.seen}; {check.fix}"
    assert bool(check.fix) == (status != "ok")


MOUNTS = """22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:30 / /srv ro,relatime shared:9 master:1 - xfs /dev/vdb rw
31 30 0:31 / /srv/a\\040b rw,relatime - nfs4 host:/x rw
not a line of it
"""


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/home/me/lake", Mount("/", "ext4", writable=True)),
        ("/srv", Mount("/srv", "xfs", writable=False)),
        ("/srv/a b/lake", Mount("/srv/a b", "nfs4", writable=True)),
        ("/srv/a", Mount("/srv", "xfs", writable=False)),
    ],
)
def test_the_nearest_mount_is_the_file_system(path: str, mount: Mount) -> None:
    assert disk.mounted(path, MOUNTS) == mount


@given(st.text())
def test_no_text_of_mounts_is_too_odd(text: str) -> None:
    disk.mounted("/srv/lake", text)


# --- the machine: for real ------------------------------------------------------------------------


@contextmanager
def open_files(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_may_open_no_more_files_is_told() -> None:
    refused = probing.watch_refused()
    with open_files(3):
        without = probing.watch_refused()
        judged = machine.handles(*probing.handles())

    assert (refused, judged.status) == ("", "fail")
    assert "Too many open files" in without


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert list(tried(tmp_path / "file")) == ["write"]
    assert disk_time(tmp_path / "file") is None
    assert set(tried(tmp_path).values()) == {""}
    assert abs((disk_time(tmp_path) or 0.0) - time.time()) < 60
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_memory_and_processors_are_those_of_the_machine() -> None:
    assert 0 < probing.memory() < 10**14
    assert 0 < probing.processors() <= (os.cpu_count() or 0)


def doctor(place: Path, **environ: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the checks by name, of the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from edp.cli import main; main()", "doctor", "--json"],
        env={**os.environ, "EDP_WORKSPACE": str(place), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["checks"]}


def test_a_terminal_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    _, checks = doctor(tmp_path, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")

    assert checks["locale"]["status"] == "warn"
    assert "iso8859-1" in checks["locale"]["seen"].replace("latin-1", "iso8859-1")


# --- the workspace --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole") / "shop"
    with closing(workspaces.workspace(place, CONTRACT)) as here:
        for key, text in {"t/a.csv": "n\n1\n", "t/b.csv": "n\n2\n"}.items():
            (place / "given.csv").write_text(text, "utf-8")
            feed.put(here.stages, key, place / "given.csv")
            workspaces.work_off(here)
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "shop", symlinks=True, ignore=_pipes))


def _pipes(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder, name).is_fifo()]


def checks(place: Path, **environ: str) -> dict[str, Check]:
    return {check.name: check for check in examine(place, environ=environ)}


def test_a_sound_workspace_is_well_and_stays_as_it_is(place: Path) -> None:
    before = {str(path): path.lstat().st_mtime_ns for path in place.rglob("*") if path.is_file()}

    found = checks(place)

    after = {str(path): path.lstat().st_mtime_ns for path in place.rglob("*") if path.is_file()}
    assert {name for name, check in found.items() if check.status == "fail"} <= {"room", "memory"}
    of_the_workspace = list(found)[list(found).index("contract") :]
    assert [found[name] for name in of_the_workspace if found[name].status != "ok"] == []
    assert found["data files"].seen == "2 files, all there with the size they should have"
    assert {path for path in after if not path.endswith(("-shm", "-wal"))} == {
        path for path in before if not path.endswith(("-shm", "-wal"))
    }


def test_an_empty_folder_is_looked_at_and_stays_empty(tmp_path: Path) -> None:
    found = checks(tmp_path)

    assert found["state"].seen == "none yet; the first command makes it"
    assert found["contract"].status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--workspace"):
        examine(tmp_path / "none", environ={})


def sql(place: Path, *statements: str) -> None:
    with closing(apsw.Connection(str(place / "lake/state.db"))) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda place: (place / name).write_text(text, "utf-8")


def run_sql(*statements: str) -> Callable[[Path], object]:
    return lambda place: sql(place, *statements)


def damaged_state(place: Path) -> None:
    sql(place)
    with (place / "lake/state.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def no_state(place: Path) -> None:
    (place / "lake/state.db").write_bytes(b"not a database" * 1000)


def older_state(place: Path) -> None:
    old = (place / "lake/state.db").read_bytes()
    with closing(open_workspace(place, environ={})) as here:
        for n in range(3):
            here.stages.dead_letters.add(dead_message(str(n), "why", attributes={}))
    for end in ("-wal", "-shm"):
        (place / f"lake/state.db{end}").unlink(missing_ok=True)
    (place / "lake/state.db").write_bytes(old)


def torn_commit(place: Path) -> None:
    (segment,) = (place / "lake/commits").glob("*[0-9].jsonl")
    text = bytearray(segment.read_bytes())
    text[40] ^= 1
    segment.write_bytes(text)


def lost_file(place: Path) -> None:
    next((place / "lake/target/t").iterdir()).unlink()


def cut_file(place: Path) -> None:
    file = next((place / "lake/target/t").iterdir())
    file.chmod(0o644)
    os.truncate(file, 7)


def dead(place: Path) -> None:
    with closing(open_workspace(place, environ={})) as here:
        here.stages.dead_letters.add(dead_message("?", "why", attributes={}))


def leftover(place: Path) -> None:
    file = place / "lake/.work/put-0"
    file.write_bytes(b"12345")
    os.utime(file, (0, 0))


def moved_aside(place: Path) -> None:
    (place / "lake/state.db.20250902T080000-00c0ffee").write_bytes(b"12345")


def open_dotenv(place: Path) -> None:
    (place / ".env").write_text("A=1\n", "utf-8")
    (place / ".env").chmod(0o644)


AWS = "runtimes: {aws: {region: us-east-2, source: s3://shop-in/files/, target: s3://shop-out/tables/}}\n"
TWO = "datasets: {a: {path: 'x/**'}, b: {path: 'x/**'}, c: {format: json, csv: {delimiter: ';'}}}\n"

SICK: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "a setting that nobody knows": (write("edp.yaml", "bath: {}\n"), "contract", "fail", "batch"),
    "a check that does not compile": (
        write("edp.yaml", "datasets: {t: {where: 'n >'}}\n"),
        "contract",
        "fail",
        "datasets.t",
    ),
    "a variable that is not set": (
        write("edp.yaml", "name: '${SHOP}' # ${NOT_THIS}\n"),
        "environment",
        "fail",
        "not set: SHOP",
    ),
    "a default that counts": (
        write("edp.yaml", "name: '${SHOP:-shop}'\n"),
        "environment",
        "ok",
        "the default counts: SHOP",
    ),
    "secrets that others may read": (open_dotenv, "environment", "warn", "chmod 600"),
    "settings for elsewhere": (write("edp.yaml", AWS), "settings", "warn", "runtimes.aws"),
    "a dataset in the shadow": (write("edp.yaml", TWO), "settings", "warn", "a has the same path"),
    "a dialect of no CSV": (write("edp.yaml", TWO), "settings", "warn", "datasets.c.csv"),
    "memory that is not there": (
        write("edp.yaml", "runtimes: {local: {memory: 900TB}}\n"),
        "memory",
        "fail",
        "runtimes.local.memory",
    ),
    "a state of a newer EDP": (run_sql("PRAGMA user_version = 99"), "state", "fail", "upgrade"),
    "a state of an older EDP": (run_sql("PRAGMA user_version = 1"), "state", "ok", "brings it up"),
    "a damaged state": (damaged_state, "state", "fail", "edp rebuild"),
    "no state at all": (no_state, "state", "fail", "edp rebuild"),
    "a state older than its commits": (older_state, "state", "fail", "edp rebuild"),
    "a torn commit": (torn_commit, "commits", "fail", "the next commit writes all down anew"),
    "a data file that is lost": (lost_file, "data files", "fail", "No such file"),
    "a data file that is cut": (cut_file, "data files", "fail", "has 7 bytes instead of"),
    "a dead letter": (dead, "dead letters", "warn", "1 dead letter of 1 cause"),
    "a leftover": (leftover, "leftovers", "warn", "1 leftover in .work, 5 B"),
    "a state moved aside": (moved_aside, "leftovers", "warn", "delete them when all is well"),
    "a clock that was set back": (
        run_sql(f"UPDATE catalog_version SET at = {time.time() + 9000}"),
        "clock",
        "fail",
        "before the newest commit",
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_what_is_wrong_with_a_workspace_is_named(place: Path, name: str) -> None:
    break_, check, status, phrase = SICK[name]

    break_(place)

    found = checks(place)[check]
    assert found.status == status, found
    assert phrase in f"{found.seen}; {found.fix}"


def test_the_way_out_of_a_torn_commit_leads_out(place: Path) -> None:
    torn_commit(place)

    (place / "lake/commits").rename(place / "commits")
    dead(place)

    assert checks(place)["commits"].status == "ok"


def test_a_lake_that_an_unreadable_contract_may_name_is_not_looked_for(place: Path) -> None:
    (place / "lake").rename(place / "elsewhere")
    (place / "edp.yaml").write_text("runtimes: {local: {root: elsewhere}}\nbath: {}\n", "utf-8")

    found = checks(place)

    assert found["contract"].status == "fail"
    assert "state" not in found


def test_who_works_the_workspace_is_told(place: Path) -> None:
    with (
        closing(open_workspace(place, environ={})) as here,
        here.working("edp up") as held,
    ):
        assert held
        found = checks(place)["worker"]

    assert found.status == "ok"
    assert f"process {os.getpid()} (edp up" in found.seen


def test_the_owners_of_folders_are_seen_as_they_are(place: Path) -> None:
    if os.geteuid() == 0:  # nobody else may give files away
        os.chown(place / "lake/source", 12345, -1)

    found = probing.folders(place, place / "lake")

    assert {one.path: one.owner for one in found} == {
        one.path: Path(one.path).stat().st_uid for one in found
    }
    assert str(place / "lake/source") in {one.path for one in found}
    assert all(one.may for one in found)


def test_a_failed_check_is_exit_1_and_a_warning_is_not(place: Path) -> None:
    leftover(place)
    warned, checks = doctor(place)
    lost_file(place)
    failed, _ = doctor(place)

    if not any(one["status"] == "fail" for one in checks.values()):
        assert warned == 0
    assert failed == 1
    assert set(checks["leftovers"]) == {"name", "status", "seen", "fix"}
