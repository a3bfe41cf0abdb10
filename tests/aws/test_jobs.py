"""Large batches on AWS: the job that ships does them; whatever becomes of it, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.aws.looking import assert_all_ended, open_runs, receipts, spread, states
from tests.aws.orders import SECRETS, by_file, csv, ids_of
from tests.aws_sim import client
from tests.aws_sim.jobs import End

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(600)

LOST = End("ERROR", "no worker could be had", work=False, told=False)


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> Iterator[World]:
    """Whatever tests do to it, in the end every version and every run has its outcome."""
    world = deployed("chain-spark", environ=SECRETS)
    yield world
    world.heal()
    assert_all_ended(world)


def test_a_batch_that_the_job_did_is_in_the_table(world: World) -> None:
    world.put("orders/a.csv", csv(1, 2))
    world.put("orders/b.csv", csv(3, 3))  # one of them is a duplicate
    world.put("orders/c.csv", b"order_id,order_date,card\nno,2026-01-01,4111\n")

    world.run_until_quiet()

    assert world.jobs.ran == ["SUCCEEDED"]
    assert ids_of(world, "orders/a.csv") == {1: 1, 2: 1}
    assert ids_of(world, "orders/b.csv") == {3: 1}
    assert {one.key: (one.state, one.engine) for one in receipts(world)} == {
        "orders/a.csv": ("committed", "spark"),
        "orders/b.csv": ("committed", "spark"),
        "orders/c.csv": ("dead", None),
    }


@pytest.mark.parametrize(
    "end",
    [
        End("FAILED", "SystemExit: 1", work=False),
        End("TIMEOUT", "Job run timed out", work=False),
        End("STOPPED", "a person stopped it", work=False),
        LOST,
    ],
    ids=lambda end: end.state.lower(),
)
def test_a_batch_whose_job_ended_badly_is_tried_again(world: World, end: End) -> None:
    key = f"orders/again-{end.state.lower()}.csv"
    before = len(world.jobs.ran)
    world.jobs.ends.append(end)

    world.put(key, csv(1, 2))
    world.run_until_quiet()
    world.heal()

    assert world.jobs.ran[before:] == [end.state, "SUCCEEDED"]
    assert states(world, key) == ["committed"]
    assert ids_of(world, key) == {1: 1, 2: 1}


def test_a_file_whose_job_always_fails_is_dead_with_the_cause(world: World) -> None:
    world.jobs.ends.extend([End("FAILED", "Out of memory", work=False)] * 5)
    before = world.visible(world.names.dead_letters)

    world.put("orders/hopeless.csv", csv(1))
    world.run_until_quiet()
    world.heal()

    assert not world.jobs.ends
    (receipt,) = receipts(world, "orders/hopeless.csv")
    assert receipt.state == "dead"
    assert receipt.error is not None
    assert "Out of memory" in receipt.error.message
    assert world.visible(world.names.dead_letters) == before + 1


def test_a_job_whose_end_nobody_heard_is_settled_by_the_schedule(world: World) -> None:
    world.jobs.ends.append(End(told=False))
    world.put("orders/unheard.csv", csv(1, 2))
    world.run_until_quiet()
    before = states(world, "orders/unheard.csv")

    world.heal()

    assert before == ["running"]
    assert states(world, "orders/unheard.csv") == ["committed"]
    assert ids_of(world, "orders/unheard.csv") == {1: 1, 2: 1}


def test_a_job_that_ends_after_a_newer_version_came_changes_nothing(world: World) -> None:
    world.jobs.held = True
    world.put("orders/newer.csv", csv(1))
    world.run_until_quiet()

    world.put("orders/newer.csv", csv(2))
    world.jobs.held = False
    world.run_until_quiet()
    world.heal()

    assert ids_of(world, "orders/newer.csv") == {2: 1}
    assert states(world, "orders/newer.csv") == ["superseded", "committed"]


def test_a_job_that_is_told_of_twice_is_settled_once(world: World) -> None:
    world.put("orders/told-twice.csv", csv(1, 2))
    heard = world.functions["job_events"].mailbox
    for _ in range(50):
        if heard:
            break
        world.step()  # the job's end is delivered in the step after it
    heard.append(heard[0])

    world.run_until_quiet()

    assert ids_of(world, "orders/told-twice.csv") == {1: 1, 2: 1}
    assert open_runs(world) == []


def test_where_as_many_jobs_run_as_may_the_batch_waits_for_the_schedule(world: World) -> None:
    job = world.names.job
    world.jobs.held = True
    others = [client("glue").start_job_run(JobName=job)["JobRunId"] for _ in range(10)]

    world.put("orders/waits.csv", csv(1, 2))
    world.run_until_quiet()
    started = len(world.jobs.open())
    world.jobs.held = False
    world.jobs.ends.extend([End("STOPPED", work=False)] * len(others))
    world.run_until_quiet()
    world.heal()

    assert started == len(others)
    assert states(world, "orders/waits.csv") == ["committed"]
    assert ids_of(world, "orders/waits.csv") == {1: 1, 2: 1}


def test_wherever_settling_is_killed_the_batch_is_in_the_table_once(world: World) -> None:
    settle = world.functions["settle"]
    seen = len(settle.asked)
    world.put("orders/unharmed.csv", csv(1, 2))
    world.run_until_quiet()
    writes = sum(one.writes for one in settle.asked[seen:])

    before = len(settle.failures)
    points = spread(writes)
    for n in points:
        world.put(f"orders/killed-{n}.csv", csv(n, n + 1))
        settle.stop()
        settle.kill_at(n)
        world.run_until_quiet()

    world.heal()

    assert writes > 5
    assert len(settle.failures) - before == len(points)
    found = by_file(world)
    for n in points:
        assert states(world, f"orders/killed-{n}.csv") == ["committed"], n
        assert found[f"orders/killed-{n}.csv"] == {n: 1, n + 1: 1}, n
