"""An object of a bucket as a file: what is read of it is fetched, and no more."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from typing import BinaryIO

    from _typeshed import WriteableBuffer

_FETCH: Final = 1 << 16
"""Bytes of one request; a footer is seldom longer."""


class BucketFile(io.RawIOBase):
    """Reads by ranged requests; `client` is boto3's."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:  # noqa: ANN401 (boto3)
        super().__init__()
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._size = int(client.head_object(**self._where)["ContentLength"])
        self._at = 0

    @classmethod
    def open(cls, client: Any, bucket: str, key: str) -> BinaryIO:  # noqa: ANN401 (boto3)
        """The object, buffered."""
        return cast("BinaryIO", io.BufferedReader(cls(client, bucket, key), _FETCH))

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the place that is read next (bytes)."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The place that is read next (bytes)."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` as far as the object goes; how many bytes came."""
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        answer = self._client.get_object(**self._where, Range=f"bytes={self._at}-{end - 1}")
        data = answer["Body"].read()
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
