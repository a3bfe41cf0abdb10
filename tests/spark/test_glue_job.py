"""The job as Glue starts it: a manifest in a bucket, the work below it, one result in the end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from edp.core.contract import Dataset
from edp.core.errors import Failure
from edp.etl.engine import run
from edp.etl.port import Input, Job
from edp.etl.spark.manifest import job_lines, result_of
from edp.etl.spark.place import Bucket
from edp.etl.spark.ranges import BucketFile
from edp.infra import glue
from tests.etl.jobs import Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORK = "s3://lake/work/20260101T000000-00000000.3"
FILES = {
    "t/a b+c.csv": b"id,card\n1,4111-1\n2,4111-2\n2,4111-2\n3\n",
    "t/deep/b.json": b'{"id": 7, "card": "x"}\n',
    "t/broken.csv": b"id\0,card\n",
}
CONTRACT: dict[str, Any] = {
    "columns": {"id": {"type": "bigint"}, "card": {"mask": "sha256"}},
    "deduplicate": "none",
}
KEY = "canary-" * 5


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-2",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for bucket in ("source", "lake"):
        client.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
    try:
        yield client
    finally:
        urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
        server.stop()


def parquet(path: Path) -> bytes:
    with duckdb.connect() as con:
        rows = "SELECT range AS id, md5(range::VARCHAR) AS card FROM range(30_000)"
        con.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 10240)")
    return path.read_bytes()


def job(inputs: list[Input], workdir: str) -> Job:
    return Job(
        "20260101T000000-00000000", 3, "t", Dataset(**CONTRACT), inputs, workdir, 1.5,
        memory=600_000_000, mask_key=KEY,
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_a_job_in_a_bucket_says_what_the_engine_says(tmp_path: Path, s3: Any) -> None:  # noqa: ANN401
    files = FILES | {"t/many.parquet": parquet(tmp_path / "many.parquet")}
    here, there = [], []
    for n, (key, data) in enumerate(files.items()):
        (tmp_path / str(n)).write_bytes(data)
        here.append(Input(key, str(tmp_path / str(n))))
        s3.put_object(Bucket="source", Key=f"in/{key}", Body=data)
        there.append(Input(key, f"s3://source/in/{key}", size=len(data)))
    there.append(Input("t/gone.csv", "s3://source/in/t/gone.csv"))
    here.append(Input("t/gone.csv", str(tmp_path / "gone")))
    (tmp_path / "work").mkdir()
    wanted = Ran(run(job(here, str(tmp_path / "work"))))
    manifest = Bucket(WORK, s3).write("manifest.jsonl", job_lines(job(there, WORK)))
    secret = boto3.client("secretsmanager").create_secret(Name="mask", SecretString=KEY)["ARN"]

    script, modules = installed(tmp_path)
    command = [sys.executable, str(script), "--JOB_NAME", "edp-etl", "--manifest", manifest]
    ended = subprocess.run(
        [*command, "--mask-key-secret", secret],
        env=os.environ
        | {
            "PYTHONPATH": str(modules),
            "MASTER": "local[2]",
            "PYSPARK_SUBMIT_ARGS": "--conf spark.edp.taskBytes=300000 pyspark-shell",
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    result = result_of(Bucket(WORK, s3).read(f"{WORK}/result.jsonl"), [one.key for one in there])
    assert not isinstance(result, Failure), result
    found = Ran(result)
    assert found.result.outcomes == wanted.result.outcomes
    assert len({f.path for f in found.files("data") if "t/many.parquet" in f.sources}) > 1
    assert rows(s3, tmp_path, found, "data") == rows(s3, tmp_path, wanted, "data")
    assert rows(s3, tmp_path, found, "rejects") == rows(s3, tmp_path, wanted, "rejects")
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket="lake")["Contents"]]
    texts = [s3.get_object(Bucket="lake", Key=key)["Body"].read() for key in listed]
    assert not any(
        KEY.encode() in text for text in [*texts, ended.stderr.encode(), ended.stdout.encode()]
    )


def installed(folder: Path) -> tuple[Path, Path]:
    """The package as Glue has it: the script, and a folder with what pip makes of the wheel."""
    made, modules = glue.build(folder / "package"), folder / "modules"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-index", "--no-deps", "--target", str(modules), str(made.wheel)], check=True
    )
    where = subprocess.run(
        [sys.executable, "-c", "import edp; print(edp.__file__)"],
        env=os.environ | {"PYTHONPATH": str(modules)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.strip() == str(modules / "edp" / "__init__.py")
    return made.script, modules


def rows(s3: Any, folder: Path, ran: Ran, kind: str) -> list[tuple[Any, ...]]:  # noqa: ANN401
    found: list[tuple[Any, ...]] = []
    for file in ran.files(kind):
        path = file.path
        if path.startswith("s3://lake/"):
            path = str(folder / "fetched")
            s3.download_file("lake", file.path.removeprefix("s3://lake/"), path)
        with duckdb.connect() as con:
            query = "SELECT COLUMNS(*)::VARCHAR FROM read_parquet($path, hive_partitioning = false)"
            found += con.execute(query, {"path": path}).fetchall()
    return sorted(found, key=repr)


def test_an_object_is_read_by_ranges(s3: Any) -> None:  # noqa: ANN401
    data = bytes(range(256)) * 1000
    s3.put_object(Bucket="source", Key="x", Body=data)

    with BucketFile.open(s3, "source", "x") as file:
        file.seek(-10, os.SEEK_END)
        end = file.read()
        file.seek(70_000)
        middle = file.read(300)
        start = (file.seek(0), file.read(4))

    assert end == data[-10:]
    assert middle == data[70_000:70_300]
    assert start == (0, data[:4])
