"""The benchmarks' harness, on a tiny set: the data, the peers that need no extra, the checks."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.equal import Result, result
from benchmarks.meter import PeerFailed, measure
from benchmarks.orders import write_orders
from benchmarks.peers.duckdb_sql import do
from benchmarks.sets import parse

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3000


def by_hand(paths: list[Path], out: Path) -> Result:
    out.mkdir()
    with duckdb.connect(":memory:") as con:
        do(con, [str(path) for path in paths], out)
    return result(out / "data", out / "rejects")


def test_the_data_are_the_same_each_time(tmp_path: Path) -> None:
    paths = [write_orders(tmp_path / name, rows=ROWS)[0] for name in ("a", "b")]

    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}) == 1


def test_the_same_rows_stand_in_one_file_or_in_many(tmp_path: Path) -> None:
    (whole,) = write_orders(tmp_path / "whole", rows=ROWS)
    parts = write_orders(tmp_path / "parts", rows=ROWS, files=7)

    _header, rest = whole.read_bytes().split(b"\n", 1)
    bodies = [part.read_bytes().split(b"\n", 1)[1] for part in parts]
    assert b"".join(bodies) == rest


def test_the_data_are_as_awkward_as_they_are_said_to_be(tmp_path: Path) -> None:
    paths = write_orders(tmp_path / "source", rows=20_000)

    found = by_hand(paths, tmp_path / "out")

    assert 0.02 < found.rejects / 20_000 < 0.03
    assert 0.86 < found.rows / 20_000 < 0.90
    assert found.days == 30


def test_edp_and_hand_written_sql_do_the_same_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = ["--peers", "sql,edp,inferred", "--rounds", "1", "--folder", str(tmp_path)]

    status = main(["--parts", "throughput", "--sets", "3x100kB", *peers])

    out, err = capsys.readouterr()
    assert (status, out.count("| EDP, ")) == (0, 2), err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", ["data", "rejects"])
def test_a_row_more_or_less_is_another_result(tmp_path: Path, lost: str) -> None:
    paths = write_orders(tmp_path / "source", rows=ROWS)
    whole = by_hand(paths, tmp_path / "whole")
    by_hand(paths, tmp_path / "part")
    file = next((tmp_path / "part" / lost).rglob("*.parquet"))
    kept = f"SELECT * FROM read_parquet('{file}', hive_partitioning = false) OFFSET 1"
    with duckdb.connect(":memory:") as con:
        con.execute(f"CREATE TABLE kept AS {kept}")
        con.execute(f"COPY kept TO '{file}'")

    part = result(tmp_path / "part" / "data", tmp_path / "part" / "rejects")

    assert part != whole


def test_what_a_process_starts_and_leaves_is_measured(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\nx = bytearray(10**8)"
    starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"

    took = measure([sys.executable, "-c", starts], out=tmp_path / "out", timeout_s=60)

    assert took.cpu_s >= 0.3
    assert took.peak >= 10**8


def test_a_peer_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="no such thing"):
        measure(
            [sys.executable, "-c", "raise SystemExit('no such thing')"],
            out=tmp_path / "out",
            timeout_s=60,
        )


@pytest.mark.parametrize("text", ["", "100", "1TB", "x1MB", "5GB/", "0x"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no set of data"):
        parse(text)


def test_a_disk_without_room_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--parts", "throughput", "--sets", "900000x900GB", "--folder", str(tmp_path)])

    assert status == 1
    assert "--folder for another place" in capsys.readouterr().err
