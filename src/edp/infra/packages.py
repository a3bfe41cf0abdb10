"""The functions' packages as files to upload: their code with the contract, and its layer.

The same EDP, packages and contract give the same bytes.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core.errors import ConfigError
from edp.infra import functions, layer

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.contract import Config


@dataclass(frozen=True)
class Package:
    """A ZIP file, its size and what it takes unpacked (bytes), and the SHA-256 of its bytes."""

    path: Path
    size: int
    unpacked: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Package:
        """The package that lies at `path`."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(path, path.stat().st_size, _unpacked(path), digest)


def build(config: Config, workspace: Path, folder: Path) -> tuple[Package, Package]:
    """Write both packages into `folder`, which is made: functions.zip, then layer.zip.

    Raises: ConfigError where what is installed here cannot run in Lambda, or is too much for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    code, packages = folder / "functions.zip", folder / "layer.zip"
    functions.write(config, workspace, code)
    layer.write(layer.parts(), packages)
    check_room(code, packages)
    return Package.of(code), Package.of(packages)


def check_room(*paths: Path) -> None:
    """Make sure that a function has room for these packages.

    Raises: ConfigError that names the largest folders, where it does not.
    """
    taken = {path.name: _unpacked(path) for path in paths}
    if sum(taken.values()) <= layer.ROOM:
        return
    told = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in taken.items())
    large = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in _largest(paths))
    raise ConfigError(
        f"the functions take more than the {layer.ROOM / 1e6:.0f} MB that Lambda unpacks: {told}. "
        f"The largest parts are {large}; install smaller versions, or take files out that no "
        "handler needs"
    )


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as packed:
        return sum(entry.file_size for entry in packed.infolist())


def _largest(paths: tuple[Path, ...]) -> list[tuple[str, int]]:
    """The three folders that take most, with their bytes."""
    sizes: dict[str, int] = {}
    for path in paths:
        with zipfile.ZipFile(path) as packed:
            for entry in packed.infolist():
                name = "/".join(entry.filename.split("/")[:2])
                sizes[name] = sizes.get(name, 0) + entry.file_size
    return sorted(sizes.items(), key=lambda one: -one[1])[:3]
