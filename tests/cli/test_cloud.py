"""What a person types to deploy."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from edp.infra import layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

CONTRACT = """
name: shop
runtimes:
  aws: {region: us-east-2, source: "s3://shop-in/files/", target: "s3://shop-out/tables/"}
datasets: {orders: {}}
"""


def test_synth_writes_a_template_of_which_nothing_is_missing(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")

    ran = edp("synth", "--json")

    template = json.loads((tmp_path / ran.json["template"]).read_text("utf-8"))
    assert ran.status == 0
    assert (ran.json["stack"], ran.json["resources"]) == ("shop", len(template["Resources"]))
    assert ran.json["resources"] > 90
    assert ran.json["missing_handlers"] == []


def test_synth_without_aws_in_the_contract_says_what_to_add(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text("name: shop\n", "utf-8")

    ran = edp("synth")

    assert ran.status == 2
    assert "runtimes.aws" in ran.err


def test_synth_without_a_contract_says_so(edp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "edp.yaml").unlink()

    ran = edp("synth")

    assert ran.status == 2
    assert "edp init" in ran.err


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that is quickly packed."""
    monkeypatch.setattr(layer, "NEEDED", ("six", "PyYAML"))


@pytest.mark.usefixtures("_small")
def test_build_packages_the_job_and_the_functions_the_same_each_time(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")

    first, again = edp("build", "--json"), edp("build", "--out", "again", "--json")

    made = first.json["lambda"]
    assert (first.status, again.status) == (0, 0)
    for name in ("functions", "layer"):
        path = tmp_path / made[name]["path"]
        assert path.read_bytes() == (tmp_path / again.json["lambda"][name]["path"]).read_bytes()
        assert made[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        with zipfile.ZipFile(path) as packed:
            assert made[name]["unpacked"] == sum(map(len, map(packed.read, packed.namelist())))
    assert made["unpacked"] == made["functions"]["unpacked"] + made["layer"]["unpacked"]
    assert made["unpacked"] < made["room"] == 250_000_000
    assert all((tmp_path / path).is_file() for path in first.json["glue"].values())


@pytest.mark.usefixtures("_small")
def test_build_says_how_much_room_the_functions_take(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")

    ran = edp("build")

    assert ran.status == 0
    assert "layer.zip" in ran.out
    assert " MB of 250 MB" in ran.out


@pytest.mark.usefixtures("_small")
def test_build_refuses_functions_that_lambda_has_no_room_for(
    edp: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")
    monkeypatch.setattr(layer, "ROOM", 1_000_000)

    ran = edp("build")

    assert ran.status == 2
    assert "more than the 1 MB that Lambda unpacks" in ran.err
    assert "python/yaml" in ran.err


def test_build_without_a_contract_packages_the_job_alone(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").unlink()

    ran = edp("build", "--json")

    assert ran.status == 0
    assert ran.json["lambda"] is None
    assert (tmp_path / ran.json["glue"]["wheel"]).is_file()
