"""The machine: what was measured on what, and how quick its disk makes a write durable."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("edp", "duckdb", "polars", "pandas", "pyarrow", "apsw")
_BLOCK: Final = b"\0" * 4096


def described() -> str:
    """Processor, memory, system and versions."""
    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), ": 0")
    told = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return (
        f"{os.cpu_count()} cores of {names[0].partition(': ')[2] if names else 'unknown kind'}, "
        f"{int(memory.split()[1]) / 1e6:.0f} GB, {platform.system()} {platform.release()}; "
        + ", ".join(told)
    )


def load() -> float:
    """Processes that wanted a core in the last minute, this one's included."""
    return os.getloadavg()[0]


def fdatasync_s(folder: Path, *, times: int = 200) -> list[float]:
    """Seconds that each of so many writes of 4 kB to a file took to be durable."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "durable"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(_BLOCK)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return took


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []
