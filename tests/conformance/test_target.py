"""A target: what an attempt staged becomes durable under a name of its own, or goes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time

from edp.core import clock
from edp.core.contract import S3Url
from edp.core.errors import StoreUnavailable
from edp.core.files import DataFile, Kind
from edp.target.aws import S3Target
from edp.target.local import LocalTarget
from edp.target.port import Target
from tests.aws_sim import bucket as new_bucket
from tests.aws_sim import client, service
from tests.conformance.scratch import scratch
from tests.conformance.ticking import Tick

RUN = "20260109T120000-0123abcd"


@dataclass(frozen=True)
class Lake:
    """A target, how others write files into it that are so many seconds old, and fetch them."""

    target: Target
    write: Callable[[str, float], None]
    fetch: Callable[[str], bytes]

    def stage(
        self, workdir: Path, name: str = "0", *, kind: Kind = "data", fence: int = 1
    ) -> DataFile:
        folder = workdir / ("staged" if kind == "data" else "staged-rejects")
        folder.mkdir(exist_ok=True)
        path = folder / f"{RUN}-{fence}-{name}.parquet"
        path.write_bytes(f"{kind} {name} {fence}".encode())
        return DataFile(str(path), kind, 1, path.stat().st_size, "hash", {"n": "bigint"}, {"a": 1})

    def published(self, name: str = "0", *, fence: int = 1) -> DataFile:
        workdir = self.target.workdir(RUN, fence)
        (file,) = self.target.publish("orders", [self.stage(workdir, name, fence=fence)])
        self.target.discard(workdir)
        return file

    def bytes(self, file: DataFile) -> bytes:
        return self.fetch(self.target.locate(file))

    def paths(self) -> set[str]:
        return {path for path, _ in self.target.list()}


@contextmanager
def folder_target() -> Iterator[Lake]:
    with scratch() as lake:

        def write(path: str, age_s: float) -> None:
            place = lake / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"others")
            at = clock.now() - age_s
            os.utime(place, (at, at))

        yield Lake(LocalTarget(lake), write, lambda path: Path(path).read_bytes())


@contextmanager
def s3_target() -> Iterator[Lake]:
    s3, name = client("s3"), new_bucket("target")
    places: dict[Kind, S3Url] = {
        "data": S3Url(name, "tables/"),
        "rejects": S3Url(name, "rejected/rows/"),
    }

    def write(path: str, age_s: float) -> None:
        folder, _, rest = path.partition("/")
        place = places["data" if folder == "target" else "rejects"]
        with freeze_time(datetime.fromtimestamp(clock.now() - age_s, UTC)):
            s3.put_object(Bucket=name, Key=place.prefix + rest, Body=b"others")

    def fetch(url: str) -> bytes:
        if not url.startswith("s3://"):
            return Path(url).read_bytes()
        bucket, _, key = url.removeprefix("s3://").partition("/")
        data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    yield Lake(S3Target(service("s3"), places, work=S3Url(name, "work/")), write, fetch)


TARGETS = {"folder": folder_target, "s3": s3_target}


@pytest.fixture(params=TARGETS)
def lake(request: pytest.FixtureRequest) -> Iterator[Lake]:
    with TARGETS[request.param]() as lake:
        yield lake


def test_at_first_the_target_is_empty(lake: Lake) -> None:
    assert lake.paths() == set()


def test_each_attempt_has_a_folder_of_its_own(lake: Lake) -> None:
    one, other = lake.target.workdir(RUN, 1), lake.target.workdir(RUN, 2)

    assert one != other
    assert list(one.iterdir()) == []


def test_what_is_staged_is_not_in_the_target(lake: Lake) -> None:
    file = lake.stage(lake.target.workdir(RUN, 1))

    assert lake.paths() == set()
    assert lake.bytes(file) == b"data 0 1"


def test_what_is_published_is_in_the_target_and_is_otherwise_as_it_was(lake: Lake) -> None:
    staged = lake.stage(lake.target.workdir(RUN, 1))

    (file,) = lake.target.publish("orders", [staged])

    assert lake.paths() == {file.path}
    assert replace(file, path=staged.path) == staged
    assert lake.bytes(file) == b"data 0 1"
    assert not Path(file.path).is_absolute()


def test_a_datasets_rows_and_rejects_lie_apart(lake: Lake) -> None:
    workdir = lake.target.workdir(RUN, 1)
    staged = [lake.stage(workdir, kind=kind) for kind in ("data", "rejects")]

    files = lake.target.publish("orders", staged)

    assert [file.path.rpartition("/")[0] for file in files] == ["target/orders", "rejects/orders"]


def test_files_are_published_in_the_order_they_were_given(lake: Lake) -> None:
    workdir = lake.target.workdir(RUN, 1)
    staged = [lake.stage(workdir, name) for name in "cab"]

    files = lake.target.publish("orders", staged)

    assert [lake.bytes(file) for file in files] == [b"data c 1", b"data a 1", b"data b 1"]


def test_no_attempts_file_takes_the_place_of_anothers(lake: Lake) -> None:
    first, second = lake.published(fence=1), lake.published(fence=2)

    assert (lake.bytes(first), lake.bytes(second)) == (b"data 0 1", b"data 0 2")


def test_the_same_attempt_can_publish_the_same_name_twice(lake: Lake) -> None:
    first, second = lake.published(), lake.published()

    assert first.path != second.path
    assert lake.paths() == {first.path, second.path}


def test_a_file_that_is_published_already_stays_as_it_is(lake: Lake) -> None:
    file = lake.published()

    assert list(lake.target.publish("orders", [file])) == [file]
    assert lake.paths() == {file.path}


def test_publishing_nothing_is_no_error(lake: Lake) -> None:
    assert list(lake.target.publish("orders", [])) == []


def test_a_discarded_attempt_leaves_what_it_published_and_nothing_else(lake: Lake) -> None:
    workdir = lake.target.workdir(RUN, 1)
    lake.stage(workdir, "unpublished")
    (file,) = lake.target.publish("orders", [lake.stage(workdir, "published")])

    lake.target.discard(workdir)
    lake.target.discard(workdir)

    assert not workdir.exists()
    assert lake.paths() == {file.path}


def test_what_cannot_be_published_now_may_be_later(lake: Lake) -> None:
    staged = lake.stage(lake.target.workdir(RUN, 1))
    Path(staged.path).unlink()

    with pytest.raises(StoreUnavailable):
        lake.target.publish("orders", [staged])


def test_only_parquet_is_listed_with_its_age(lake: Lake, tick: Tick) -> None:
    tick(0)
    lake.write("target/others/x.parquet", 60)
    lake.write("target/others/x.csv", 60)
    lake.write("rejects/others/y.parquet", 5)

    ages = dict(lake.target.list())

    assert {path: round(age) for path, age in ages.items()} == {
        "target/others/x.parquet": 60,
        "rejects/others/y.parquet": 5,
    }


def test_garbage_is_what_no_snapshot_names(lake: Lake) -> None:
    kept, gone = lake.published("kept"), lake.published("gone")

    collected = lake.target.collect(named={kept.path}, older_than_s=0)

    assert list(collected) == [gone.path]
    assert lake.paths() == {kept.path}


def test_garbage_is_kept_until_it_is_old_enough(lake: Lake, tick: Tick) -> None:
    name = f"target/orders/{RUN}-1-0-abc123.parquet"
    tick(0)
    lake.write(name, 50)

    assert list(lake.target.collect(named=(), older_than_s=51)) == []
    tick(1)
    assert list(lake.target.collect(named=(), older_than_s=51)) == [name]
    assert lake.paths() == set()


def test_rejects_that_nobody_names_are_garbage_too(lake: Lake) -> None:
    workdir = lake.target.workdir(RUN, 1)
    (file,) = lake.target.publish("orders", [lake.stage(workdir, kind="rejects")])

    assert list(lake.target.collect(named=(), older_than_s=0)) == [file.path]


@pytest.mark.parametrize(
    "name", ["x.parquet", "20260109-part-0.parquet", "part-00000-0123abcd.c000.parquet"]
)
def test_files_of_others_are_never_garbage(lake: Lake, name: str) -> None:
    lake.write(f"target/orders/{name}", 1e6)

    assert list(lake.target.collect(named=(), older_than_s=0)) == []
    assert lake.paths() == {f"target/orders/{name}"}


# folders -----------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)
    name = "target/orders/stuck.parquet"
    (tmp_path / name).mkdir(parents=True)  # not even root may remove it as a file

    with pytest.raises(StoreUnavailable, match=r"cannot remove .*stuck\.parquet"):
        target.remove([name])


def test_a_start_clears_what_killed_attempts_left_and_not_what_others_work_on(
    tmp_path: Path,
) -> None:
    target = LocalTarget(tmp_path)
    killed = target.workdir(RUN, 1)
    (killed / "half").write_bytes(b"1")
    put, retract = tmp_path / ".work" / "put-1", tmp_path / ".work" / "query-1"
    put.write_bytes(b"1")
    retract.mkdir()

    target.clear_work()
    young = sorted(path.name for path in (tmp_path / ".work").iterdir())
    for path in (put, retract):
        os.utime(path, (1, 1))
    target.clear_work()

    assert young == ["put-1", "query-1"]
    assert list((tmp_path / ".work").iterdir()) == []


def test_a_link_in_the_target_is_not_listed(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path / "lake")
    (tmp_path / "x.parquet").write_bytes(b"1")
    (tmp_path / "lake" / "target" / "x.parquet").symlink_to(tmp_path / "x.parquet")

    assert list(target.list()) == []


def test_what_is_free_is_what_the_file_system_says(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path)

    free, system = target.free(), os.statvfs(tmp_path)

    assert 0 < free <= system.f_blocks * system.f_frsize


def test_a_lake_that_is_gone_cannot_tell_what_is_free(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path / "lake")
    (tmp_path / "lake").rename(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable, match="cannot look at"):
        target.free()
