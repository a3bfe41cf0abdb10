"""What functions ask of AWS is counted, and is what estimates say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from edp.infra.cost.work import FILE, LOOK, RUN, SIGHT
from tests.aws_sim.metering import Charged, Meter, called

if TYPE_CHECKING:
    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(300)

FEW, MANY = 2, 10
FILES = 1 + FEW + MANY
ENVIRON: Final = {
    "PAGERDUTY_ROUTING_KEY": "x" * 32,
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/a-hook",
    "EDP_MASK_KEY": "k" * 32,
}


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> World:
    """A pipeline that loaded a file before, so that tables are there and secrets are read."""
    world = deployed("chain-typed", environ=ENVIRON)
    load(world, ["first"])
    return world


def load(world: World, names: list[str]) -> None:
    """Have files loaded by one call; who hears of it afterwards is left aside."""
    for name in names:
        row = f"order_id,order_date,card\n{len(name)},2026-01-05,4111\n"
        world.put(f"orders/2026-01-05/{name}.csv", row.encode())
    calls = world.functions["etl"].calls
    assert world.queues["etl"].poll()
    assert world.functions["etl"].calls == calls + 1


def loaded(world: World, n: int) -> Charged:
    """What the function asks for to load `n` files in one run."""
    etl = world.functions["etl"]
    before = len(etl.asked)
    load(world, [f"{n:03}-part-{k:05}" for k in range(n)])
    return Meter().charge(map(called, etl.asked[before:]))


@pytest.fixture(scope="module")
def counted(world: World) -> tuple[Charged, Charged]:
    """What a few files come to, and what many do."""
    world.functions["reconcile"].now({})  # what it does once a day counts for nothing
    return loaded(world, FEW), loaded(world, MANY)


def looked(world: World) -> Charged:
    """What a call of the reconciler asks for."""
    reconcile = world.functions["reconcile"]
    before = len(reconcile.asked)
    world.time.leap(300)
    reconcile.now({})
    return Meter().charge(map(called, reconcile.asked[before:]))


@pytest.mark.parametrize("name", ["requests", "writes", "reads", "puts", "gets"])
def test_a_file_and_a_run_ask_for_what_estimates_say(
    counted: tuple[Charged, Charged], name: str
) -> None:
    """To half a request; units depend a little on how long keys are."""
    few, many = (float(getattr(one, name)) for one in counted)

    each = (many - few) / (MANY - FEW)

    assert each == pytest.approx(float(getattr(FILE, name)), abs=0.5)
    assert few - FEW * each == pytest.approx(float(getattr(RUN, name)), abs=1)


def test_rows_take_the_room_that_estimates_say(counted: tuple[Charged, Charged]) -> None:
    few, many = counted

    assert (many.rows - few.rows) / (MANY - FEW) == pytest.approx(float(FILE.rows), rel=0.1)


@pytest.mark.parametrize("name", ["requests", "writes", "reads", "puts", "gets"])
def test_the_reconciler_asks_for_what_estimates_say(
    looks: tuple[Charged, Charged], name: str
) -> None:
    """At first sight of each file, and then; what is young is asked for with each look."""
    first, then = (float(getattr(one, name)) for one in looks)
    # one request for a hundred young ones, and a unit for each
    of_young = {"requests": 1, "reads": FILES}.get(name, 0)

    assert then - of_young == pytest.approx(float(getattr(LOOK, name)), abs=1)
    assert (first - then) / FILES == pytest.approx(float(getattr(SIGHT, name)), abs=0.5)


@pytest.fixture(scope="module")
def looks(world: World, counted: tuple[Charged, Charged]) -> tuple[Charged, Charged]:
    """The reconciler's first look at all the files that there are then, and its second."""
    del counted
    return looked(world), looked(world)
