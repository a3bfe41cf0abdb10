"""What is told of files and runs: how long each stage took, and what is out of the ordinary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edp.core import bus
from edp.core.errors import StoreUnavailable
from edp.core.identity import new_run_id
from edp.crawler.local import LocalCrawler
from edp.pipeline import feed, redrive
from edp.pipeline.crawl import crawl
from edp.pipeline.dead import bury, dead_message
from tests.workspaces import do, work_off, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from edp.wiring import Workspace

CONTRACT = """
name: shop
runtimes: {local: {settle: 0s, workers: 1}}
datasets: {orders: {columns: {n: {type: bigint}}, max_reject_ratio: 1}}
"""


def load(here: Workspace, folder: Path, name: str, *, good: int, bad: int = 0) -> None:
    file = folder / name
    file.write_text("n\n" + "1\n" * good + "x\n" * bad, "utf-8")
    feed.put(here.stages, f"orders/{name}", file)
    work_off(here)


def told(here: Workspace, kind: str) -> list[dict[str, Any]]:
    found = here.stages.events.told()
    return [dict(one.event.detail) for one in found if one.event.detail_type == kind]


def test_a_committed_file_says_how_long_each_stage_took(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)

    load(here, tmp_path, "a.csv", good=3)

    (file,) = told(here, bus.FILE_CHANGED)
    (run,) = told(here, bus.RUN_CHANGED)
    parts = [file[name] for name in ("waited_ms", "worked_ms", "commit_ms")]
    (receipt,) = here.stages.receipts.receipts()
    assert (file["run"], file["bytes"]) == (run["run"], 8)
    assert min(parts) >= 0
    assert abs(sum(parts) - file["queryable_ms"]) < 1
    assert abs((receipt.queryable_ms or 0) - file["queryable_ms"]) < 1000
    assert (run["state"], run["files"], run["retrying"], run["engine"]) == (
        "committed",
        1,
        0,
        "local",
    )


def test_a_run_is_told_in_the_shape_of_glue_too(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)

    load(here, tmp_path, "a.csv", good=3)

    (run,) = told(here, bus.RUN_CHANGED)
    assert told(here, bus.JOB_CHANGED) == [
        {
            "jobName": "shop-orders",
            "severity": "INFO",
            "state": "SUCCEEDED",
            "jobRunId": run["run"],
            "message": "Job run succeeded",
        }
    ]


def test_a_file_that_dies_ends_its_run_as_failed_in_both_shapes(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 no parquet")
    feed.put(here.stages, "orders/b.parquet", tmp_path / "b.parquet")

    work_off(here)

    (run,), (job,) = told(here, bus.RUN_CHANGED), told(here, bus.JOB_CHANGED)
    (letter,) = told(here, bus.LETTER_ADDED)
    assert (run["state"], run["retrying"], job["state"]) == ("failed", 0, "FAILED")
    assert job["message"] == run["message"] == letter["reason"]
    (item,) = here.stages.dead_letters.list()
    assert (letter["cause_id"], letter["run"]) == (item.cause_id, run["run"])


def test_a_corrected_file_tells_that_its_letter_is_settled(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)
    file = tmp_path / "b.csv"
    for content in (b"\x1f\x8b no gzip", b"n\n1\n"):
        file.write_bytes(content)
        feed.put(here.stages, "orders/b.csv", file)
        work_off(here)

    (letter,) = told(here, bus.LETTER_ADDED)
    (cleared,) = told(here, bus.LETTERS_CLEARED)
    assert cleared == {
        "ids": [letter["dead_letter"]],
        "keys": ["orders/b.csv"],
        "datasets": ["orders"],
        "causes": [letter["cause_id"]],
        "settled": [letter["cause_id"]],
    }


def test_a_cause_is_settled_with_the_last_of_its_letters(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)
    for body in ("{", "["):
        bury(here.stages, dead_message(body, "no JSON", attributes={}))
    cause, *others = {item.cause_id for item in here.stages.dead_letters.list()}

    for item in here.stages.dead_letters.list():
        redrive.discard(here.stages, [item])

    assert others == []
    assert [one["settled"] for one in told(here, bus.LETTERS_DISCARDED)] == [[], [cause]]


def test_an_unusual_share_of_rejects_is_told_and_a_usual_one_is_not(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT)
    load(here, tmp_path, "first.csv", good=50, bad=50)  # nothing to compare it with
    load(here, tmp_path, "usual.csv", good=50, bad=50)
    quiet = told(here, bus.QUALITY_DRIFTED)

    load(here, tmp_path, "better.csv", good=200)

    (drift,) = told(here, bus.QUALITY_DRIFTED)
    assert quiet == []
    assert (drift["dataset"], drift["reject_ratio"], drift["usual"]) == ("orders", 0.0, 0.5)


# crawls -------------------------------------------------------------------------------------------


def adopt(here: Workspace, path: str) -> None:
    """Have a file of others in the target."""
    file = here.lake / "target" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"n": [1, 2]}), file)


def crawled(here: Workspace) -> None:
    do(here, crawl(here.stages, None, run_id=new_run_id(), memory=here.memory))


def test_a_crawl_is_told_in_the_shape_of_glue_with_what_it_changed(tmp_path: Path) -> None:
    here = workspace(tmp_path, "name: shop\n")
    adopt(here, "people/day=1/a.parquet")
    crawled(here)
    adopt(here, "people/day=2/b.parquet")
    adopt(here, "places/c.parquet")
    crawled(here)
    crawled(here)

    first, second, third = told(here, bus.CRAWLER_CHANGED)
    names = ("tablesCreated", "tablesUpdated", "tablesDeleted", "partitionsCreated")
    assert [first[name] for name in names] == ["1", "0", "0", "1"]
    assert [second[name] for name in names] == ["1", "1", "0", "1"]
    assert [third[name] for name in names] == ["0", "0", "0", "0"]
    assert (first["crawlerName"], first["state"], first["message"]) == (
        "shop-crawler",
        "Succeeded",
        "Crawler Succeeded",
    )
    assert [
        (one["table"], one["state"], one["adopted"]) for one in told(here, bus.CRAWL_CHANGED)
    ] == [
        ("people", "succeeded", 1),
        ("people", "succeeded", 1),
        ("places", "succeeded", 1),
    ]


def test_a_crawl_that_fails_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = workspace(tmp_path, "name: shop\n")

    def gone(_crawler: object, *, known: object) -> None:
        del known
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(LocalCrawler, "crawl", gone)
    with pytest.raises(StoreUnavailable):
        do(here, crawl(here.stages, "people", run_id=new_run_id(), memory=here.memory))

    (glue,), (own,) = told(here, bus.CRAWLER_CHANGED), told(here, bus.CRAWL_CHANGED)
    assert (glue["state"], glue["errorMessage"]) == ("Failed", "the disk is gone")
    assert (own["table"], own["state"], own["message"]) == ("people", "failed", "the disk is gone")
