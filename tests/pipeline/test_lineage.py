"""Lineage: every run is told, at least once, and never in the way of the work."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from edp.core.contract import parse
from edp.core.contract.problems import ContractError
from edp.core.errors import StoreUnavailable
from edp.pipeline import feed, lineage
from edp.pipeline.foreground import until_idle
from edp.pipeline.lineage import Follower, following
from tests.workspaces import workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edp.lineage.port import RunTold
    from edp.wiring import Workspace

CONTRACT = """
name: shop
runtimes: {{local: {{settle: 0s, workers: 1}}}}
datasets: {{orders: {{columns: {{n: {{type: bigint}}}}}}}}
lineage: {}
"""


class Server(HTTPServer):
    """An OpenLineage server that answers as it is told, and remembers."""

    status = 201

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.heard: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()


class Post(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 201:
            self.server.heard.append(json.loads(body))
        self.server.keys.add(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def load(here: Workspace, folder: Path, name: str, content: bytes = b"n\n1\nx\n2\n") -> None:
    (folder / name).write_bytes(content)
    until_idle(here, first=lambda: feed.put(here.stages, f"orders/{name}", folder / name))


def test_a_run_is_told_to_a_file_with_inputs_outputs_and_rows(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT.format("{file: runs.jsonl}"))
    load(here, tmp_path, "a.csv")

    lines = (tmp_path / "shop" / "runs.jsonl").read_text("utf-8").splitlines()
    start, end = (json.loads(line) for line in lines)
    (source,), (table,) = end["inputs"], end["outputs"]
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert start["eventTime"] <= end["eventTime"]
    assert (end["job"]["namespace"], end["job"]["name"]) == ("edp://shop", "orders")
    assert source["name"] == str(here.lake / "source" / "orders" / "a.csv")
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 3
    assert source["inputFacets"]["inputStatistics"]["size"] == 8
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 2
    fields = {field["name"]: field["type"] for field in table["facets"]["schema"]["fields"]}
    assert fields["n"] == "bigint"


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    here = workspace(tmp_path / "shop", CONTRACT.format("{file: runs.jsonl}"))
    load(here, tmp_path, "a.parquet", b"PAR1 no parquet")

    end = json.loads((tmp_path / "shop" / "runs.jsonl").read_text("utf-8").splitlines()[-1])
    assert (end["eventType"], end["outputs"]) == ("FAIL", [])
    assert "Parquet is damaged" in end["run"]["facets"]["errorMessage"]["message"]


def test_a_server_that_is_down_holds_nothing_up_and_is_told_once_it_is_back(
    tmp_path: Path,
) -> None:
    with served() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        here = workspace(tmp_path / "shop", CONTRACT.format(f"{{url: '{url}', api_key: hunter2}}"))
        server.status = 500
        load(here, tmp_path, "a.csv")
        down = list(server.heard)
        server.status = 201
        load(here, tmp_path, "b.csv")
        told = [(one["eventType"], one["inputs"][0]["name"][-5:]) for one in server.heard]

    assert down == []
    assert told == [
        ("START", "a.csv"),
        ("COMPLETE", "a.csv"),
        ("START", "b.csv"),
        ("COMPLETE", "b.csv"),
    ]
    assert server.keys == {"Bearer hunter2"}


# the follower -------------------------------------------------------------------------------------


class Remembered:
    """A lineage that takes what it is told, unless it is told not to."""

    def __init__(self) -> None:
        self.runs: list[RunTold] = []
        self.down = False

    def emit(self, run: RunTold) -> None:
        if self.down:
            raise StoreUnavailable("down")
        self.runs.append(run)


def followed(here: Workspace, heard: Remembered) -> Follower:
    return Follower(
        here.stages.events,
        lambda: heard,
        here.lake / "lineage.at",
        pipeline="shop",
        locate=lambda key: key,
        columns=lambda _table: {},
        leave=here.close,
    )


def run(here: Workspace, name: str, files: int) -> None:
    """The events of a run, in one transaction as a commit has them."""
    with here.stages.atomically():
        for n in range(files):
            told = {"key": f"{name}/{n}", "run": name, "rows_read": 2, "rows_written": 1}
            here.stages.events.put("EDP File State Change", told)
        ended = {"run": name, "dataset": "orders", "state": "committed"}
        here.stages.events.put("EDP Run State Change", ended)


def test_what_was_before_it_began_is_not_told(tmp_path: Path) -> None:
    here, heard = workspace(tmp_path, "name: shop\n"), Remembered()
    run(here, "before", 1)
    follower = followed(here, heard)
    follower.begin()
    run(here, "after", 2)

    follower.catch_up()
    follower.catch_up()

    assert [(one.run_id, len(one.sources), one.rows_written) for one in heard.runs] == [
        ("after", 2, 2)
    ]


def test_it_goes_on_with_the_run_that_nobody_took(tmp_path: Path) -> None:
    here, heard = workspace(tmp_path, "name: shop\n"), Remembered()
    followed(here, heard).begin()
    run(here, "first", 1)
    followed(here, heard).catch_up()
    run(here, "second", 3)
    heard.down = True
    with pytest.raises(StoreUnavailable):
        followed(here, heard).catch_up()
    heard.down = False

    followed(here, heard).catch_up()

    assert [(one.run_id, len(one.sources)) for one in heard.runs] == [("first", 1), ("second", 3)]


def test_a_run_of_more_files_than_a_page_is_told_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "_PAGE", 3)
    here, heard = workspace(tmp_path, "name: shop\n"), Remembered()
    follower = followed(here, heard)
    follower.begin()
    run(here, "large", 10)
    run(here, "small", 1)

    follower.catch_up()

    assert [len(one.sources) for one in heard.runs] == [10, 1]


def test_the_end_of_a_process_waits_for_what_it_did_to_be_told(tmp_path: Path) -> None:
    here, heard = workspace(tmp_path, "name: shop\n"), Remembered()

    with following(followed(here, heard)):
        run(here, "last", 1)

    assert [one.run_id for one in heard.runs] == ["last"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{url: ftp://x}", "lineage.url: not a URL"),
        ("{file: a, url: http://x}", "lineage.url: there is a file as well"),
        ("{file: a, api_key: b}", "lineage.api_key: nobody to give it to"),
    ],
)
def test_a_place_that_is_none_is_refused(text: str, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        parse(f"lineage: {text}", environ={})
