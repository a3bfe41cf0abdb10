"""Real files through the whole chain give the tables that one machine makes of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import pytest

from edp.pipeline import feed
from edp.pipeline.reconcile import reconcile
from tests.aws import reader
from tests.aws.contracts import CHAIN
from tests.aws.looking import assert_all_ended, letters, receipts
from tests.aws.orders import SECRETS
from tests.workspaces import DATA, rows, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace
    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there"),
    pytest.mark.timeout(600),
]

CSSE = DATA / "csse_daily"
DAILY = sorted((CSSE / "daily").glob("*.csv"))
ORDERS = sorted((DATA / "seed_orders").glob("*.csv"))


def local(path: Path, contract: str, files: dict[str, Path]) -> Workspace:
    """The files worked off on this machine."""
    here = workspace(path, contract, environ=SECRETS)
    for key, file in files.items():
        feed.put(here.stages, key, file)
    work_off(here)
    return here


def put(world: World, files: dict[str, Path]) -> None:
    for key, file in files.items():
        world.put(key, file.read_bytes())
    world.run_until_quiet()


# --- all declared ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def typed(deployed: Deploy) -> World:
    return deployed("chain-typed", environ=SECRETS)


def test_sixty_files_with_declared_types_are_the_table_of_one_machine(
    typed: World, tmp_path: Path
) -> None:
    files = {f"daily/{one.name}": one for one in DAILY}
    here = local(tmp_path, CHAIN["chain-typed"], files)

    put(typed, files)

    found = reader.rows(typed.names.database, "daily")
    assert sum(found.values()) == 101_769
    assert reader.columns(typed.names.database, "daily")["fips"] == "string"
    assert found == rows(here, "daily")
    assert typed.functions["etl"].failures == []
    assert_all_ended(typed)


def delivered(world: World) -> list[str]:
    """The captured messages, for this deployment's bucket, with the versions that it has.

    Each version is stored, in the order in which they were written, and its event lost.
    """
    lines = [json.loads(one) for one in (CSSE / "deliveries.jsonl").read_text("utf-8").splitlines()]
    known: dict[str, str] = {}
    stored = []
    for line in lines:
        if line.get("local_path") and line["deliver"] == "valid":
            record = json.loads(json.loads(line["body"])["Message"])["Records"][0]["s3"]["object"]
            stored.append((record["sequencer"], record["versionId"], record["key"], line))
    for _, version, key, line in sorted(stored, key=lambda one: one[0]):
        data = (CSSE / line["local_path"]).read_bytes()
        known[version] = world.put(unquote_plus(key), data, told=False)
    bodies = [line["body"] for line in lines if line["body"]]  # SQS takes none that is empty
    for old, new in known.items():
        bodies = [body.replace(old, new) for body in bodies]
    bodies = [re.sub(r'(\\?"key\\?":\s*\\?")', r"\1in/", body) for body in bodies]
    return [re.sub(r'"landing(\\?")', rf'"{world.source}\1', body) for body in bodies]


def test_captured_deliveries_poisoned_doubled_and_shuffled_are_the_table_of_one_machine(
    typed: World, tmp_path: Path
) -> None:
    here = workspace(tmp_path, CHAIN["chain-typed"], environ=SECRETS)
    lines = (CSSE / "deliveries.jsonl").read_text("utf-8").splitlines()
    captured = [feed.captured(line) for line in lines]
    feed.replay(here.stages, captured, bucket="landing", prefix="", objects=CSSE)
    reconcile(here.stages)
    work_off(here)

    for body in delivered(typed):
        typed.send(body)
    typed.run_until_quiet()

    assert reader.rows(typed.names.database, "incoming") == rows(here, "incoming")
    expected = json.loads((CSSE / "deliveries_expected.json").read_text("utf-8"))["final_state"]
    read = {
        one.key: one.counts.rows_read
        for one in receipts(typed)
        if one.key.startswith("incoming/") and one.state == "committed" and one.counts
    }
    assert read == {key: facts["records"] for key, facts in expected.items()}
    poisoned = {item.code for item in here.stages.dead_letters.list()}
    assert poisoned == {one.code for one in letters(typed)}
    assert_all_ended(typed)


# --- nothing declared -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(deployed: Deploy) -> World:
    return deployed("chain-plain")


def test_orders_with_nothing_declared_are_the_table_of_one_machine(
    plain: World, tmp_path: Path
) -> None:
    files = {f"orders/{one.name}": one for one in ORDERS}
    here = local(tmp_path, "", files)

    put(plain, files)

    found = reader.rows(plain.names.database, "orders")
    assert sum(found.values()) == 300
    assert reader.columns(plain.names.database, "orders")["order_id"] == "bigint"
    assert found == rows(here, "orders")


def test_with_nothing_declared_every_record_is_written_or_rejected_with_a_reason(
    plain: World,
) -> None:
    expected = json.loads((CSSE / "expected.json").read_text("utf-8"))["files"]

    put(plain, {f"daily/{one.name}": one for one in DAILY})
    plain.heal()

    found = {one.key.removeprefix("daily/"): one for one in receipts(plain) if "daily/" in one.key}
    assert found.keys() == expected.keys()
    written: Counter[object] = Counter()
    for row, n in reader.rows(plain.names.database, "daily").items():
        written[str(dict(row)["_source_file"])] += n
    for name, one in found.items():
        if one.state == "dead":
            assert one.error is not None, one
            assert one.error.message, one
            assert written[one.key] == 0
            continue
        assert one.counts is not None
        assert one.counts.rows_read == expected[name]["records"], one
        assert one.counts.conserved, one
        assert written[one.key] == one.counts.rows_written, one
    assert sum(written.values()) > 50_000
    assert_all_ended(plain)
