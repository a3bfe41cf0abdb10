"""Crawls on AWS: few for many changes, none forgotten, and the tables are those of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.aws import reader
from tests.aws.looking import assert_all_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> Iterator[World]:
    world = deployed("chain-plain")
    yield world
    world.heal()
    assert_all_ended(world)


@pytest.fixture(autouse=True)
def quiet(world: World) -> None:
    """No crawl runs or is due, and the last one was long ago."""
    world.pass_time(minutes=20)


def put(world: World, key: str, *values: int) -> None:
    world.put(key, "\n".join(["n", *map(str, values), ""]).encode())
    world.run_until_quiet()


def values(world: World, table: str) -> list[object]:
    found = reader.rows(world.names.database, table)
    return sorted(dict(row)["n"] for row in found.elements())  # type: ignore[type-var]


def test_what_is_published_is_crawled_and_read(world: World) -> None:
    put(world, "one/a.csv", 1, 2)

    assert reader.columns(world.names.database, "one")["n"] == "bigint"
    assert values(world, "one") == [1, 2]


def test_what_changes_during_a_crawl_is_one_crawl_more(world: World) -> None:
    before = world.crawls.started
    world.crawls.held = True
    for n in range(3):
        put(world, f"two/{n}.csv", n)
    during = world.crawls.started

    world.crawls.held = False
    world.run_until_quiet()
    world.pass_time(minutes=20)

    assert during == before + 1
    assert world.crawls.started == before + 2
    assert values(world, "two") == [0, 1, 2]


def test_a_crawl_that_failed_is_made_again(world: World) -> None:
    world.crawls.fails = 1

    put(world, "three/a.csv", 1)
    world.pass_time(minutes=20)

    assert list(world.crawls.ended)[-2:] == ["Failed", "Succeeded"]
    assert values(world, "three") == [1]


def test_a_crawl_whose_end_nobody_heard_does_not_keep_the_next_from_starting(world: World) -> None:
    world.crawls.held = True
    put(world, "four/a.csv", 1)
    put(world, "four/b.csv", 2)
    world.crawls.lost = 1
    world.crawls.held = False

    world.run_until_quiet()
    world.pass_time(minutes=20)

    assert values(world, "four") == [1, 2]


def test_a_newer_version_takes_the_place_of_the_older_for_readers(world: World) -> None:
    put(world, "five/a.csv", 1, 2)
    put(world, "five/a.csv", 3)
    world.pass_time(minutes=20)

    assert values(world, "five") == [3]
