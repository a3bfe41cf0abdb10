"""What a deployment uploads: EDP and its packages as installed here, under keys of their own."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edp.core.contract import load
from edp.core.errors import ConfigError
from edp.core.resources import FUNCTIONS
from edp.infra import artefacts, functions, layer, wheel

if TYPE_CHECKING:
    from pathlib import Path

ROOTS = (
    "apsw",
    "aws-lambda-powertools",
    "aws-xray-sdk",
    "backports.zstd",
    "boto3",
    "duckdb",
    "httpx",
    "pydantic",
    "PyYAML",
    "slack_sdk",
    "structlog",
)
"""What the code that handlers call imports by itself."""
CONTRACT = """
name: shop
datasets:
  orders: {transform: sql/orders.sql}
  lines: {transform: "python/lines.py:tidy"}
alerts: {pagerduty: {routing_key: "${ROUTING_KEY}"}}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")
    (tmp_path / ".env").write_text("ROUTING_KEY=a-secret-of-mine\n", "utf-8")
    for name, text in {
        "sql/orders.sql": "SELECT * FROM input",
        "python/lines.py": "def tidy(input):\n    return input\n",
        "lake/source/orders/a.csv": "x\n1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def needed(name: str) -> set[str]:
    """A distribution and all that it requires here, by canonical names."""
    found: set[str] = {canonicalize_name(name)}
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= needed(requirement.name)
    return found


def test_the_layer_has_all_that_its_packages_require() -> None:
    assert {canonicalize_name(name) for name in layer.NEEDED} == set().union(*map(needed, ROOTS))


def test_layer_and_functions_fit_into_lambda() -> None:
    unpacked = sum(part.size for part in layer.parts()) + sum(map(len, wheel.package().values()))

    assert 50_000_000 < unpacked < layer.ROOM


def test_the_layer_holds_what_python_finds_there_and_no_caches(tmp_path: Path) -> None:
    small = [part for part in layer.parts() if part.name.startswith(("python/yaml/", "python/six"))]

    layer.write(small, tmp_path / "layer.zip")

    found = contents(tmp_path / "layer.zip")
    assert {"python/yaml/__init__.py", "python/six.py"} <= found.keys()
    assert not [name for name in found if name.endswith(".pyc") or "/../" in name]


def test_another_file_is_another_layer() -> None:
    files = layer.parts()
    first = files[0]

    changed = [layer.Part(first.name, first.path, "another", first.size), *files[1:]]

    assert layer.digest(files) == layer.digest(layer.parts()) != layer.digest(changed)


@pytest.mark.parametrize(
    ("module", "name", "value", "said"),
    [
        ("sys", "platform", "darwin", "Lambda runs Linux"),
        ("layer", "runtime", lambda: "python3.99", r"Lambda has no python3\.99"),
        ("layer", "_GLIBC", 2, "newer or another C library"),
    ],
)
def test_packages_that_lambda_cannot_run_are_refused(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, value: object, said: str
) -> None:
    monkeypatch.setattr({"sys": sys, "layer": layer}[module], name, value)

    with pytest.raises(ConfigError, match=said):
        layer.fit()


def test_functions_get_the_contract_and_nothing_else_of_the_workspace(workspace: Path) -> None:
    config = load(workspace / "edp.yaml", environ={})

    functions.write(config, workspace, workspace / "functions.zip")

    found = contents(workspace / "functions.zip")
    assert {name for name in found if name.startswith("workspace/")} == {
        "workspace/edp.yaml",
        "workspace/sql/orders.sql",
        "workspace/python/lines.py",
    }
    assert {name: data for name, data in found.items() if name.startswith("edp/")} == (
        wheel.package()
    )
    assert not any(b"a-secret-of-mine" in data for data in found.values())


def test_a_handler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {f"edp/lambdas/{module}.py": b"" for module in FUNCTIONS if module != "settle"}
    monkeypatch.setattr(wheel, "package", lambda: there)

    assert functions.missing() == ["edp.lambdas.settle"]


def test_the_same_workspace_gives_the_same_keys(workspace: Path) -> None:
    config = load(workspace / "edp.yaml", environ={})

    first = artefacts.stage(config, workspace, workspace / "a")
    second = artefacts.stage(config, workspace, workspace / "b")

    assert first == second
    assert (workspace / "a" / first.wheel).name == f"edp-{metadata.version('edp')}-py3-none-any.whl"
    assert all((workspace / "a" / key).is_file() for key in (first.functions, first.script))


def test_another_contract_changes_the_functions_and_nothing_else(workspace: Path) -> None:
    config = load(workspace / "edp.yaml", environ={})
    before = artefacts.stage(config, workspace, workspace / "a")
    (workspace / "sql" / "orders.sql").write_text("SELECT 1 AS x FROM input", "utf-8")

    after = artefacts.stage(config, workspace, workspace / "a")

    assert before.functions != after.functions
    assert (before.layer, before.wheel, before.script) == (after.layer, after.wheel, after.script)
