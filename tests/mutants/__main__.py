"""Take one guard away at a time, and see that a test goes red for each.

    python -m tests.mutants                all of them
    python -m tests.mutants fence sync     those whose names hold one of the words

Each is tried in a copy of the source, by the tests that `table.py` names for it. Exits with 1 when
one is noticed by none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.mutants.table import MUTANTS, SOURCE, Mutant

ROOT: Final = SOURCE.parent
PYTEST: Final = (
    *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
    "--override-ini=addopts=--import-mode=importlib",
)
_AT_ONCE: Final = 2
_PATIENCE_S: Final = 600.0
_RED: Final = 1
"""pytest's exit status for a test that failed; every other one means that it could not test."""


def main(words: list[str]) -> int:
    """Try the mutants that are asked for; how many were not noticed, as an exit status."""
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    if not chosen:
        _say(f"no guard is called by any of {', '.join(words)}")
        return 2
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        noticed = sum(pool.map(_tried, chosen))
    _say(f"{noticed} of {len(chosen)} guards are noticed when they are missing")
    return int(noticed < len(chosen))


def _tried(one: Mutant) -> bool:
    began = time.monotonic()
    by = _noticed_by(one)
    took = f"{time.monotonic() - began:.0f} s"
    _say(f"{'ok ' if by else 'NOT'} {one.name}: {by or 'no test went red'} ({took})")
    return bool(by)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _noticed_by(one: Mutant) -> str:
    """The test that goes red without the guard; nothing where none does."""
    with tempfile.TemporaryDirectory(prefix="edp-mutant-") as place:
        copy = Path(place, "src")
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        changed = copy / one.path.relative_to(SOURCE)
        changed.write_text(mutated(one), "utf-8")
        done = subprocess.run(
            [*PYTEST, f"--basetemp={Path(place, 'made')}", *one.tests.split()],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    red = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == _RED and red:
        return str(red[0])
    if done.returncode > _RED:
        raise RuntimeError(f"{one.name}: the tests did not run:\n{done.stdout}{done.stderr}")
    return ""


def mutated(one: Mutant) -> str:
    """The text of the file without the guard.

    Raises: LookupError when the guard is not there exactly once.
    """
    text = one.path.read_text("utf-8")
    if (n := text.count(one.guard)) != 1:
        raise LookupError(f"{one.name}: {one.file} has its guard {n} times, not once")
    return text.replace(one.guard, one.without)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
