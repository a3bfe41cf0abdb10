"""The pages of the documentation, and the commands in them."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

PATIENCE_S = 300.0
"""For the commands of a page, on a machine that does much else."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@ exit status "
_VOLATILE = (
    (re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:Z|\+00:00)"), "TIME"),
    (re.compile(r"(?m)^( *\S+ +\d+ +committed(?:, unchanged)? .*?)\d+ *$"), r"\1MS"),
    (re.compile("─+"), "─"),
)


def read(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [text for found, text in _BLOCK.findall(read(page)) if found == kind]


@dataclass(frozen=True)
class Step:
    """A command as a page shows it, and what the page says that it prints."""

    command: str
    printed: str


def steps(page: Path) -> list[Step]:
    """Every command of the page's console blocks; `> ` continues one."""
    found: list[tuple[list[str], list[str]]] = []
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(([line[2:]], []))
            elif line.startswith("> ") or line == ">":
                found[-1][0].append(line[2:])
            else:
                found[-1][1].append(line)
    return [Step("\n".join(command), "\n".join(out)) for command, out in found]


def run(page: Path, folder: Path) -> list[tuple[Step, str, int]]:
    """Run the page's commands in one shell; each with what it printed and its exit status."""
    script = ["set +m"]
    for step in steps(page):
        # the status goes on to the next command, which may be `echo $?`
        script += [step.command, f"edp_status=$?; echo '{_MARK}'$edp_status; (exit $edp_status)"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("EDP_", "COLUMNS"))}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    done = subprocess.run(
        ["bash"],  # noqa: S607 (the reader's own shell)
        input="\n".join(script) + "\n",
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    parts = re.split(rf"^{_MARK}(\d+)\n", done.stdout, flags=re.MULTILINE)
    outputs = zip(parts[0::2], map(int, parts[1::2]), strict=False)
    return [(step, *output) for step, output in zip(steps(page), outputs, strict=True)]


def says(printed: str, output: str) -> bool:
    """Whether `output` is what the page shows; `...` stands for anything, white space is free."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(_steady(printed), _steady(output), flags)


def _steady(text: str) -> str:
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def tables(page: Path) -> list[list[list[str]]]:
    """The page's tables: rows of cells, without head and rule; code marks are taken off."""
    found: list[list[list[str]]] = []
    inside = False
    for line in read(page).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
        inside = True
        cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
        found[-1].append([cell.strip().replace("\\|", "|") for cell in cells])
    return [rows[2:] for rows in found]


def sections(page: Path, level: int = 2) -> dict[str, str]:
    """Heading to text, for headings of one level."""
    parts = re.split(rf"(?m)^{'#' * level} (.+)$", read(page))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code(cell: str) -> str:
    """The first code span of a cell, without its marks."""
    match = re.search(r"`` (.+?) ``|`([^`]+)`", cell)
    return (match[1] or match[2]) if match else cell
