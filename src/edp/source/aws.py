"""A source bucket on S3: an object's key is what follows the source's prefix.

In a versioned bucket each entry names its version, so that an overwrite is not read by accident.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core import clock
from edp.core.errors import BadKey, ConfigError
from edp.core.faults import reach
from edp.core.names import check_key
from edp.source.port import Listed, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edp.backends.boto import Service
    from edp.core.contract.s3url import S3Url

_CHUNK: Final = 1 << 20
_IN_PARTS: Final = 64 << 20
"""Bytes from which on an object is put in parts."""
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchVersion"})


class S3Source:
    """Objects below the place `at`."""

    def __init__(self, s3: Service, at: S3Url) -> None:
        self._s3 = s3
        self.prefix = at.prefix
        self.bucket = at.bucket

    @cached_property
    def versioned(self) -> bool:
        """Whether the bucket keeps versions."""
        answer = self._s3.get_bucket_versioning(Bucket=self.bucket)
        return bool(answer.get("Status") == "Enabled")

    def put(self, key: str, path: Path) -> Stored:
        """Store a copy of the file under `key`, whole or not at all, durable on return."""
        check_key(self.prefix + key)
        try:
            with path.open("rb") as src:
                digest, size = hashlib.file_digest(src, "sha256"), src.tell()
            place = self._place(key)
            if size < _IN_PARTS:
                with path.open("rb") as src:
                    tag = base64.b64encode(digest.digest()).decode()
                    self._s3.put_object(**place, Body=src, ChecksumSHA256=tag)
            else:
                self._s3.upload_file(str(path), place["Bucket"], place["Key"])
        except OSError as error:
            raise ConfigError(f"cannot put {path} as {key!r}: {error}") from error
        reach("put.renamed")
        return Stored(key, size, digest.hexdigest(), self._stat(key), clock.now())

    def _stat(self, key: str) -> str:
        found = self.look(key)
        return found.stat if found else ""  # deleted since: a listing will not find it

    def locate(self, key: str) -> str:
        """Where a worker reads the bytes of `key`; they need not exist."""
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def look(self, key: str) -> Listed | None:
        """The listing's entry of one key, or None when nothing is there."""
        try:
            check_key(self.prefix + key)
            found = self._s3.head_object(**self._place(key))
        except BadKey:
            return None
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return None
        return _listed(key, found, found["ContentLength"])

    def read(self, key: str) -> Stored | None:
        """What the bytes are right now, all of them read; None when they are gone."""
        try:
            check_key(self.prefix + key)
            found = self._s3.get_object(**self._place(key))
        except BadKey:
            return None
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return None
        digest, size = hashlib.sha256(), 0
        with self._s3.reading(found["Body"]) as body:
            for chunk in body.iter_chunks(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        stat = _listed(key, found, size).stat
        return Stored(key, size, digest.hexdigest(), stat, clock.now())

    def list(self) -> Iterator[Listed]:
        """Every object there is; in no order. A versioned bucket tells each one's version."""
        operation = "list_object_versions" if self.versioned else "list_objects_v2"
        entries = "Versions" if self.versioned else "Contents"
        for page in self._s3.pages(operation, Bucket=self.bucket, Prefix=self.prefix):
            for entry in page.get(entries, ()):
                if entry.get("IsLatest", True):
                    yield _listed(entry["Key"].removeprefix(self.prefix), entry, entry["Size"])

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + key}


def _listed(key: str, entry: Mapping[str, Any], size: int) -> Listed:
    """The entry, whose `stat` is the version where there is one, else all that S3 tells of it."""
    etag = entry["ETag"].strip('"')
    modified = entry["LastModified"].timestamp()
    version = entry.get("VersionId")
    version = None if version == "null" else version  # written before the bucket had versions
    stat = version or f"{size}:{etag}:{modified:.0f}"
    return Listed(key, stat, modified, size=size, etag=etag, version_id=version)
