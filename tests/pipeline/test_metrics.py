"""Metrics are what Prometheus reads, and say what the state holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from edp.pipeline import feed
from edp.pipeline.alarms import AlarmWatch
from edp.pipeline.dead import bury, dead_message
from edp.pipeline.metrics import exposition
from tests.workspaces import work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace

CONTRACT = """
name: shop
runtimes: {local: {settle: 0s, workers: 1}}
datasets: {orders: {columns: {n: {type: bigint}}}}
"""


def numbers(here: Workspace) -> dict[str, float]:
    families = text_string_to_metric_families(exposition(here.stages, working=lambda: False))
    return {
        ",".join((sample.name, *sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_new_pipeline_has_numbers_already(tmp_path: Path) -> None:
    found = numbers(workspace(tmp_path, CONTRACT))

    assert found["edp_dead_letters"] == found["edp_working"] == found["edp_backlog_files"] == 0
    assert found["edp_disk_free_bytes"] > 0


def test_metrics_are_those_of_the_state(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)
    file = tmp_path / "a.csv"
    file.write_text("n\n1\n2\n2\nx\n", "utf-8")
    feed.put(here.stages, "orders/a.csv", file)
    work_off(here)
    feed.put(here.stages, "orders/b.csv", file)
    bury(here.stages, dead_message("{", "no JSON", attributes={}))
    AlarmWatch(here.stages).look()

    found = numbers(here)

    (receipt,) = here.stages.receipts.receipts(keys=["orders/a.csv"])
    assert found["edp_files,orders,committed"] == 1
    assert found["edp_runs_total,orders,committed"] == 1
    assert [
        found[f"edp_rows_total,orders,{outcome}"]
        for outcome in ("read", "written", "duplicate", "rejected")
    ] == [4, 2, 1, 1]
    assert (found["edp_queue_messages"], found["edp_dead_letters"]) == (1, 1)
    assert found["edp_oldest_seconds"] > 0
    assert (found["edp_table_rows,orders"], found["edp_table_files,orders"]) == (2, 1)
    assert (found["edp_alarm_on,shop-dlq"], found["edp_alarm_on,shop-disk"]) == (1, 0)
    assert abs(found["edp_queryable_seconds,0.5"] - (receipt.queryable_ms or 0) / 1000) < 1
    parts = [found[f"edp_stage_seconds,0.5,{stage}"] for stage in ("wait", "work", "commit")]
    assert abs(sum(parts) - found["edp_queryable_seconds,0.5"]) < 0.01


def test_names_that_are_hard_to_write_are_read_back(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", "name: shop\n")
    here.stages.alarms.make(['a"b\\c\nd'])

    assert numbers(here)['edp_alarm_on,a"b\\c\nd'] == 0
