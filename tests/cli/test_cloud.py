"""What a person types to deploy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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


def test_synth_writes_a_template_and_says_what_is_missing(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")

    ran = edp("synth", "--json")

    template = json.loads((tmp_path / ran.json["template"]).read_text("utf-8"))
    assert ran.status == 0
    assert (ran.json["stack"], ran.json["resources"]) == ("shop", len(template["Resources"]))
    assert ran.json["resources"] > 90
    assert "edp.lambdas.etl" in ran.json["missing_handlers"]


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
