"""What every peer is told on its command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Arguments:
    """Files to read, the folder to write into, and a limit of memory as DuckDB writes it."""

    paths: list[str]
    out: Path
    memory: str | None


def arguments() -> Arguments:
    """The arguments of this process; a folder stands for its files, in the order of names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("path", type=Path)
    parser.add_argument("--memory", help="such as 2GB")
    given = parser.parse_args()
    paths = sorted(given.path.iterdir()) if given.path.is_dir() else [given.path]
    given.out.mkdir(parents=True, exist_ok=True)
    return Arguments([str(path) for path in paths], given.out, given.memory)
