"""One synthesis for every test of the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra import templates
from tests.infra.templates import Template

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all templates; cdk-nag had nothing to say of them."""
    return templates.assembly(tmp_path_factory)


@pytest.fixture(scope="session")
def shop(assembly: Path) -> Template:
    return Template.read(assembly / "shop.template.json")


@pytest.fixture(scope="session")
def bare(assembly: Path) -> Template:
    return Template.read(assembly / "bare.template.json")
