"""A wheel of the EDP that runs here, written without a build tool: its files, packed.

The same files give the same bytes, so that a deployment sees whether anything changed.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

from edp.core.errors import ConfigError

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP file can hold."""
_MODE: Final = 0o644 << 16
_LEFT_OUT: Final = frozenset({"__pycache__"})
_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: edp\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write(folder: Path) -> Path:
    """Write the wheel into `folder`; its path.

    Raises: ConfigError where EDP is not installed, but only lies on the path.
    """
    try:
        found = metadata.distribution("edp")
    except metadata.PackageNotFoundError as error:
        raise ConfigError("EDP is not installed here: pip install it, then build") from error
    path = folder / f"edp-{found.version}-py3-none-any.whl"
    notes = f"edp-{found.version}.dist-info"
    files = package() | {
        f"{notes}/METADATA": (found.read_text("METADATA") or "").encode(),
        f"{notes}/WHEEL": _WHEEL.encode(),
    }
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    record.append(f"{notes}/RECORD,,")
    files[f"{notes}/RECORD"] = ("\n".join(record) + "\n").encode()
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(entry(name), data)
    return path


def package() -> dict[str, bytes]:
    """The package's files by their names in the wheel, in order."""
    root = Path(__file__).parents[1]
    paths = (path for path in root.rglob("*") if path.is_file())
    kept = sorted(path for path in paths if _LEFT_OUT.isdisjoint(path.parts))
    return {path.relative_to(root.parent).as_posix(): path.read_bytes() for path in kept}


def entry(name: str) -> zipfile.ZipInfo:
    """A file's head in a ZIP that says nothing of when and where it was written."""
    head = zipfile.ZipInfo(name, _EPOCH)
    head.compress_type = zipfile.ZIP_DEFLATED
    head.external_attr = _MODE
    return head


def _digest(data: bytes) -> str:
    """The SHA-256 as wheels write it. Source: the binary distribution format, RECORD."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
