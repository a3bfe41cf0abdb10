"""The functions' package: the EDP that runs here, and the contract that it works by."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError
from edp.core.resources import FUNCTIONS
from edp.infra import bytecode, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.contract import Config

CONTRACT: Final = "edp.yaml"
WORKSPACE: Final = "workspace"
"""Folder of the contract in the package."""


def missing() -> list[str]:
    """The modules of handlers that this EDP does not have; what has none cannot be deployed."""
    files = wheel.package()
    return [
        f"edp.lambdas.{module}"
        for module in FUNCTIONS
        if not files.keys() & {f"edp/lambdas/{module}.py", f"edp/lambdas/{module}/__init__.py"}
    ]


def write(config: Config, workspace: Path, path: Path) -> None:
    """Write the package to `path`; the same files give the same bytes.

    Raises: ConfigError when a file of the contract cannot be read.
    """
    code = wheel.package()
    sources = {name: data for name, data in code.items() if name.endswith(".py")}
    files = code | bytecode.compiled(sources) | _contract(config, workspace)
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(wheel.entry(name), data)


def _contract(config: Config, workspace: Path) -> dict[str, bytes]:
    """edp.yaml as it stands, its variables unfilled, and the transforms that it names."""
    transforms = {
        dataset.transform.partition(".py:")[0] + (".py" if ".py:" in dataset.transform else "")
        for dataset in config.datasets.values()
        if dataset.transform is not None
    }
    try:
        return {
            f"{WORKSPACE}/{name}": (workspace / name).read_bytes()
            for name in (CONTRACT, *sorted(transforms))
        }
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from error
