"""Two schedulers, one meaning: what Spark makes of files is what the workers of one machine do."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edp.core.contract import Dataset
from edp.etl.engine import run
from edp.etl.port import Input, Job, JobResult
from edp.etl.spark.etl import SparkEtl
from edp.pipeline import feed
from tests.etl.jobs import Ran
from tests.spark.warm import MEMORY, closing, state, work_off, workspace
from tests.workspaces import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edp.etl.port import Etl, Finished

PATIENCE_S = 120.0
ORDERS = """
runtimes: {local: {settle: 0s}}
retry: {max_attempts: 1}
datasets:
  orders:
    columns:
      id: {type: bigint, required: true}
      paid: {type: "decimal(9,2)", min: 0}
      card: {type: string, mask: sha256}
    where: "note IS DISTINCT FROM 'test'"
    deduplicate: {keys: [id]}
    partition_by: [id]
    max_reject_ratio: 0.9
  deadly:
    transform: transform.py:transform
  parts:
    deduplicate: none
    checks: [{name: small, expr: "CAST(n AS BIGINT) < 90000", action: reject}]
"""
TRANSFORM = """
import os, signal

def transform(rows):
    if rows.filter("v = 'die'").fetchall():
        os.kill(os.getpid(), signal.SIGKILL)
    return rows
