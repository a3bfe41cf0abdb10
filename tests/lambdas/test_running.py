"""An invocation: what it logs, what it measures, and what is kept between two."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from edp.core.errors import StoreUnavailable
from edp.lambdas.running import Context, Kept, about, entry, left_s, measured
from edp.wiring.log import logger
from tests.lambdas.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(autouse=True)
def json_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDP_LOG", "json")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_names_the_request_and_what_it_is_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @entry
    def handler(event: Mapping[str, Any], context: Context) -> str:
        del context
        with about(run_id="run-1", file="orders/a.csv"):
            logger().info("working")
        logger().info("done", event_id=event["id"])
        return "answer"

    answer = handler({"id": "e-1"}, Invocation())
    logger().info("outside")

    first, second, outside = lines(capsys.readouterr().err)
    invoked = {"function": "shop-etl", "request_id": "r-1"}
    assert answer == "answer"
    assert first.items() >= (invoked | {"run_id": "run-1", "file": "orders/a.csv"}).items()
    assert second.items() >= (invoked | {"event": "done", "event_id": "e-1"}).items()
    assert not {"run_id", "file"} & second.keys()
    assert "request_id" not in outside


def test_an_error_that_nobody_caught_is_logged_and_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @entry
    def handler(event: Mapping[str, Any], context: Context) -> None:
        del event, context
        raise StoreUnavailable("the table cannot be reached")

    with pytest.raises(StoreUnavailable):
        handler({}, Invocation())

    (line,) = lines(capsys.readouterr().err)
    assert line["level"] == "error"
    assert (line["request_id"], line["code"]) == ("r-1", StoreUnavailable.code)
    assert line["message"] == "the table cannot be reached"


def test_a_datapoint_has_the_dimensions_that_an_alarm_looks_for_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured("RunsFailed", 1, Pipeline="shop", Dataset="orders")

    (line,) = lines(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "EDP",
        "Dimensions": [["Pipeline", "Dataset"]],
        "Metrics": [{"Name": "RunsFailed", "Unit": "Count"}],
    }
    assert (line["Pipeline"], line["Dataset"], line["RunsFailed"]) == ("shop", "orders", [1.0])


def test_what_is_made_for_many_invocations_is_made_once_until_it_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, made = [100.0], list[int]()
    monkeypatch.setattr("edp.lambdas.running.time.monotonic", lambda: now[0])

    def make() -> int:
        made.append(1)
        return len(made)

    kept = Kept(make, for_s=10)
    first, second = kept(), kept()
    now[0] += 11
    third = kept()
    kept.forget()

    assert (first, second, third, kept()) == (1, 1, 2, 3)


def test_what_could_not_be_made_is_tried_again() -> None:
    tries: list[int] = []

    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise StoreUnavailable("not now")
        return "made"

    kept = Kept(make)
    with pytest.raises(StoreUnavailable):
        kept()

    assert kept() == "made"


def test_an_invocation_keeps_time_for_its_end() -> None:
    assert left_s(Invocation(), spare_s=10) == 50
    assert left_s(Invocation(), spare_s=90) == 0


TRACED = """
import json, sys
from edp.lambdas.running import about, entry
from tests.lambdas.invocation import Invocation

@entry
def handler(event, context):
    with about(run_id="run-1"):
        return event["n"]

assert handler({"n": 3}, Invocation()) == 3
print("aws_xray_sdk" in sys.modules)
"""


@pytest.mark.parametrize("sampled", [False, True])
def test_an_invocation_that_x_ray_chose_is_traced_and_no_other(*, sampled: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(30)
        host, port = daemon.getsockname()
        root, parent = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
        ran = subprocess.run(
            [sys.executable, "-c", TRACED],
            env=os.environ
            | {
                "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
                "LAMBDA_TASK_ROOT": "/var/task",
                "_X_AMZN_TRACE_ID": f"Root={root};Parent={parent};Sampled={int(sampled)}",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        said = daemon.recv(65_536) if sampled else b""

    assert ran.stdout.strip() == str(sampled)
    if sampled:
        traced = json.loads(said.partition(b"\n")[2])
        assert (traced["trace_id"], traced["name"]) == (root, "## handler")
        assert traced["annotations"]["run_id"] == "run-1"
