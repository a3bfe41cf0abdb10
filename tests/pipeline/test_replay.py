"""Captured events, duplicated, shuffled, poisoned and interrupted, give one and the same table."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from edp.pipeline import feed
from edp.pipeline.reconcile import reconcile
from tests.workspaces import DATA, ask, receipts, rows, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.pipeline.feed import Captured
    from edp.wiring import Workspace

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there"),
]

CSSE = DATA / "csse_daily"


def captured() -> list[Captured]:
    lines = (CSSE / "deliveries.jsonl").read_text("utf-8").splitlines()
    return [feed.captured(line) for line in lines]


def replay(here: Workspace, messages: list[Captured]) -> None:
    feed.replay(here.stages, messages, bucket="landing", prefix="", objects=CSSE)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    here = workspace(tmp_path_factory.mktemp("replayed"))
    replay(here, captured())
    reconcile(here.stages)
    work_off(here)
    return here


def test_each_key_ends_at_its_newest_version(replayed: Workspace) -> None:
    expected = json.loads((CSSE / "deliveries_expected.json").read_text("utf-8"))["final_state"]

    committed = {
        key: receipt.counts.rows_read
        for key, receipt in receipts(replayed).items()
        if receipt.state == "committed" and receipt.counts
    }

    assert committed == {key: facts["records"] for key, facts in expected.items()}
    assert sum(committed.values()) == 101_773
    assert ask(replayed, "SELECT count(*) FROM incoming") == [(101_772,)]


def test_the_source_keeps_the_bytes_of_each_newest_version(replayed: Workspace) -> None:
    expected = json.loads((CSSE / "deliveries_expected.json").read_text("utf-8"))["final_state"]

    found = {key: replayed.stages.source.read(key) for key in expected}

    assert {key: stored and stored.sha256 for key, stored in found.items()} == {
        key: facts["sha256"] for key, facts in expected.items()
    }


def test_poison_is_set_aside_with_a_reason_and_the_rest_is_counted(replayed: Workspace) -> None:
    items = replayed.stages.dead_letters.list()

    assert len(items) == 15
    assert all(item.reason for item in items)
    assert replayed.stages.receipts.counters() == {"ObjectRemoved:Delete": 1, "s3:TestEvent": 1}
    assert {item.code for item in items} == {
        "bad key",
        "bad message",
        "foreign bucket",
        "no dataset",
        "object missing",
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_doubled_and_interrupted_replay_gives_the_same_table(
    tmp_path: Path, replayed: Workspace, seed: int
) -> None:
    rng = random.Random(seed)
    messages = captured() * 2
    rng.shuffle(messages)
    cut = rng.randrange(len(messages))
    here = workspace(tmp_path)

    replay(here, messages[:cut])
    reconcile(here.stages)
    work_off(here)
    replay(here, messages)
    reconcile(here.stages)
    work_off(here)

    assert rows(here, "incoming") == rows(replayed, "incoming")
    assert {i.id for i in here.stages.dead_letters.list() if i.kind == "message"} == {
        i.id for i in replayed.stages.dead_letters.list() if i.kind == "message"
    }
