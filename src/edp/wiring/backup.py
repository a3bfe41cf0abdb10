"""Backup: a workspace copied while it is at work, into a folder that is a workspace itself.

The state is of one moment, and everything that it names is beside it. The folder has its name only
once all of it is on the disk.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.backends.copying import Unreadable, copy, sync
from edp.backends.folder import fsync_folder
from edp.backends.sqlite.copying import Overtaken, copy_journal, copy_state, stands
from edp.catalog.local import LocalCatalog
from edp.core.contract import with_root
from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.faults import reach
from edp.core.files import ADOPTED
from edp.ledger.local import LocalReceipts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from edp.backends.copying import Copied
    from edp.catalog.port import Catalog
    from edp.core.files import DataFile
    from edp.wiring.local import Workspace

ROUNDS: Final = 10
"""How often a state is copied whose files are collected while they are being copied."""
_TRIES: Final = 3
_PENDING: Final = ("queued", "running")


@dataclass
class Backup:
    """What a backup holds, and what it could not have.

    `commits` is the number of the last commit in it. Of the data `files`, `linked` share their
    bytes with the workspace. `bytes` counts those of data files and `objects`, the source's files.
    `damaged` are data files that the workspace itself has lost or that are not what was committed;
    `left_out` are source files that could not be read or were being written, and transforms that
    are not in the workspace.
    """

    folder: str
    commits: int = 0
    files: int = 0
    linked: int = 0
    objects: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def back_up(here: Workspace, folder: Path, *, source: bool = True) -> Backup:
    """Copy the workspace to `folder`, which is new or empty; nobody has to stop for it.

    Without `source` only those source files come along that are not loaded yet.

    Raises: ConfigError for a folder that it cannot be, StateDamaged, StoreUnavailable where the
    disk fails or the tables change too fast; nothing is left of the backup then.
    """
    to = folder.resolve()
    _check_place(here, to)
    with _in_the_making(to, stat.S_IMODE(here.path.stat().st_mode)) as part:
        made = Backup(str(to))
        try:
            _Copying(here, part, made).run(source=source)
            reach("backup.copied")
            sync(part)
            part.rename(to)
            fsync_folder(to.parent)
        except (OSError, StoreUnavailable) as error:
            raise StoreUnavailable(
                f"cannot back up to {to}: {error}; nothing of it is left there"
            ) from error
    reach("backup.named")
    return made


def _check_place(here: Workspace, to: Path) -> None:
    if to.is_relative_to(here.lake.resolve()):
        raise ConfigError(f"{to} is inside the lake; name a folder outside of {here.lake}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError(f"{to} is there already; name a new folder, or an empty one")
    if not to.parent.is_dir():
        raise ConfigError(f"{to.parent} is not there; make it, or see whether its disk is mounted")
    if to.is_mount():
        raise ConfigError(f"{to} is a file system's own folder; name one below it")


@contextmanager
def _in_the_making(to: Path, mode: int) -> Iterator[Path]:
    """A folder beside `to`, gone at the end unless it was renamed; what a killed one left goes.

    Raises: ConfigError where another backup makes it, or it cannot be made.
    """
    part = to.with_name(f".{to.name}.part")
    try:
        part.mkdir(exist_ok=True)
        handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"cannot write in {to.parent}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another backup to {to} is being made; wait for it") from None
        _empty(part)
        part.chmod(mode)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()


class _Copying:
    """One backup of `here` in the folder `to`."""

    def __init__(self, here: Workspace, to: Path, made: Backup) -> None:
        self._here = here
        self._to = to
        self._made = made
        self._root = _inner(here.config.runtimes.local.root)
        self._lake = to / (self._root or "lake")
        self._files: dict[str, Copied | None] = {}

    def run(self, *, source: bool) -> None:
        self._lake.mkdir(parents=True, exist_ok=True)
        self._contract()
        self._data(_live(self._here.stages.catalog))  # most of it, so that a state's files are few
        settled = self._state()
        self._source(None if source else settled)

    def _contract(self) -> None:
        """The contract and what it names; secrets in `.env` stay where they are."""
        path = self._here.path / "edp.yaml"
        if not path.exists():
            return
        to = self._to / path.name
        copy(path, to)
        if not self._root:
            to.write_text(with_root(path.read_text("utf-8"), self._lake.name), "utf-8")
        for name in {d.transform for d in self._here.config.datasets.values() if d.transform}:
            file = name.partition(".py:")[0] + (".py" if ".py:" in name else "")
            inner = _inner(file)
            if not inner:
                self._made.left_out.append(file)
            elif not (self._to / inner).exists():
                copy(self._here.path / inner, self._to / inner)

    def _state(self) -> Collection[str]:
        """The state, its commits, and the files that it names; the keys that it needs no bytes of.

        Files that a commit of meanwhile has retired may be collected at once. Then the state is
        copied anew: each time fewer files are new.
        """
        for _ in range(ROUNDS):
            shutil.rmtree(self._lake / "commits", ignore_errors=True)
            for suffix in ("", "-wal", "-shm"):
                (self._lake / f"state.db{suffix}").unlink(missing_ok=True)
            state = copy_state(self._here.database, self._lake / "state.db")
            try:
                at = stands(state)
                copy_journal(self._here.lake / "commits", self._lake / "commits", at)
                files = _live(LocalCatalog(state, self._here.config.name))
                newest = {r.key: r.state for r in LocalReceipts(state).receipts()}
            except Overtaken:
                continue
            finally:
                state.close()
            lost = self._data(files)
            if lost and not lost <= _live(self._here.stages.catalog).keys():
                continue
            self._made.commits = at.n if at else 0
            self._keep(files)
            return {key for key, one in newest.items() if one not in _PENDING}
        raise StoreUnavailable(
            "the tables change faster than they can be copied; let replaced files stay longer "
            "(`retention.superseded`) and try again"
        )

    def _data(self, files: Mapping[str, DataFile]) -> set[str]:
        """Copy the data files that are not copied yet; the paths of those that are gone."""
        for path, file in files.items():
            if self._files.get(path) is None:
                frozen = not any(key.startswith(ADOPTED) for key in file.sources)
                self._files[path] = self._copy(path, frozen=frozen)
        return {path for path in files if self._files[path] is None}

    def _copy(self, path: str, *, frozen: bool) -> Copied | None:
        with suppress(FileNotFoundError, Unreadable):
            return copy(self._here.lake / path, self._lake / path, frozen=frozen)
        return None

    def _keep(self, files: Mapping[str, DataFile]) -> None:
        """Sum up the files that the state names; others, of rounds before, are removed."""
        made = self._made
        for path, copied in self._files.items():
            if path not in files:
                (self._lake / path).unlink(missing_ok=True)
            elif copied is None:
                made.damaged.append(path)
            else:
                made.files += 1
                made.linked += copied.way == "link"
                made.bytes += copied.size
                if copied.size != files[path].bytes or (
                    copied.sha256 not in (None, files[path].sha256)
                ):
                    made.damaged.append(path)

    def _source(self, settled: Collection[str] | None) -> None:
        """Source files, but for those of `settled` keys; what others write to is tried again."""
        root = self._here.stages.source
        for entry in root.list():
            if settled is not None and entry.key in settled:
                continue
            place = self._lake / "source" / entry.key
            for _ in range(_TRIES):
                try:
                    copied = copy(Path(root.locate(entry.key)), place)
                except FileNotFoundError:
                    break  # removed since it was listed
                except Unreadable:
                    continue
                self._made.objects += 1
                self._made.bytes += copied.size
                break
            else:
                self._made.left_out.append(f"source/{entry.key}")


def _live(catalog: Catalog) -> dict[str, DataFile]:
    """The files of all tables, by path."""
    return {file.path: file for _, files in catalog.snapshot() for file in files}


def _inner(path: str) -> str:
    """A path that stays inside the folder it starts from; else nothing."""
    normal = Path(os.path.normpath(path))
    return "" if normal.is_absolute() or normal.parts[:1] == ("..",) else str(normal)
