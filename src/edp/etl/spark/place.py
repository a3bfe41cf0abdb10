"""Where a job's work lies: a folder that driver and tasks all see, or a prefix of a bucket.

A task works below a folder of its own on local disk. What it keeps becomes durable under names
that no other attempt has, and is whole or not there.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Protocol

from edp.backends.folder import fsync_folder
from edp.etl.spark.ranges import BucketFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from edp.core.files import DataFile
    from edp.etl.port import Input


class Place(Protocol):
    """A prefix that a job's tasks write below."""

    def room(self, name: str) -> Any:  # noqa: ANN401 (a context manager of Path)
        """A folder on local disk for the attempt `name`, as a context manager."""

    def fetch(self, given: Input, room: Path) -> Input:
        """The input with its bytes on local disk."""

    def keep(self, file: DataFile, room: Path, name: str) -> DataFile:
        """The staged file, durable below the prefix."""

    def write(self, name: str, lines: Iterable[str]) -> str:
        """Where the lines are now, durably: all of them, or none."""

    def read(self, uri: str) -> Iterator[str]:
        """The lines of what `write` wrote."""

    def open(self, uri: str) -> BinaryIO:
        """The bytes of an input, for reading here and there."""


class Folder:
    """A folder of a file system that driver and tasks share."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    @contextmanager
    def room(self, name: str) -> Iterator[Path]:
        """The attempt's folder; what it staged stays there."""
        room = self._root / "tasks" / name
        room.mkdir(parents=True)
        yield room
        for scratch in ("snapshots", "spill"):
            shutil.rmtree(room / scratch, ignore_errors=True)

    def fetch(self, given: Input, room: Path) -> Input:  # noqa: ARG002 (a bucket needs it)
        """The input as it is: the engine copies it."""
        return given

    def keep(self, file: DataFile, room: Path, name: str) -> DataFile:  # noqa: ARG002
        """The file as it is: the engine has synced it."""
        return file

    def write(self, name: str, lines: Iterable[str]) -> str:
        """Write aside, sync, rename, sync the folder."""
        path = self._root / name
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w", encoding="utf-8") as out:
            for line in lines:
                out.write(f"{line}\n")
            out.flush()
            os.fsync(out.fileno())
        aside.rename(path)
        fsync_folder(path.parent)
        return str(path)

    def read(self, uri: str) -> Iterator[str]:
        """The lines, one at a time."""
        with Path(uri).open(encoding="utf-8") as file:
            yield from file

    def open(self, uri: str) -> BinaryIO:
        """The file's bytes."""
        return Path(uri).open("rb")


class Bucket:
    """A prefix of an S3 bucket; `client` is boto3's. Tasks work in temporary folders."""

    def __init__(self, uri: str, client: Any) -> None:  # noqa: ANN401 (boto3 has no types)
        self._bucket, self._prefix = parted(uri)
        self._client = client

    @contextmanager
    def room(self, name: str) -> Iterator[Path]:
        """A temporary folder, gone on leaving."""
        room = Path(mkdtemp(prefix=f"edp-{name}-"))
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def fetch(self, given: Input, room: Path) -> Input:
        """A copy of the object's bytes; one that is gone has none, as the engine will say."""
        inputs = room / "inputs"
        inputs.mkdir(exist_ok=True)
        path = inputs / str(sum(1 for _ in inputs.iterdir()))
        bucket, key = parted(given.path)
        extra = {"VersionId": given.version} if given.version else {}
        try:
            self._client.download_file(bucket, key, str(path), ExtraArgs=extra)
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchVersion"):
                raise
            path.unlink(missing_ok=True)
        return replace(given, path=str(path))

    def keep(self, file: DataFile, room: Path, name: str) -> DataFile:
        """An object of its own below the prefix."""
        place = Path(file.path).relative_to(room).as_posix()
        key = f"{self._prefix}/tasks/{name}/{place}"
        self._client.upload_file(file.path, self._bucket, key)
        return replace(file, path=f"s3://{self._bucket}/{key}")

    def write(self, name: str, lines: Iterable[str]) -> str:
        """One object, whole or not there."""
        key = f"{self._prefix}/{name}"
        folder = Path(mkdtemp(prefix="edp-lines-"))
        try:
            path = folder / "lines"
            with path.open("w", encoding="utf-8") as out:
                out.writelines(f"{line}\n" for line in lines)
            self._client.upload_file(str(path), self._bucket, key)
        finally:
            shutil.rmtree(folder)
        return f"s3://{self._bucket}/{key}"

    def read(self, uri: str) -> Iterator[str]:
        """The lines, as they come."""
        bucket, key = parted(uri)
        with closing(self._client.get_object(Bucket=bucket, Key=key)["Body"]) as body:
            for line in body.iter_lines():
                yield line.decode()

    def open(self, uri: str) -> BinaryIO:
        """The object's bytes, by ranges."""
        bucket, key = parted(uri)
        return BucketFile.open(self._client, bucket, key)


def parted(uri: str) -> tuple[str, str]:
    """The bucket and the key of an S3 URI.

    >>> parted("s3://lake/work/run-1/")
    ('lake', 'work/run-1')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key.rstrip("/")


def place_of(uri: str) -> Place:
    """The place that `uri` names: an S3 URI, or a folder."""
    if not uri.startswith("s3://"):
        return Folder(uri)
    import boto3  # noqa: PLC0415 (only where there is S3)

    return Bucket(uri, boto3.client("s3"))