"""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEtl]:
    log = tmp_path_factory.mktemp("spark") / "log"
    with closing(
        SparkEtl("local[2]", {"spark.edp.taskBytes": "400000"}, memory=MEMORY, log=log)
    ) as etl:
        yield etl


def both(folder: Path, spark: SparkEtl, contract: str, files: Mapping[str, bytes]) -> None:
    """Work the files off on both schedulers, and see that the states are equal."""
    found = []
    for name, etl in (("local", None), ("spark", spark)):
        place = folder / name
        place.mkdir()
        (place / "transform.py").write_text(TRANSFORM, "utf-8")
        here = workspace(place, contract, etl)
        for key, data in files.items():
            source = folder / "bytes"
            source.write_bytes(data)
            feed.put(here.stages, key, source)
        work_off(here)
        found.append(state(here))

    for what in ("receipts", "tables"):
        here, there = (one[what] for one in found)
        assert here.keys() == there.keys()
        assert {k: (here[k], there[k]) for k in here if here[k] != there[k]} == {}
    assert found[0]["rejects"] == found[1]["rejects"]
    assert found[0]["receipts"]


def test_orders_with_every_kind_of_trouble(tmp_path: Path, spark: SparkEtl) -> None:
    header = "id,paid,card,note\n"
    files = {
        f"orders/{n}.csv": (
            header
            + "".join(
                f"{i % 7},{i}.5,4111-{i},{'test' if i % 5 == 0 else 'ok'}\n"
                for i in range(n, n + 20)
            )
            + "x,1,2,3\n1,-5,c,\n1,2\n"
        ).encode()
        for n in range(8)
    }
    files["orders/bad.csv"] = b"id,paid\0\n"
    files["orders/empty.csv"] = b""

    both(tmp_path, spark, ORDERS, files)


def test_a_file_that_kills_its_reader_is_dead_and_its_neighbours_are_not(
    tmp_path: Path, spark: SparkEtl
) -> None:
    files = {f"deadly/{n}.csv": f"v\n{'die' if n == 3 else n}\n".encode() for n in range(6)}
    (tmp_path / "transform.py").write_text(TRANSFORM, "utf-8")
    here = workspace(tmp_path, ORDERS, spark)
    for key, data in files.items():
        (tmp_path / "bytes").write_bytes(data)
        feed.put(here.stages, key, tmp_path / "bytes")

    work_off(here)

    states = {key: receipt[0] for key, receipt in state(here)["receipts"].items()}
    assert states == {key: "dead" if "3" in key else "committed" for key in files}
    assert len(here.stages.receipts.runs()) == 1  # nobody else's work was done twice


def parquet(path: Path, query: str) -> bytes:
    with duckdb.connect() as con:
        con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480)")
    return path.read_bytes()


def test_a_large_parquet_file_is_parted_by_row_group(tmp_path: Path, spark: SparkEtl) -> None:
    many = "SELECT range AS n, md5(range::VARCHAR) AS text FROM range(100_000)"
    late = f"SELECT * REPLACE (CASE WHEN n > 60_000 THEN n + {2**60} END AS n) FROM ({many})"
    files = {
        "parts/many.parquet": parquet(tmp_path / "many.parquet", many),
        "parts/types-that-differ-by-part.parquet": parquet(tmp_path / "late.parquet", late),
        "parts/b.csv": b"n,text\n1,x\n",
    }

    both(tmp_path, spark, ORDERS, files)


def done(etl: Etl, job: Job) -> Finished:
    etl.submit(job)
    deadline = time.monotonic() + PATIENCE_S
    ended: list[Finished] = []
    while not ended and time.monotonic() < deadline:
        ended += etl.wait(0.5)
    (one,) = ended
    return one


def job(folder: Path, files: Mapping[str, bytes], **contract: object) -> Job:
    inputs = []
    for n, (key, data) in enumerate(files.items()):
        path = folder / f"source-{n}"
        path.write_bytes(data)
        inputs.append(Input(key, str(path)))
    workdir = folder / "work"
    workdir.mkdir()
    made = Dataset(**contract)  # type: ignore[arg-type]  # settings of every type
    return Job("20260101T000000-00000000", 1, "t", made, inputs, str(workdir), 1.5, memory=MEMORY)


CELLS = st.sampled_from(
    ["", "1", "2", "2.5", "x", "NULL", "true", "2026-01-02", '"a,b"', '"', "a,b"]
)
RECORDS = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    files=st.lists(RECORDS, min_size=1, max_size=4),
    deduplicate=st.sampled_from(["exact", "none", {"keys": ["a"]}]),
)
def test_any_files_come_out_alike(
    tmp_path_factory: pytest.TempPathFactory,
    spark: SparkEtl,
    files: list[list[list[str]]],
    deduplicate: object,
) -> None:
    written = {
        f"t/{n}.csv": ("a,b\n" + "".join(f"{','.join(r)}\n" for r in records)).encode()
        for n, records in enumerate(files)
    }
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    wanted = Ran(run(job(here, written, deduplicate=deduplicate)))

    finished = done(spark, job(there, written, deduplicate=deduplicate))

    assert isinstance(finished.result, JobResult), finished.failure
    found = Ran(finished.result)
    assert [vars(o) for o in found.result.outcomes] == [vars(o) for o in wanted.result.outcomes]
    columns = "source_file, line, column_name, value, reason, raw"
    assert sorted(found.rejects(columns), key=repr) == sorted(wanted.rejects(columns), key=repr)


def test_what_the_driver_of_a_job_says_is_gone_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    files = {"t/a.csv": b"a\n1\n"}
    with closing(SparkEtl("local[1]", {}, memory=MEMORY, log=tmp_path / "log")) as etl:
        etl.submit(job(tmp_path / "first", files))
        driver = etl._driver  # noqa: SLF001 (nothing else names the process)
        assert driver is not None
        os.kill(driver.pid, signal.SIGKILL)
        (lost,) = _ends(etl)
        again = done(etl, job(tmp_path / "second", files))

    assert lost.failure is not None
    assert lost.failure.code == "worker lost"
    assert isinstance(again.result, JobResult)
    assert not subprocess.run(
        ["/usr/bin/pgrep", "-s", str(driver.pid)], capture_output=True, check=False
    ).stdout


def _ends(etl: Etl) -> list[Finished]:
    deadline = time.monotonic() + PATIENCE_S
    found: list[Finished] = []
    while not found and time.monotonic() < deadline:
        found += etl.wait(0.5)
    return found


@pytest.mark.timeout(400)
@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="needs the sample data beside the project")
def test_real_and_messy_files(tmp_path: Path, spark: SparkEtl) -> None:
    folders = {
        "csse": "csse_daily/daily",
        "italy": "italy_province_daily",
        "covid": "italy_national_csv_json",
        "flights": "openflights",
        "polls": "fivethirtyeight_polls",
        "tables": "fivethirtyeight_tables",
        "strikes": "tables_us_public_domain",
        "json": "json",
        "messy": "malformed_csv/frictionless",
        "polluted": "malformed_csv/pollock_style",
        "odd": "parquet/good_and_odd",
        "broken": "parquet/bad_data",
    }
    files = {
        f"{dataset}/{path.relative_to(DATA / folder)}": path.read_bytes()
        for dataset, folder in folders.items()
        for path in sorted((DATA / folder).rglob("*"))
        if path.is_file() and not path.name.startswith((".", "_"))
    }

    both(tmp_path, spark, "runtimes: {local: {settle: 0s}}\nretry: {max_attempts: 1}\n", files)
