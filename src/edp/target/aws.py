"""A target on S3: tables' files and rejects below places of their own, work below a third.

What an attempt staged is copied to a name that the staged place decides: published twice, after a
kill in between, it is one file. A reader of the bucket sees every file from its copy on.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core import clock
from edp.core.errors import StoreUnavailable
from edp.core.faults import reach
from edp.core.identity import named_by_a_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.core.contract.s3url import S3Url
    from edp.core.files import DataFile, Kind

FOLDERS: Final = {"data": "target", "rejects": "rejects"}
_S3: Final = "s3://"
_AT_ONCE: Final = 1000
"""Objects that S3 deletes in one call."""
_COPIES: Final = 8
_GONE: Final = frozenset({"404", "NoSuchKey"})


class S3Target:
    """Parquet files below `places`, by kind; attempts work below `work`, and in local folders."""

    def __init__(self, s3: Service, places: Mapping[Kind, S3Url], *, work: S3Url) -> None:
        self._s3 = s3
        self._places = {FOLDERS[kind]: place for kind, place in places.items()}
        self._work = work

    def workdir(self, run_id: str, fence: int) -> Path:
        """A new folder, private to one attempt, from which `publish` can take files."""
        folder = Path(tempfile.mkdtemp(prefix="edp-work-"), f"{run_id}.{fence}")
        folder.mkdir()
        return folder

    def work(self, run_id: str, fence: int) -> str:
        """Where a job on other machines stages the attempt's files, as `discard` clears it."""
        return f"{self._work}{run_id}.{fence}"

    def publish(self, dataset: str, staged: Sequence[DataFile]) -> Sequence[DataFile]:
        """Copy staged files, local or on S3, to their final names."""
        with ThreadPoolExecutor(_COPIES) as pool:
            published = list(pool.map(lambda file: self._publish(dataset, file), staged))
        reach("target.renamed")
        return published

    def _publish(self, dataset: str, file: DataFile) -> DataFile:
        if not _is_staged(file.path):
            return file
        tag = hashlib.sha256(file.path.encode()).hexdigest()[:8]
        name = f"{Path(file.path).stem}-{tag}.parquet"
        path = "/".join(filter(None, (FOLDERS[file.kind], dataset, file.partition, name)))
        bucket, key = self._object(path)
        try:
            if file.path.startswith(_S3):
                source, _, staged = file.path.removeprefix(_S3).partition("/")
                self._s3.copy({"Bucket": source, "Key": staged}, bucket, key)
            else:
                self._s3.upload_file(file.path, bucket, key)
        except OSError as error:
            raise StoreUnavailable(f"cannot publish {file.path}: {error}") from error
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            raise StoreUnavailable(f"cannot publish {file.path}: it is not there") from error
        return replace(file, path=path)

    def locate(self, file: DataFile) -> str:
        """Where a reader finds the bytes of a file, staged or published."""
        if _is_staged(file.path):
            return file.path
        bucket, key = self._object(file.path)
        return f"{_S3}{bucket}/{key}"

    def fetch(self, path: str, to: Path) -> bool:
        """Copy a file, by its path below the lake, to the local disk; False where it is gone."""
        bucket, key = self._object(path)
        try:
            self._s3.download_file(bucket, key, str(to))
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return False
        return True

    def discard(self, workdir: Path) -> None:
        """Remove an attempt's folder with what was not published, here and on S3."""
        shutil.rmtree(workdir, ignore_errors=True)
        with suppress(OSError):  # it is gone already
            workdir.parent.rmdir()
        place = {"Bucket": self._work.bucket, "Prefix": f"{self._work.prefix}{workdir.name}/"}
        keys = [
            entry["Key"]
            for page in self._s3.pages("list_objects_v2", **place)
            for entry in page.get("Contents", ())
        ]
        self._delete(self._work.bucket, keys)

    def free(self) -> int:
        """Bytes that can still be staged here; the bucket itself has no end."""
        try:
            return shutil.disk_usage(tempfile.gettempdir()).free
        except OSError as error:
            raise StoreUnavailable(f"cannot look at {tempfile.gettempdir()}: {error}") from error

    def list(self) -> Iterator[tuple[str, float]]:
        """Every Parquet file of the target: its path below the lake and its age (seconds)."""
        now = clock.now()
        for folder, place in self._places.items():
            pages = self._s3.pages("list_objects_v2", Bucket=place.bucket, Prefix=place.prefix)
            for entry in (one for page in pages for one in page.get("Contents", ())):
                if entry["Key"].endswith(".parquet"):
                    path = f"{folder}/{entry['Key'].removeprefix(place.prefix)}"
                    yield path, now - entry["LastModified"].timestamp()

    def collect(self, *, named: Collection[str], older_than_s: float) -> Sequence[str]:
        """Remove files that EDP wrote, that `named` does not hold, and that are old enough."""
        gone = [
            path
            for path, age_s in self.list()
            if path not in named and age_s >= older_than_s and named_by_a_run(path)
        ]
        return self.remove(gone)

    def remove(self, paths: Collection[str]) -> Sequence[str]:
        """Remove files by their paths below the lake; one that is gone already is no error."""
        by_bucket: dict[str, list[str]] = {}
        for path in paths:
            bucket, key = self._object(path)
            by_bucket.setdefault(bucket, []).append(key)
        for bucket, keys in by_bucket.items():
            self._delete(bucket, keys)
        return list(paths)

    def _delete(self, bucket: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + _AT_ONCE]]
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
            for error in answer.get("Errors", ()):
                place = f"s3://{bucket}/{error['Key']}"
                raise StoreUnavailable(f"cannot remove {place}: {error.get('Message')}")
            reach("garbage.removed")

    def _object(self, path: str) -> tuple[str, str]:
        """Bucket and key of a path below the lake."""
        folder, _, rest = path.partition("/")
        place = self._places[folder]
        return place.bucket, place.prefix + rest


def _is_staged(path: str) -> bool:
    return path.startswith(_S3) or Path(path).is_absolute()
