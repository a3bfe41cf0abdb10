"""A manifest is the whole job."""

from __future__ import annotations

from dataclasses import fields

from edp.core.contract import Dataset
from edp.core.types import Admits
from edp.etl.port import Input, Job
from edp.etl.spark.manifest import job_lines, job_of

UNSAID = {"mask_key", "trace"}
"""What a manifest leaves out: a secret, and what is for people."""
JOB = Job(
    run_id="20260101T000000-00000000",
    fence=3,
    dataset="t",
    contract=Dataset.model_validate({"columns": {"n": {"type": "date"}}}),
    inputs=[Input("t/a.csv", "s3://in/t/a.csv", sha256="f00", size=7, rows=(1, 2), version="v")],
    workdir="s3://lake/work",
    loaded_at=1.5,
    live={"m": Admits(frozenset({"date:mdy", "string"}), year_last=True)},
    fixed={"m": "date:mdy"},
    memory=600_000_000,
    threads=2,
    max_partitions=7,
    mask_key="hidden",
    samples=4,
)


def test_a_job_is_the_same_behind_its_manifest() -> None:
    found = job_of(job_lines(JOB), mask_key="hidden")

    assert found == JOB


def test_every_part_of_a_job_is_tried_here() -> None:
    given = {one.name for one in fields(Job) if getattr(JOB, one.name) != one.default}

    assert given | UNSAID == {one.name for one in fields(Job)}


def test_a_manifest_does_not_hold_the_mask_key() -> None:
    assert "hidden" not in "".join(job_lines(JOB))
