"""Run the tests of the matrix, and write docs/reference/faults.md with what they came to.

python -m tests.faults
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from tests.faults.matrix import MATRIX, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "faults.md"
_PYTEST: Final = (
    *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"),
    *("-o", "junit_family=xunit1"),
)
_HEAD: Final = """# Faults

What can go wrong, what comes of it, and the tests that prove it. `make faults` runs them and
writes this page; a test that is run with several inputs, fault points or adapters counts for each.
`make mutants` takes away the guards behind them, one at a time, and sees that a test goes red;
`make soak` and `edp torture` do the same work for longer.
"""


def main() -> int:
    """Run them; 1 when one of them failed, and the page stays as it was."""
    ids = sorted({one for rows in MATRIX.values() for row in rows for one in row.ids})
    with tempfile.TemporaryDirectory(prefix="edp-faults-") as place:
        report = Path(place, "report.xml")
        ran = subprocess.run(
            [*_PYTEST, f"--junitxml={report}", *ids],
            cwd=ROOT,
            check=False,
        )
        if ran.returncode:
            return 1
        passed = _passed(report)
    PAGE.write_text("\n".join(_lines(passed)) + "\n", "utf-8")
    return 0


def _passed(report: Path) -> Mapping[str, int]:
    """How many cases of each test passed."""
    found: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest's own report)
        if not list(case):
            name = re.sub(r"\[.*", "", case.attrib["name"], flags=re.DOTALL)
            found[f"{case.attrib['file']}::{name}"] += 1
    return found


def _lines(passed: Mapping[str, int]) -> Iterator[str]:
    yield _HEAD.rstrip()
    for title, rows in MATRIX.items():
        yield f"\n## {title}\n"
        yield "| fault | what comes of it | proved by | passed |"
        yield "|---|---|---|---:|"
        yield from (_line(row, passed) for row in rows)


def _line(row: Row, passed: Mapping[str, int]) -> str:
    names = ", ".join(f"`{one.removeprefix('tests/')}`" for one in row.ids)
    told = f"{row.comes}. {row.left}" if row.left else row.comes
    return f"| {row.fault} | {told} | {names} | {sum(passed[one] for one in row.ids)} |"


if __name__ == "__main__":
    sys.exit(main())
