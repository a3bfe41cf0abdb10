"""The Glue job's package: a wheel, the script that Glue starts, and the versions it needs.

Glue 5.1 brings Spark 3.5.6 for Python 3.11, and boto3. Whatever else a task imports is pinned to
what is installed here, because Glue's own versions are others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError
from edp.infra import wheel

if TYPE_CHECKING:
    from pathlib import Path

NEEDED: Final = (
    "annotated-types",
    "backports.zstd",
    "duckdb",
    "pyarrow",
    "pydantic",
    "pydantic_core",
    "PyYAML",
    "typing-inspection",
    "typing_extensions",
)
"""The distributions that a driver or a task imports, beside pyspark and boto3."""
_SCRIPT: Final = '''\
"""Starts EDP's Spark job; Glue passes `--manifest` and its own arguments."""

from edp.glue_job import main

main()
'''


@dataclass(frozen=True)
class Package:
    """The files that a Glue job is made of.

    `requirements` names versions, and goes into `--additional-python-modules` with the `wheel`.
    """

    wheel: Path
    script: Path
    requirements: Path


def build(folder: Path) -> Package:
    """Write the package into `folder`, which is made.

    Raises: ConfigError where something that a task needs is not installed here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script, requirements = folder / "glue_job.py", folder / "requirements.txt"
    requirements.write_text("".join(f"{pin}\n" for pin in pins()), "utf-8")
    script.write_text(_SCRIPT, "utf-8")
    return Package(wheel.write(folder), script, requirements)


def pins() -> list[str]:
    """`name==version` of each distribution that a task needs, as installed here."""
    try:
        return [f"{name}=={metadata.version(name)}" for name in NEEDED]
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed here, and the Glue job needs the version that was "
            "tried: pip install 'edp[spark]', then build"
        ) from error
