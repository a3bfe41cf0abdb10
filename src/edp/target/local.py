"""A target bucket as folders: `target/<dataset>/` for rows, `rejects/<dataset>/` for rejects.

Workers stage below `.work`, fsynced; publishing is a rename on the same file system.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.backends.folder import fsync_folders
from edp.core.errors import StoreUnavailable
from edp.core.faults import reach
from edp.core.identity import named_by_a_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from edp.core.files import DataFile

FOLDERS: Final = {"data": "target", "rejects": "rejects"}
_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}\.[1-9]\d*")
_STALE_S: Final = 3600.0


class LocalTarget:
    """Parquet files below `lake`."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._work = lake / ".work"
        for folder in (*FOLDERS.values(), ".work"):
            (lake / folder).mkdir(parents=True, exist_ok=True)

    def workdir(self, run_id: str, fence: int) -> Path:
        """A new folder, private to one attempt, from which `publish` can take files."""
        folder = self._work / f"{run_id}.{fence}"
        folder.mkdir(parents=True)
        return folder

    def publish(self, dataset: str, staged: Sequence[DataFile]) -> Sequence[DataFile]:
        """Rename staged files to their final names, durably."""
        published: list[DataFile] = []
        folders: set[Path] = set()
        try:
            for file in staged:
                if not Path(file.path).is_absolute():
                    published.append(file)
                    continue
                # several tasks of one attempt stage files of the same name
                name = f"{Path(file.path).stem}-{secrets.token_hex(4)}.parquet"
                place = "/".join(filter(None, (FOLDERS[file.kind], dataset, file.partition, name)))
                final = self._lake / place
                folders |= self._made(final.parent)
                os.utime(file.path)  # its age counts from here
                Path(file.path).rename(final)
                folders.add(final.parent)
                published.append(replace(file, path=place))
            fsync_folders(folders)
        except OSError as error:
            raise StoreUnavailable(f"cannot publish to {self._lake}: {error}") from error
        reach("target.renamed")
        return published

    def _made(self, folder: Path) -> set[Path]:
        """Make `folder` and those above it; the folders that a name was added to."""
        if folder.is_dir():
            return set()
        changed = self._made(folder.parent)
        folder.mkdir(exist_ok=True)
        return changed | {folder.parent}

    def locate(self, file: DataFile) -> str:
        """Where a reader finds the bytes of a file, staged or published."""
        return str(self._lake / file.path)  # an absolute path stays itself

    def discard(self, workdir: Path) -> None:
        """Remove an attempt's folder with what was not published."""
        shutil.rmtree(workdir, ignore_errors=True)

    def clear_work(self) -> None:
        """Remove what killed attempts left; for a start, when no run is under way.

        Other processes may be putting or retracting: what is theirs goes only once it is old.
        """
        for leftover in self._work.iterdir():
            run = _RUN.fullmatch(leftover.name)
            try:
                old = time.time() - leftover.lstat().st_mtime > _STALE_S
            except FileNotFoundError:
                continue
            if leftover.is_dir() and (run or old):
                self.discard(leftover)
            elif old:
                leftover.unlink(missing_ok=True)

    def free(self) -> int:
        """Bytes that can still be written."""
        try:
            return shutil.disk_usage(self._lake).free
        except OSError as error:
            raise StoreUnavailable(f"cannot look at {self._lake}: {error}") from error

    def list(self) -> Iterator[tuple[str, float]]:
        """Every Parquet file of the target: its path below the lake and its age (seconds)."""
        now = time.time()
        for top in FOLDERS.values():
            for folder, _, names in os.walk(self._lake / top):
                for name in names:
                    path = Path(folder, name)
                    if not name.endswith(".parquet") or path.is_symlink():
                        continue
                    with suppress(FileNotFoundError):  # removed since it was listed
                        yield path.relative_to(self._lake).as_posix(), now - path.lstat().st_mtime

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
        for path in paths:
            try:
                (self._lake / path).unlink(missing_ok=True)
            except OSError as error:
                raise StoreUnavailable(f"cannot remove {self._lake / path}: {error}") from error
            reach("garbage.removed")
        return list(paths)
