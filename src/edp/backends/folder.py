"""What a file system needs to keep its word: names are durable once their folder is synced."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_AT_ONCE: Final = 8


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable.

    Raises: OSError when the disk refuses; what is on it is then unknown.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folders(folders: Collection[Path]) -> None:
    """Make the names in each of `folders` durable; the waits for the disk are at once.

    Raises: OSError, as `fsync_folder` does.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (7 ms of every command)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(fsync_folder, folders))


def make_folder(folder: Path) -> None:
    """Make `folder` durably, if it is not there; the one above has to be.

    Raises: OSError.
    """
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
