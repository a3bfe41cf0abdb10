"""The list of gaps: each names a test and an adapter that there are."""

import re
from pathlib import Path

from tests.conformance.gaps import GAPS

SUITES = "\n".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))


def test_every_gap_is_of_a_test_and_an_adapter_that_there_are() -> None:
    tests = set(re.findall(r"^def (test_\w+)", SUITES, re.MULTILINE))
    tables = re.findall(r"^[A-Z]+[^=\n]*= (\{\n?\s*\"[^}]*\})", SUITES, re.MULTILINE)
    adapters = {name for table in tables for name in re.findall(r'"([\w-]+)":', table)}

    assert {test for _, test in GAPS} <= tests
    assert {adapter for adapter, _ in GAPS} <= adapters
