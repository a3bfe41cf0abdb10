"""The Glue job's package is what runs here, packed; the same files give the same bytes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import edp
from edp.core.errors import ConfigError
from edp.infra import glue, wheel

GLUES = frozenset(
    [
        "boto3",
        "botocore",
        "certifi",
        "jmespath",
        "numpy",
        "py4j",
        "pyspark",
        "python-dateutil",
        "s3transfer",
        "setuptools",
        "six",
        "urllib3",
    ]
)
"""What Glue 5.1 brings by itself."""
IMPORTS = """
import sys
import boto3, edp.glue_job, edp.etl.engine, pyspark
from edp.etl.spark import driver, parts, place, ranges, shuffle, sharing, task
print(*sys.modules)
"""


def test_the_same_files_give_the_same_wheel(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()

    first, second = wheel.write(tmp_path), wheel.write(tmp_path / "again")

    assert first.name == f"edp-{metadata.version('edp')}-py3-none-any.whl"
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_every_file_of_the_package_and_no_cache(tmp_path: Path) -> None:
    root = Path(edp.__file__).parent
    wanted = {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    with zipfile.ZipFile(wheel.write(tmp_path)) as packed:
        found = {name: packed.read(name) for name in packed.namelist()}

    assert {name: data for name, data in found.items() if ".dist-info/" not in name} == wanted
    assert "edp/py.typed" in wanted
    assert any(name.endswith(".sql") for name in wanted)


def test_every_distribution_that_a_task_imports_is_pinned() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    names = metadata.packages_distributions()
    modules = {name.partition(".")[0] for name in ran.stdout.split()}

    imported = {one for module in modules for one in names.get(module, ()) if one != "edp"}

    assert imported - GLUES == set(glue.NEEDED)


def test_versions_are_those_that_are_installed_here(tmp_path: Path) -> None:
    made = glue.build(tmp_path / "a" / "b")

    lines = made.requirements.read_text().split()

    assert f"duckdb=={metadata.version('duckdb')}" in lines
    assert len(lines) == len(glue.NEEDED)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(glue, "NEEDED", ("duckdb", "no-such-thing"))

    with pytest.raises(ConfigError, match="no-such-thing is not installed here"):
        glue.build(tmp_path)
