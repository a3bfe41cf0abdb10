"""What is committed is on the disk: each file, then its name, then the commit that tells of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

STRACE = shutil.which("strace") or ""
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not STRACE,
        reason="strace is not installed; `make system` installs it",
    ),
]

INGEST = ("ingest", "a.csv", "--dataset", "t")
CALLS = "fsync,fdatasync,rename,renameat,renameat2"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What an ingest asked of the disk, in order."""
    place = tmp_path_factory.mktemp("durable")
    (place / "a.csv").write_text("id\n1\n", "utf-8")
    log = place / "calls.log"
    edp = [sys.executable, "-c", "from edp.cli import main; main()"]

    subprocess.run(
        [STRACE, "-f", "-y", "-e", f"trace={CALLS}", "-o", str(log), *edp, *INGEST],
        cwd=place,
        check=True,
        capture_output=True,
        timeout=60,
    )

    lines = log.read_text("utf-8", errors="replace").splitlines()
    return [line.replace(str(place), "") for line in lines if line.endswith("= 0")]


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
