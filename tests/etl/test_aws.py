"""Objects that are fetched before a task reads them, and jobs of Glue, against moto."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto.moto_api import state_manager

from edp.core.contract import Dataset
from edp.core.errors import Failure, Throttled
from edp.etl import engine
from edp.etl.aws import GlueJobs, StagedEtl
from edp.etl.port import Finished, Input, Job, JobResult
from edp.etl.spark.manifest import result_head, result_lines
from tests.aws_sim import bucket, client, service, unique

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edp.etl.port import Task


class InProcess:
    """An etl that does tasks in this process, and remembers them."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def warm(self) -> None: ...

    def idle(self) -> int:
        return 1

    def submit(self, task: Task) -> int:
        self.tasks.append(task)
        return len(self.tasks)

    def wait(self, timeout_s: float, *, bell: int | None = None) -> Sequence[Finished]:
        del timeout_s, bell
        task = self.tasks[-1]
        assert isinstance(task, Job)
        return [Finished(len(self.tasks), engine.run(task))]

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def lake() -> str:
    return bucket("lake", versioned=True)


def put(lake: str, key: str, text: str) -> dict[str, str]:
    """An object's version and tag."""
    made = client("s3").put_object(Bucket=lake, Key=key, Body=text.encode())
    return {"version": made["VersionId"], "etag": made["ETag"].strip('"')}


def job(workdir: Path, *inputs: Input) -> Job:
    return Job("r1", 1, "t", Dataset(), inputs, str(workdir), 0.0)


def done(etl: StagedEtl, task: Job) -> JobResult:
    etl.submit(task)
    (ended,) = etl.wait(0.0)
    assert isinstance(ended.result, JobResult)
    return ended.result


def test_a_task_reads_the_version_that_is_meant(lake: str, tmp_path: Path) -> None:
    first = put(lake, "a.csv", "n\n1\n")
    put(lake, "a.csv", "n\n2\n3\n")
    etl = StagedEtl(InProcess(), service("s3"))

    result = done(
        etl,
        job(
            tmp_path,
            Input("a.csv", f"s3://{lake}/a.csv", version=first["version"], etag=first["etag"]),
        ),
    )

    assert result.outcomes[0].counts.rows_written == 1


def test_bytes_that_are_no_longer_those_that_were_meant_are_not_read(
    lake: str, tmp_path: Path
) -> None:
    first = put(lake, "b.csv", "n\n1\n")
    put(lake, "b.csv", "n\n2\n")
    etl = StagedEtl(InProcess(), service("s3"))

    result = done(etl, job(tmp_path, Input("b.csv", f"s3://{lake}/b.csv", etag=first["etag"])))

    failure = result.outcomes[0].failure
    assert failure is not None
    assert failure.code == "source changed"


def test_an_object_that_is_gone_is_missing(lake: str, tmp_path: Path) -> None:
    etl = StagedEtl(InProcess(), service("s3"))

    result = done(etl, job(tmp_path, Input("c.csv", f"s3://{lake}/c.csv")))

    failure = result.outcomes[0].failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("object missing", True)


def test_what_was_fetched_goes_when_the_task_has_ended(lake: str, tmp_path: Path) -> None:
    inner = InProcess()
    etl = StagedEtl(inner, service("s3"))

    put(lake, "d.csv", "n\n1\n")
    done(etl, job(tmp_path, Input("d.csv", f"s3://{lake}/d.csv")))

    (task,) = inner.tasks
    assert isinstance(task, Job)
    assert not Path(task.inputs[0].path).parent.exists()


# jobs --------------------------------------------------------------------------------------------


@pytest.fixture
def jobs(lake: str) -> Iterator[GlueJobs]:
    name = unique("etl")
    client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/etl",
        Command={"Name": "glueetl"},
        ExecutionProperty={"MaxConcurrentRuns": 1},
    )
    # others of this process count on runs that end when they say so
    before = state_manager.get_transition("glue::job_run")
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 1})
    yield GlueJobs(
        service("glue"), service("s3"), name, workdir=lambda run, n: f"s3://{lake}/{run}.{n}"
    )
    state_manager.set_transition("glue::job_run", before)


def named(jobs: GlueJobs, run_id: str) -> Job:
    workdir = jobs.workdir(run_id, 1)
    return Job(run_id, 1, "t", Dataset(), [Input("a.csv", "s3://x/a.csv")], workdir, 0.0)


def test_a_job_run_is_found_by_its_name_and_by_its_run(jobs: GlueJobs) -> None:
    jobs.start(named(jobs, "r-1"))

    (row,) = client("glue").get_job_runs(JobName=jobs._name)["JobRuns"]  # noqa: SLF001
    found = jobs.find(row["Id"])
    assert found is not None
    assert (found.run_id, found.workdir) == ("r-1", jobs.workdir("r-1", 1))
    assert jobs.since(0.0).keys() == {"r-1"}
    assert jobs.since(row["StartedOn"].timestamp() + 1000) == {}
    assert jobs.find("jr_unknown") is None


def test_when_too_many_are_at_work_the_caller_is_asked_to_wait(jobs: GlueJobs) -> None:
    jobs.start(named(jobs, "r-1"))

    with pytest.raises(Throttled, match="as many job runs as there may be"):
        jobs.start(named(jobs, "r-2"))


def test_the_manifest_says_what_to_do_and_no_secret(jobs: GlueJobs, lake: str) -> None:
    jobs.start(named(jobs, "r-3"))

    lines = client("s3").get_object(Bucket=lake, Key="r-3.1/manifest.jsonl")["Body"].read()
    head, only = map(json.loads, lines.decode().splitlines())
    assert (head["run_id"], only["key"]) == ("r-3", "a.csv")
    assert "mask_key" not in head


def test_a_result_is_read_in_the_order_that_is_asked_for(
    jobs: GlueJobs, lake: str, tmp_path: Path
) -> None:
    for key in ("a.csv", "b.csv"):
        (tmp_path / key).write_text("n\n1\n", "utf-8")
    inputs = [Input(key, str(tmp_path / key)) for key in ("a.csv", "b.csv")]
    made = engine.run(job(tmp_path, *inputs))
    lines = [result_head(None), *result_lines(made)]
    client("s3").put_object(Bucket=lake, Key="r-4.1/result.jsonl", Body="\n".join(lines).encode())

    found = jobs.result(jobs.workdir("r-4", 1), ["b.csv", "a.csv"])

    assert isinstance(found, JobResult)
    assert [one.key for one in found.outcomes] == ["b.csv", "a.csv"]
    assert found.staged == made.staged


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "worker lost"),
        ("{", "unexpected error"),
        (result_head(Failure("spilled", "no room")), "spilled"),
        (result_head(None), "unfit manifest"),
    ],
)
def test_a_result_that_is_none_says_why(
    jobs: GlueJobs, lake: str, text: str | None, code: str
) -> None:
    run = unique("r")
    if text is not None:
        client("s3").put_object(Bucket=lake, Key=f"{run}.1/result.jsonl", Body=text.encode())

    found = jobs.result(jobs.workdir(run, 1), ["a.csv"])

    assert isinstance(found, Failure)
    assert found.code == code
