"""What every function promises: a quick start, without what it does not need."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import edp.lambdas

MODULES = [f"edp.lambdas.{one.name}" for one in pkgutil.iter_modules(edp.lambdas.__path__)]
TOO_MUCH = {
    "pyspark",
    "aws_cdk",
    "jsii",
    "fastapi",
    "moto",
    "pyarrow",
    "aws_xray_sdk",
    "pandas",
    "typer",
}
CPU_S = 1.0
STARTS = """
import json, resource, sys
__import__(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, sorted(sys.modules)]))
"""


def started(module: str) -> tuple[float, list[str]]:
    """Seconds of CPU that a new process takes to import `module`, and what is imported then."""
    ran = subprocess.run(
        [sys.executable, "-c", STARTS, module], capture_output=True, text=True, check=True
    )
    cpu_s, imported = json.loads(ran.stdout)
    return cpu_s, imported


@pytest.mark.parametrize("module", MODULES)
def test_a_handler_starts_within_a_second_and_imports_no_more_than_it_needs(module: str) -> None:
    runs = [started(module)]
    while len(runs) < 5 and runs[-1][0] >= CPU_S:
        runs.append(started(module))  # what shares the core takes of its caches, too

    assert runs[-1][0] < CPU_S
    assert not {name.partition(".")[0] for name in runs[0][1]} & TOO_MUCH
