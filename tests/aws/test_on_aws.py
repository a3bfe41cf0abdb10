"""Commands with `--on aws`, typed on another machine than the functions run on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from edp.cli import main
from tests.aws_sim import REGION, client, endpoint
from tests.aws_sim.applying import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> World:
    """A pipeline with one good file, one that nobody wants, and one whose event was lost."""
    world = deployed("chain-plain")
    world.put("orders/a.csv", b"id,v\n1,x\n2,y\n")
    world.put("astray.csv", b"id\n1\n")
    world.run_until_quiet()
    world.put("orders/lost.csv", b"id,v\n3,z\n", told=False)
    return world


@pytest.fixture
def edp(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run `edp --on aws ARGUMENTS --json`: its exit status, and what it printed."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint(),
        "AWS_ACCESS_KEY_ID": "a-person",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, Any]:
        place = str(world.workspace / "workspace")
        line = ["edp", "--workspace", place, "--on", "aws", *arguments, "--json"]
        monkeypatch.setattr(sys, "argv", line)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), json.loads(out) if out else err

    return run


def test_status_files_and_runs_tell_what_became_of_the_files(edp: Callable[..., Any]) -> None:
    _, status = edp("status")
    _, files = edp("files", "--dataset", "orders")
    _, runs = edp("runs")

    assert status["datasets"]["orders"]["committed"] == 1
    assert status["dead_letters"] == 1
    assert [(one["key"], one["rows_written"]) for one in files["files"]] == [("orders/a.csv", 2)]
    assert [(one["state"], one["engine"]) for one in runs["runs"]] == [("committed", "lambda")]


def test_a_files_history_and_its_table_are_told(edp: Callable[..., Any]) -> None:
    _, told = edp("explain", "orders/a.csv")
    _, tables = edp("tables")
    _, table = edp("table", "orders")

    assert [one["state"] for one in told["history"]] == ["queued", "running", "committed"]
    assert [one["name"] for one in tables["tables"]] == ["orders"]
    assert [one["operation"] for one in table["versions"]] == ["ingest"]


def test_edps_own_records_can_be_asked(edp: Callable[..., Any]) -> None:
    _, rows = edp("query", "SELECT key, state FROM edp.files WHERE dataset = 'orders'")

    assert rows == [{"key": "orders/a.csv", "state": "committed"}]


def test_a_question_about_the_tables_goes_to_athena(world: World, edp: Callable[..., Any]) -> None:
    answers(7)

    _, rows = edp("query", "SELECT count(*) AS n FROM orders")

    (one,) = client("athena").list_query_executions(WorkGroup=world.names.workgroup)[
        "QueryExecutionIds"
    ]
    asked = client("athena").get_query_execution(QueryExecutionId=one)["QueryExecution"]
    assert rows == [{"n": 7}]
    assert asked["QueryExecutionContext"]["Database"] == world.names.database


def answers(n: int) -> None:
    """Have moto's Athena answer the next question with one number."""
    column = {"Name": "n", "Type": "bigint"}
    found = {
        "rows": [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": str(n)}]}],
        "column_info": [column],
    }
    place = f"{endpoint()}/moto-api/static/athena/query-results"
    told = json.dumps({"account_id": ACCOUNT, "region": REGION, "results": [found]})
    urlopen(place, data=told.encode()).close()  # noqa: S310 (on loopback)


def test_dead_letters_are_listed_and_given_up(edp: Callable[..., Any]) -> None:
    _, before = edp("dlq", "list")
    edp("dlq", "discard", "--all")
    _, after = edp("dlq", "list")

    (letter,) = before["items"]
    assert (letter["key"], letter["reason"]) == ("astray.csv", "no dataset")
    assert after["items"] == []


def test_reconcile_finds_what_no_event_told_and_has_it_worked_off(
    world: World, edp: Callable[..., Any]
) -> None:
    _, found = edp("reconcile")
    world.run_until_quiet()
    _, again = edp("reconcile")

    _, files = edp("files", "--dataset", "orders")
    assert (found["accepted"], again["accepted"]) == (1, 0)
    assert [one["state"] for one in files["files"]] == ["committed", "committed"]


def test_alarms_and_events_are_told(edp: Callable[..., Any]) -> None:
    _, alarms = edp("alarms")
    _, events = edp("events")

    assert any(one["name"].endswith("-dlq") for one in alarms["alarms"])
    assert "EDP File State Change" in {one["detail-type"] for one in events["events"]}


def test_doctor_finds_everything_in_its_place(edp: Callable[..., Any]) -> None:
    _, told = edp("doctor")

    seen = {one["name"]: (one["status"], one["seen"]) for one in told["checks"]}
    del seen["messages to functions"]  # moto's own would eat the messages: there are none here
    assert {name: one for name, one in seen.items() if one[0] == "fail"} == {}


def test_doctor_says_what_is_gone_and_how_it_comes_back(
    world: World, edp: Callable[..., Any]
) -> None:
    client("s3").put_bucket_notification_configuration(
        Bucket=world.source, NotificationConfiguration={}
    )
    client("events").disable_rule(Name=f"{world.names.pipeline}-reconcile")

    status, told = edp("doctor")

    wrong = {one["name"]: one for one in told["checks"] if one["status"] == "fail"}
    assert status == 1
    assert "tells the topic of no new objects" in wrong["source bucket"]["seen"]
    assert wrong["rules"]["fix"].startswith("aws events enable-rule")


def test_what_is_for_one_machine_says_so(edp: Callable[..., Any]) -> None:
    status, said = edp("crawl")

    assert status == 2
    assert "on AWS there are status, files" in said
