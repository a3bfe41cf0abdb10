"""Where objects lie on S3: a bucket, and what all their keys start with there."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from edp.core.contract.invalid import invalid

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class S3Url:
    """A bucket and a prefix, which is empty or ends in `/`.

    >>> S3Url.parse("s3://edp-source/source_files")
    S3Url(bucket='edp-source', prefix='source_files/')
    >>> str(S3Url("edp-source", "source_files/"))
    's3://edp-source/source_files/'
    """

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> "S3Url":
        """The place that `text` names; a prefix without its last slash gets it."""
        match = _URL.fullmatch(text)
        if not match:
            raise invalid("not an S3 URL", "write s3://bucket/prefix/, e.g. s3://edp-source/files/")
        folder = (match[2] or "").removesuffix("/")
        if folder and any(segment in ("", ".", "..") for segment in folder.split("/")):
            raise invalid(
                "the prefix has an empty, '.' or '..' segment", "write s3://bucket/prefix/"
            )
        return cls(match[1], f"{folder}/" if folder else "")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def overlaps(self, other: "S3Url") -> bool:
        """Whether some object can lie in both places."""
        return self.bucket == other.bucket and (
            self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        )


def _url(value: object) -> S3Url:
    return (
        value if isinstance(value, S3Url) else S3Url.parse(value if isinstance(value, str) else "")
    )


Url = Annotated[
    S3Url,
    PlainValidator(_url),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^s3://", "examples": ["s3://edp-source/files/"]}),
]
"""An S3Url, from its text."""
