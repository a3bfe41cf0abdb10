"""A check: what was looked at, whether it is well, what was seen, and the way out if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `fix` is a command or a setting, empty where all is well."""

    name: str
    status: Status
    seen: str
    fix: str = ""


def ok(name: str, seen: str) -> Check:
    """All is well."""
    return Check(name, "ok", seen)


def warn(name: str, seen: str, fix: str) -> Check:
    """EDP works, and somebody should look at it."""
    return Check(name, "warn", seen, fix)


def fail(name: str, seen: str, fix: str) -> Check:
    """EDP cannot work, or cannot keep its promises, as long as it is so."""
    return Check(name, "fail", seen, fix)


def size(n: float) -> str:
    """Bytes in words.

    >>> size(900), size(4_000_000_000)
    ('900 B', '4.0 GB')
    """
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= step:
            return f"{n / step:.1f} {unit}"
    return f"{n:.0f} B"


def count(n: int, noun: str) -> str:
    """How many of something, in words.

    >>> count(1, "file"), count(0, "file")
    ('1 file', '0 files')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
