"""What the tests of the chain get: templates, a time that can be moved, and deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.aws.contracts import CHAIN
from tests.aws_sim.world import Time, World, deploy, own_time
from tests.infra import templates
from tests.infra.templates import Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Deploy(Protocol):
    """Deploys one of `CHAIN`."""

    def __call__(
        self,
        contract: str,
        *,
        environ: Mapping[str, str] | None = None,
        receiver: tuple[int, str] | None = None,
    ) -> World: ...


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all templates."""
    return templates.assembly(tmp_path_factory)


@pytest.fixture(scope="module")
def time() -> Iterator[Time]:
    """The time of a module's deployments."""
    with own_time() as time:
        yield time


@pytest.fixture(scope="module")
def deployed(
    assembly: Path, tmp_path_factory: pytest.TempPathFactory, time: Time
) -> Iterator[Deploy]:
    """Makes deployments that last as long as the module's tests."""
    worlds: list[World] = []

    def make(
        contract: str,
        *,
        environ: Mapping[str, str] | None = None,
        receiver: tuple[int, str] | None = None,
    ) -> World:
        template = Template.read(assembly / f"{contract}.template.json")
        folder = tmp_path_factory.mktemp(contract)
        given = dict(environ or {})
        worlds.append(
            deploy(template, CHAIN[contract], folder, time, environ=given, receiver=receiver)
        )
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()
    for world in worlds:
        assert world.refusals() == {}, "a role does not let its function do its work"
