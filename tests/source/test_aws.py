"""What S3 has beside the port's promises: versions, large objects, a prefix."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from edp.core.contract import S3Url
from edp.core.errors import BadKey, ConfigError
from edp.source import aws
from edp.source.aws import S3Source
from tests.aws_sim import bucket, client, service, unique

if TYPE_CHECKING:
    from pathlib import Path


def test_in_a_versioned_bucket_the_listing_and_a_look_name_the_newest_version() -> None:
    name = bucket("source", versioned=True)
    source = S3Source(service("s3"), S3Url(name, "in/"))
    for data in (b"1", b"22"):
        answer = client("s3").put_object(Bucket=name, Key="in/a", Body=data)
    client("s3").put_object(Bucket=name, Key="in/gone", Body=b"1")
    client("s3").delete_object(Bucket=name, Key="in/gone")

    (listed,) = source.list()

    assert (listed.key, listed.version_id, listed.size) == ("a", answer["VersionId"], 2)
    assert source.look("a") == listed
    assert source.look("gone") is None


def test_without_versions_the_etag_and_the_size_are_told() -> None:
    name = bucket("source")
    client("s3").put_object(Bucket=name, Key="a", Body=b"1")

    (listed,) = S3Source(service("s3"), S3Url(name)).list()

    digest = hashlib.md5(b"1", usedforsecurity=False).hexdigest()
    assert (listed.version_id, listed.etag, listed.size) == (None, digest, 1)


def test_an_object_put_in_parts_is_one_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "_IN_PARTS", 4)
    source = S3Source(service("s3"), S3Url(bucket("source")))
    (tmp_path / "file").write_bytes(b"12345")

    stored = source.put("a", tmp_path / "file")

    found = source.read("a")
    assert found is not None
    assert (stored.size, stored.sha256) == (5, hashlib.sha256(b"12345").hexdigest())
    assert (found.size, found.sha256, found.stat) == (stored.size, stored.sha256, stored.stat)


def test_a_listing_goes_on_behind_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    name = bucket("source")
    for n in range(5):
        client("s3").put_object(Bucket=name, Key=f"{n}", Body=b"")
    s3 = service("s3")
    pages = s3.pages
    monkeypatch.setattr(
        s3, "pages", lambda *a, **k: pages(*a, **k, PaginationConfig={"PageSize": 2})
    )

    assert sorted(one.key for one in S3Source(s3, S3Url(name)).list()) == list("01234")


def test_a_key_that_is_too_long_with_the_prefix_is_refused(tmp_path: Path) -> None:
    source = S3Source(service("s3"), S3Url(bucket("source"), "x" * 20 + "/"))
    (tmp_path / "file").write_bytes(b"1")

    with pytest.raises(BadKey, match="limit is 1,024"):
        source.put("k" * 1010, tmp_path / "file")

    assert source.look("k" * 1010) is None


def test_a_bucket_that_is_not_there_is_told(tmp_path: Path) -> None:
    source = S3Source(service("s3"), S3Url(unique("missing")))
    (tmp_path / "file").write_bytes(b"1")

    with pytest.raises(ConfigError, match="it is not deployed"):
        source.put("a", tmp_path / "file")
    with pytest.raises(ConfigError, match="it is not deployed"):
        list(source.list())
