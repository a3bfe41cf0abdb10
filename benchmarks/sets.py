"""Sets of data: how many bytes in how many files, and with how much memory they are to be read.

A set is written as `[FILESx]SIZE[/MEMORY]`: `1GB` is one file, `1000x100kB` a thousand, `5GB/2GB`
one that is to be read with 2 GB of memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from benchmarks.orders import ROW_BYTES

USUAL: Final = "100MB,1GB,1000x100kB,5GB/2GB"
"""The sets that are measured when none is named."""
_MEMORY: Final = "4GB"
_UNITS: Final = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE: Final = r"(\d+)(kB|MB|GB)"
_SET: Final = re.compile(rf"(?:(\d+)x)?{_SIZE}(?:/({_SIZE}))?")


@dataclass(frozen=True)
class Set:
    """Data of `size` bytes in `files` files.

    `memory` is EDP's setting; where the set is `bounded`, hand-written SQL keeps to it, too.
    """

    name: str
    size: int
    files: int
    memory: str
    bounded: bool

    @property
    def rows(self) -> int:
        """Rows of all files together."""
        return round(self.size / ROW_BYTES)


def parse(text: str) -> Set:
    """The set that `text` describes.

    Raises: ValueError.

    >>> parse("1000x100kB").size, parse("5GB/2GB").memory, parse("1GB").bounded
    (100000000, '2GB', False)
    """
    match = _SET.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no set of data: write [FILESx]SIZE[/MEMORY], as 10x5MB/1GB")
    files, size, unit, memory, *_ = match.groups()
    number = int(files or 1)
    return Set(text, number * int(size) * _UNITS[unit], number, memory or _MEMORY, bool(memory))
