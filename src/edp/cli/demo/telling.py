"""How the demo speaks: headings, paragraphs, and commands as they are typed here."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Final

from edp.cli.show import say

_WIDEST: Final = 100
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def chapter(title: str) -> None:
    """A heading."""
    print(f"\n{_BOLD}{title}{_PLAIN}" if sys.stdout.isatty() else f"\n{title}")


def tell(text: str) -> None:
    """A paragraph, in lines that fit."""
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    for line in textwrap.wrap(text, width - 3, break_on_hyphens=False):
        say(f"   {line}")


def program(folder: Path) -> str:
    """How the command line is called from here, for the workspace in `folder`."""
    called = sys.argv[0]
    found = shutil.which("edp")
    if found and Path(called).exists() and Path(found).samefile(called):
        called = "edp"
    elif len(near := os.path.relpath(called)) < len(called):
        called = near
    return f"{shlex.quote(called)} --workspace {shlex.quote(str(folder))}"
