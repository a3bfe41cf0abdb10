"""The layer: the packages that handlers import, as they are installed here.

Nothing is downloaded or built: what was tested is what is shipped. So Lambda has to run the Python
and the kind of machine that this one has.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError
from edp.infra import bytecode, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator


NEEDED: Final = (
    "annotated-types",
    "anyio",
    "apsw",
    "aws-lambda-powertools",
    "aws-xray-sdk",
    "backports.zstd",
    "boto3",
    "botocore",
    "certifi",
    "duckdb",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "jmespath",
    "pydantic",
    "pydantic_core",
    "python-dateutil",
    "PyYAML",
    "s3transfer",
    "six",
    "slack_sdk",
    "structlog",
    "typing-inspection",
    "typing_extensions",
    "urllib3",
    "wrapt",
)
"""The distributions that a handler imports; Lambda's own boto3 is of another version."""
ROOM: Final = 250_000_000
"""Bytes that a function and its layers may take, unpacked. Source: AWS, "Lambda quotas"."""
RUNTIMES: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_GLIBC: Final = 34
"""2.34 is that of Amazon Linux 2023, which these runtimes are on."""
_LEFT_OUT: Final = re.compile(r"(^|/)(\.\.|__pycache__)/|^bin/|\.(pyc|pyi)$")


@dataclass(frozen=True)
class Part:
    """A file of the layer: its name there, where it lies, its hash, and its size in bytes."""

    name: str
    path: Path
    digest: str
    size: int


def runtime() -> str:
    """Lambda's word for the Python that runs here."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    """Lambda's word for the processor of this machine; `x86_64` where it has none."""
    return ARCHITECTURES.get(platform.machine().lower(), "x86_64")


def parts() -> list[Part]:
    """The files, by name.

    Raises: ConfigError where a package that a handler imports is not installed here.
    """
    return sorted((part for name in NEEDED for part in _of(name)), key=lambda part: part.name)


def _of(name: str) -> Iterator[Part]:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            f"{name} is not installed here, and the functions need the version that was tried: "
            "pip install 'edp[infra]', then build"
        ) from error
    for file in found.files or ():
        if _LEFT_OUT.search(file.as_posix()) or file.hash is None:
            continue
        place = Path(str(found.locate_file(file)))
        yield Part(f"python/{file.as_posix()}", place, file.hash.value, file.size or 0)


def digest(files: list[Part]) -> str:
    """What changes when a file does."""
    lines = [bytecode.MAGIC, *(f"{part.name} {part.digest}\n" for part in files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write(files: list[Part], path: Path) -> None:
    """Write the layer to `path`; the same files give the same bytes.

    Raises: ConfigError where what is installed here cannot run in Lambda.
    """
    fit()
    sources = {part.name: part.path.read_bytes() for part in files if part.name.endswith(".py")}
    with zipfile.ZipFile(path, "w") as packed:
        for part in files:
            packed.writestr(wheel.entry(part.name), part.path.read_bytes())
        for name, data in bytecode.compiled(sources).items():
            packed.writestr(wheel.entry(name), data)


def fit() -> None:
    """Make sure that what is installed here runs in Lambda, too.

    Raises: ConfigError where it does not.
    """
    if sys.platform != "linux":
        raise ConfigError(
            f"the packages installed here are for {sys.platform}, and Lambda runs Linux: "
            "deploy from Linux, or from a container of it"
        )
    if runtime() not in RUNTIMES:
        raise ConfigError(f"Lambda has no {runtime()}: build with one of {', '.join(RUNTIMES)}")
    if newer := [name for name in NEEDED if _too_new(name)]:
        raise ConfigError(
            f"{', '.join(newer)}: built for a newer or another C library than Lambda's glibc "
            f"2.{_GLIBC}; install a manylinux_2_{_GLIBC} build, or deploy from an image of "
            "Amazon Linux 2023"
        )


def _too_new(name: str) -> bool:
    """Whether every tag of an installed wheel asks for more than Lambda's glibc."""
    tags = re.findall(r"(?m)^Tag: \S+-(\S+)$", metadata.distribution(name).read_text("WHEEL") or "")
    return bool(tags) and not any(_runs(tag) for tag in tags)


def _runs(tag: str) -> bool:
    """Whether Lambda runs what a platform tag stands for.

    >>> [_runs(tag) for tag in ("any", "manylinux_2_28_x86_64", "manylinux2014_x86_64")]
    [True, True, True]
    >>> [_runs(tag) for tag in ("manylinux_2_39_x86_64", "musllinux_1_2_x86_64")]
    [False, False]
    """
    match = re.match(r"manylinux_2_(\d+)_", tag)
    return int(match[1]) <= _GLIBC if match else not tag.startswith(("musllinux", "macosx", "win"))
