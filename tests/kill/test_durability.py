"""What is committed is on the disk: each file, then its name, then the commit that tells of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

STRACE = shutil.which("strace") or ""
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not STRACE,
        reason="strace is not installed; `make system` installs it",
    ),
]

INGEST = ("ingest", "a.csv", "--dataset", "t")
EDP = (sys.executable, "-c", "from edp.cli import main; main()")
CALLS = "fsync,fdatasync,rename,renameat,renameat2"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What three ingests, one after another, asked of the disk, in order."""
    place = tmp_path_factory.mktemp("durable")
    log = place / "calls.log"
    for n in range(3):
        (place / "a.csv").write_text(f"id\n{n}\n", "utf-8")
        subprocess.run(
            [STRACE, "-A", "-f", "-y", "-e", f"trace={CALLS}", "-o", str(log), *EDP, *INGEST],
            cwd=place,
            check=True,
            capture_output=True,
            timeout=60,
        )

    return succeeded(log, place)


def succeeded(log: Path, place: Path) -> list[str]:
    """The calls that succeeded, in the order in which they ended; `place` is left out of paths."""
    begun: dict[str, str] = {}
    calls = []
    for line in log.read_text("utf-8", errors="replace").replace(str(place), "").splitlines():
        process, call = line.split(maxsplit=1)
        if call.endswith("<unfinished ...>"):  # another thread's call comes in between
            begun[process] = call.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>", call):
            call = begun.pop(process) + call[resumed.end() :]
        if call.endswith("= 0"):
            calls.append(call)
    return calls


def place_of(calls: list[str], pattern: str, *, after: int = -1) -> int:
    found = [n for n, line in enumerate(calls) if n > after and re.search(pattern, line)]
    assert found, f"no call {pattern} after {calls[after] if after >= 0 else 'the start'}"
    return found[0]


def test_a_put_syncs_the_bytes_then_the_name_then_tells_the_queue(calls: list[str]) -> None:
    staged = place_of(calls, r"fsync\(\d+</lake/.work/put-")
    renamed = place_of(calls, r"rename.*put-.*/lake/source/t/a.csv", after=staged)
    named = place_of(calls, r"fsync\(\d+</lake/source/t>", after=renamed)

    place_of(calls, r"fdatasync\(\d+</lake/state.db-wal>", after=named)


def test_a_new_folder_of_the_source_is_durable_before_what_is_in_it(calls: list[str]) -> None:
    folder = place_of(calls, r"fsync\(\d+</lake/source>")

    place_of(calls, r"rename.*/lake/source/t/a.csv", after=folder)


def test_a_commit_syncs_the_parquet_then_its_name_then_the_catalog(calls: list[str]) -> None:
    staged = place_of(calls, r"fsync\(\d+</lake/.work/.*/staged/.*\.parquet>")
    renamed = place_of(calls, r"rename.*/staged/.*/lake/target/t/", after=staged)
    table = place_of(calls, r"fsync\(\d+</lake/target/t>", after=renamed)
    parent = place_of(calls, r"fsync\(\d+</lake/target>", after=renamed)

    place_of(calls, r"fdatasync\(\d+</lake/state.db-wal>", after=max(table, parent))


def test_the_first_record_of_commits_is_durable_before_its_commit(calls: list[str]) -> None:
    table = place_of(calls, r"fsync\(\d+</lake/target/t>")
    base = place_of(calls, r"fsync\(\d+</lake/commits/0{11}1.base.part>", after=table)
    named = place_of(calls, r"rename.*base.part.*/lake/commits/0{11}1.base.jsonl", after=base)
    folder = place_of(calls, r"fsync\(\d+</lake/commits>", after=named)

    assert folder < place_of(calls, r"fdatasync\(\d+</lake/state.db-wal>", after=named)


def test_a_commit_costs_one_more_sync_and_that_comes_before_the_catalogs(calls: list[str]) -> None:
    second = place_of(calls, r"fdatasync\(\d+</lake/commits/0{11}2.jsonl>")
    begun = place_of(calls, r"fsync\(\d+</lake/commits>", after=second)
    renamed = place_of(calls, r"rename.*/staged/.*/lake/target/t/", after=begun)
    table = place_of(calls, r"fsync\(\d+</lake/target/t>", after=renamed)
    record = place_of(calls, r"fdatasync\(\d+</lake/commits/0{11}2.jsonl>", after=table)

    place_of(calls, r"fdatasync\(\d+</lake/state.db-wal>", after=record)
    assert len([line for line in calls[renamed:] if "/lake/commits" in line]) == 1


def test_a_backup_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", "utf-8")
    subprocess.run([*EDP, *INGEST], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    log = tmp_path / "calls.log"

    subprocess.run(
        [STRACE, "-f", "-y", "-e", f"trace={CALLS}", "-o", str(log), *EDP, "backup", "kept"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )

    calls = succeeded(log, tmp_path)
    named = place_of(calls, r"rename.*/.kept.part\S*, .*/kept")
    for part in ("edp.yaml", "lake/state.db", "lake/commits", "lake/target/t", "lake", ""):
        if (tmp_path / "kept" / part).exists():
            path = re.escape(f"/.kept.part/{part}".rstrip("/"))
            assert place_of(calls, rf"fsync\(\d+<{path}>") < named, part
    place_of(calls, r"fsync\(\d+<>", after=named)
