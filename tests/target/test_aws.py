"""What a target on S3 promises beside the port: a publish can be done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edp.core.contract import S3Url
from edp.core.errors import StoreUnavailable
from edp.core.files import DataFile
from edp.target.aws import S3Target
from tests.aws_sim import bucket, client, service

if TYPE_CHECKING:
    from edp.core.files import Kind

RUN = "20260109T120000-0123abcd"


def target_in(name: str) -> S3Target:
    places: dict[Kind, S3Url] = {"data": S3Url(name, "t/"), "rejects": S3Url(name, "r/")}
    return S3Target(service("s3"), places, work=S3Url(name, "work/"))


def staged(target: S3Target, name: str, key: str = "tasks/1/0") -> DataFile:
    """A file that a job elsewhere has staged."""
    url = f"{target.work(RUN, 1)}/{key}/{RUN}-1-0.parquet"
    client("s3").put_object(Bucket=name, Key=url.removeprefix(f"s3://{name}/"), Body=key.encode())
    return DataFile(url, "data", 1, 1, "hash", {}, {"a": 1}, "day=2")


def keys(name: str) -> list[str]:
    listed = client("s3").list_objects_v2(Bucket=name).get("Contents", [])
    return sorted(one["Key"] for one in listed)


def test_what_a_job_elsewhere_staged_is_copied_into_the_tables_place() -> None:
    target = target_in(name := bucket("target"))

    (file,) = target.publish("orders", [staged(target, name)])

    assert file.path.startswith(f"target/orders/day=2/{RUN}-1-0-")
    url = target.locate(file)
    assert url.startswith(f"s3://{name}/t/orders/day=2/{RUN}-1-0-")
    key = url.removeprefix(f"s3://{name}/")
    assert client("s3").get_object(Bucket=name, Key=key)["Body"].read() == b"tasks/1/0"


def test_publishing_again_after_a_kill_makes_no_second_file() -> None:
    target = target_in(name := bucket("target"))
    files = [staged(target, name, f"tasks/{n}/0") for n in range(3)]
    target.publish("orders", files[:2])

    published = target_in(name).publish("orders", files)

    assert len({file.path for file in published}) == 3
    assert len([key for key in keys(name) if key.startswith("t/")]) == 3


def test_a_discarded_attempt_has_no_work_left_anywhere() -> None:
    target = target_in(name := bucket("target"))
    workdir = target.workdir(RUN, 1)
    (workdir / "x").write_bytes(b"1")
    staged(target, name)
    other = f"work/{RUN}.11/x"
    client("s3").put_object(Bucket=name, Key=other, Body=b"")

    target.discard(workdir)

    assert keys(name) == [other]
    assert not workdir.parent.exists()


def test_what_was_staged_and_is_gone_cannot_be_published() -> None:
    target = target_in(name := bucket("target"))
    file = staged(target, name)
    client("s3").delete_object(Bucket=name, Key=file.path.removeprefix(f"s3://{name}/"))

    with pytest.raises(StoreUnavailable, match="it is not there"):
        target.publish("orders", [file])


def test_more_files_than_one_call_deletes_are_removed() -> None:
    target = target_in(bucket("target"))

    gone = target.remove([f"target/t/{n}.parquet" for n in range(1001)])

    assert len(gone) == 1001


def test_there_is_room_for_work_as_long_as_the_disk_has_some() -> None:
    assert target_in("nowhere").free() > 0
