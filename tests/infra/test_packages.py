"""What a deployment uploads: EDP and its packages as installed here, under keys of their own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edp.core.contract import load
from edp.core.errors import ConfigError
from edp.core.resources import FUNCTIONS
from edp.infra import artefacts, bytecode, functions, layer, wheel

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
    files = [*((part.name, part.size) for part in layer.parts())]
    files += [(name, len(data)) for name, data in wheel.package().items()]
    code = sum(size for name, size in files if name.endswith(".py"))

    # the bytecode of a module takes about as much as its source
    assert 50_000_000 < sum(size for _, size in files) + 1.5 * code < layer.ROOM


def test_the_layer_holds_what_python_finds_there(tmp_path: Path) -> None:
    small = [part for part in layer.parts() if part.name.startswith(("python/yaml/", "python/six"))]

    layer.write(small, tmp_path / "layer.zip")
    layer.write(small, tmp_path / "again.zip")

    found = contents(tmp_path / "layer.zip")
    assert {"python/yaml/__init__.py", "python/six.py"} <= found.keys()
    assert compiled("python/yaml/__init__.py") in found
    assert not [name for name in found if "/../" in name]
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "layer.zip").read_bytes()


def compiled(name: str) -> str:
    """Where Python looks for a module's bytecode."""
    return Path(cache_from_source(name)).as_posix()


def test_bytecode_is_used_as_it_is_and_says_where_its_source_lies(tmp_path: Path) -> None:
    sources = {"shop/__init__.py": b"", "shop/price.py": b"def of(n):\n    return 3 // n\n"}
    files = sources | bytecode.compiled(sources)
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no Python" if name.endswith(".py") else data)

    ran = subprocess.run(
        [sys.executable, "-c", "import shop.price; shop.price.of(0)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert f'File "{tmp_path}/shop/price.py", line 2, in of' in ran.stderr
    assert "ZeroDivisionError" in ran.stderr


def test_what_is_no_python_of_this_version_is_packed_without_bytecode() -> None:
    found = bytecode.compiled({"new.py": b"x = 1\n", "old.py": b"print 1\n"})

    assert found.keys() == {compiled("new.py")}


def test_another_python_is_another_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    files = layer.parts()
    before = layer.digest(files)

    monkeypatch.setattr(bytecode, "MAGIC", "00000000")

    assert layer.digest(files) != before


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
    code = wheel.package()
    caches = {compiled(name) for name in code if name.endswith(".py")}
    assert {name for name in found if name.startswith("edp/")} == code.keys() | caches
    assert {name: found[name] for name in code} == code
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
