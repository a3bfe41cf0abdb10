"""A source: bytes under keys, whole or not at all, and a listing of what is there."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from freezegun import freeze_time
from hypothesis import strategies as st

from edp.core.contract import S3Url
from edp.core.errors import BadKey, ConfigError, EdpError, StoreUnavailable
from edp.core.names import check_key
from edp.source.aws import S3Source
from edp.source.local import LocalSource
from edp.source.port import Source
from tests.aws_sim import bucket as new_bucket
from tests.aws_sim import client, service
from tests.conformance.examples import over
from tests.conformance.scratch import scratch
from tests.conformance.ticking import NOON


@dataclass(frozen=True)
class Bucket:
    """A source, how others write, delete and fetch what is there, and a folder of our own."""

    source: Source
    write: Callable[[str, bytes], None]
    delete: Callable[[str], None]
    fetch: Callable[[str], bytes]
    outside: Path

    def put(self, key: str, data: bytes) -> None:
        path = self.outside / "put"
        path.write_bytes(data)
        self.source.put(key, path)

    def bytes(self, key: str) -> bytes:
        return self.fetch(self.source.locate(key))

    def keys(self) -> list[str]:
        return sorted(entry.key for entry in self.source.list())


@contextmanager
def folder_source() -> Iterator[Bucket]:
    with scratch() as folder:
        root = folder / "lake" / "source"
        outside = folder / "outside"
        outside.mkdir()

        def write(key: str, data: bytes) -> None:
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        source = LocalSource(root, folder / "lake" / ".work")
        yield Bucket(
            source,
            write,
            lambda key: (root / key).unlink(),
            lambda p: Path(p).read_bytes(),
            outside,
        )


@contextmanager
def s3_source(*, versioned: bool = False) -> Iterator[Bucket]:
    s3, at = client("s3"), S3Url(new_bucket("source", versioned=versioned), "files/in/")

    def place(key: str) -> dict[str, str]:
        return {"Bucket": at.bucket, "Key": at.prefix + key}

    def fetch(url: str) -> bytes:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    s3.put_object(Bucket=at.bucket, Key="files/elsewhere", Body=b"")
    with scratch() as folder:
        yield Bucket(
            S3Source(service("s3"), at),
            lambda key, data: s3.put_object(**place(key), Body=data),
            lambda key: s3.delete_object(**place(key)),
            fetch,
            folder,
        )


@contextmanager
def stopped_s3_source() -> Iterator[Bucket]:
    """All within one second, as far as S3 can tell."""
    at = datetime.fromtimestamp(NOON, UTC)
    with freeze_time(at, ignore=["_pytest.timing"]), s3_source() as bucket:
        yield bucket


SOURCES: dict[str, Callable[[], AbstractContextManager[Bucket]]] = {
    "folder": folder_source,
    "s3": stopped_s3_source,
    "s3-versioned": partial(s3_source, versioned=True),
}


@pytest.fixture(params=SOURCES)
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    with SOURCES[request.param]() as bucket:
        yield bucket


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_at_first_nothing_is_there(bucket: Bucket) -> None:
    assert bucket.keys() == []
    assert bucket.source.look("a") is None
    assert bucket.source.read("a") is None


def test_what_is_put_is_there_and_is_told(bucket: Bucket) -> None:
    path = bucket.outside / "file"
    path.write_bytes(b"1,2\n")

    stored = bucket.source.put("orders/2026/a.csv", path)

    assert (stored.key, stored.size, stored.sha256) == ("orders/2026/a.csv", 4, sha256(b"1,2\n"))
    assert bucket.bytes("orders/2026/a.csv") == b"1,2\n"
    assert path.read_bytes() == b"1,2\n"


def test_a_put_is_a_copy(bucket: Bucket) -> None:
    path = bucket.outside / "file"
    path.write_bytes(b"before")
    bucket.source.put("a", path)

    path.write_bytes(b"after")

    assert bucket.bytes("a") == b"before"


def test_listing_looking_and_putting_tell_the_same_of_the_bytes(bucket: Bucket) -> None:
    path = bucket.outside / "file"
    path.write_bytes(b"1")

    stored = bucket.source.put("a/b", path)

    (listed,) = bucket.source.list()
    read = bucket.source.read("a/b")
    assert read is not None
    assert bucket.source.look("a/b") == listed
    assert listed.stat == stored.stat == read.stat
    assert (read.size, read.sha256) == (stored.size, stored.sha256)


def test_a_second_put_takes_the_place_of_the_first(bucket: Bucket) -> None:
    bucket.put("a", b"first")
    before = bucket.source.look("a")

    bucket.put("a", b"second")

    after = bucket.source.look("a")
    assert before is not None
    assert after is not None
    assert before.stat != after.stat
    assert bucket.bytes("a") == b"second"
    assert bucket.keys() == ["a"]


def test_the_same_bytes_put_again_can_be_told_from_the_first(bucket: Bucket) -> None:
    bucket.put("a", b"same")
    before = bucket.source.look("a")

    bucket.put("a", b"same")

    assert bucket.source.look("a") != before


def test_an_empty_file_is_a_file(bucket: Bucket) -> None:
    bucket.put("a", b"")

    read = bucket.source.read("a")
    assert read is not None
    assert (read.size, read.sha256) == (0, sha256(b""))


def test_what_others_write_is_listed_and_read(bucket: Bucket) -> None:
    bucket.write("deep/er/x.csv", b"x")

    read = bucket.source.read("deep/er/x.csv")
    assert bucket.keys() == ["deep/er/x.csv"]
    assert read is not None
    assert (read.key, read.sha256) == ("deep/er/x.csv", sha256(b"x"))


def test_what_is_deleted_is_gone(bucket: Bucket) -> None:
    bucket.put("a", b"1")

    bucket.delete("a")

    assert (bucket.keys(), bucket.source.look("a"), bucket.source.read("a")) == ([], None, None)


def test_a_prefix_of_keys_is_no_object(bucket: Bucket) -> None:
    bucket.put("a/b", b"1")

    assert (bucket.source.look("a"), bucket.source.read("a")) == (None, None)


def test_where_an_object_is_can_be_said_before_it_is_there(bucket: Bucket) -> None:
    place = bucket.source.locate("a/b")

    bucket.put("a/b", b"1")

    assert bucket.source.locate("a/b") == place


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\nb", "\0"]
)
def test_a_key_that_can_be_no_key_is_refused_and_nothing_is_stored(
    bucket: Bucket, key: str
) -> None:
    with pytest.raises(BadKey):
        bucket.put(key, b"1")

    assert bucket.keys() == []


@pytest.mark.parametrize("key", ["/a", "a//b", "\0", "a/../../b", "\ud800", "x" * 5000])
def test_nothing_is_there_under_a_key_that_can_be_no_key(bucket: Bucket, key: str) -> None:
    assert (bucket.source.look(key), bucket.source.read(key)) == (None, None)


def test_no_key_leads_out_of_the_source(bucket: Bucket) -> None:
    secret = bucket.outside / "secret"
    secret.write_bytes(b"secret")
    key = f"../../{bucket.outside.name}/secret"

    assert (bucket.source.look(key), bucket.source.read(key)) == (None, None)


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_an_error_of_its_caller(bucket: Bucket, what: str) -> None:
    (bucket.outside / "folder").mkdir()

    with pytest.raises(ConfigError):
        bucket.source.put("a", bucket.outside / what)

    assert bucket.keys() == []


def test_a_put_that_failed_leaves_what_was_there(bucket: Bucket) -> None:
    bucket.put("a", b"before")

    with pytest.raises(ConfigError):
        bucket.source.put("a", bucket.outside / "missing")

    assert bucket.bytes("a") == b"before"


KEYS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/"),
        min_size=1,
        max_size=20,
    ).filter(lambda segment: segment not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


@over(SOURCES, 50, key=KEYS)
def test_any_good_key_comes_back_from_the_listing_as_it_was_put(adapter: str, key: str) -> None:
    check_key(key)
    with SOURCES[adapter]() as bucket:
        bucket.put(key, b"1")

        assert bucket.keys() == [key]
        assert bucket.source.look(key) is not None


# folders -----------------------------------------------------------------------------------------


def test_a_listing_follows_no_symbolic_link(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (source.root / "file").symlink_to(tmp_path / "outside" / "secret")
    (source.root / "folder").symlink_to(tmp_path / "outside")

    assert list(source.list()) == []
    assert (source.look("file"), source.read("file")) == (None, None)


def test_no_symbolic_link_on_the_way_is_followed(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (source.root / "folder").symlink_to(tmp_path / "outside")

    assert (source.look("folder/secret"), source.read("folder/secret")) == (None, None)


def test_nothing_is_put_through_a_symbolic_link(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "outside").mkdir()
    (tmp_path / "mine").write_bytes(b"1")
    (source.root / "folder").symlink_to(tmp_path / "outside")

    with pytest.raises(EdpError):
        source.put("folder/a", tmp_path / "mine")

    assert list((tmp_path / "outside").iterdir()) == []


def test_a_put_onto_a_link_replaces_the_link(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "mine").write_bytes(b"new")
    (tmp_path / "other").write_bytes(b"old")
    (source.root / "a").symlink_to(tmp_path / "other")

    source.put("a", tmp_path / "mine")

    assert (tmp_path / "other").read_bytes() == b"old"
    assert (source.root / "a").read_bytes() == b"new"


def test_a_put_leaves_nothing_in_the_making_behind(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "mine").write_bytes(b"1")
    source.put("a/b", tmp_path / "mine")
    with pytest.raises(ConfigError):
        source.put("a/b/c", tmp_path / "mine")  # a file is in the way

    assert list((tmp_path / "work").iterdir()) == []


def test_a_put_onto_a_full_disk_may_succeed_later_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "mine").write_bytes(b"1")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="cannot put"):
        source.put("a", tmp_path / "mine")

    assert (list(source.list()), list((tmp_path / "work").iterdir())) == ([], [])


def test_a_file_name_that_is_not_text_is_listed_as_it_can_be_shown(tmp_path: Path) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    Path(os.fsdecode(os.fsencode(source.root) + b"/a\xff")).write_bytes(b"1")

    assert [entry.key for entry in source.list()] == ["a\\xff"]


def test_nothing_is_put_into_a_folder_that_is_not_durable_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LocalSource(tmp_path / "source", tmp_path / "work")
    (tmp_path / "mine").write_bytes(b"1")
    syncing, go_on, put = threading.Event(), threading.Event(), threading.Event()

    def sync(folder: Path) -> None:
        if folder == source.root:
            syncing.set()
            assert go_on.wait(20)

    def second() -> None:
        source.put("new/b", tmp_path / "mine")
        put.set()

    monkeypatch.setattr("edp.source.local.fsync_folder", sync)
    threads = [threading.Thread(target=source.put, args=("new/a", tmp_path / "mine"))]
    threads[0].start()
    assert syncing.wait(20)
    threads.append(threading.Thread(target=second))
    threads[1].start()

    early = put.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(20)

    assert (early, put.is_set()) == (False, True)
