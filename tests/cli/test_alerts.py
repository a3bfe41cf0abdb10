"""The commands for alerts, typed as a person types them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
import typer

import edp.wiring
from edp.cli.app import app
from edp.core.errors import ConfigError
from edp.notify.pagerduty import Pagerduty
from edp.notify.slack import Slack
from edp.wiring import open_workspace
from tests.notify.alerts import alert
from tests.notify.receivers import PAGERDUTY, SLACK, Receiver, Reply, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTRACT: Final = """
name: shop
alerts:
  pagerduty: {routing_key: 0123456789abcdef0123456789abcdef}
  slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}
"""


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """PagerDuty and Slack, and a workspace that leads to them."""
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")
    monkeypatch.setenv("EDP_WORKSPACE", str(tmp_path))
    for sink in (Pagerduty, Slack):
        monkeypatch.setattr(sink, "gap_s", 0.0)
    with receiving() as receiver:
        reached = partial(open_workspace, way=receiver.way())
        monkeypatch.setattr(edp.wiring, "open_workspace", reached)
        yield receiver


def typed(*words: str) -> int:
    try:
        result = app(words, standalone_mode=False)
    except typer.Exit as ended:
        return ended.exit_code
    return int(result or 0)


def owe(path: Path, **further: object) -> None:
    open_workspace(path, environ={}).stages.outbox.add(alert(**further), to=["slack"])


def test_a_test_reaches_both_and_leaves_no_incident_open(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    status = typed("alerts", "test")

    opened, resolved = receiver.incidents()
    assert status == 0
    assert opened == resolved
    assert sum(opened.values()) == 1
    assert len(receiver.accepted(SLACK)) == 2
    assert capsys.readouterr().out == (
        "pagerduty: has the test, and that it is over\nslack: has the test, and that it is over\n"
    )


def test_a_receiver_that_refuses_the_test_is_named_with_its_answer(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.always = {SLACK: Reply(404, "no_service")}

    status = typed("alerts", "test", "--json")

    (pagerduty, slack) = json.loads(capsys.readouterr().out)["trials"]
    assert status == 1
    assert (pagerduty["passed"], slack["passed"]) == (True, False)
    assert slack["answers"][0]["said"] == "404: no_service"


def test_without_a_receiver_a_test_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDP_WORKSPACE", str(tmp_path))

    with pytest.raises(ConfigError, match=r"alerts\.pagerduty\.routing_key"):
        typed("alerts", "test")


def test_what_waits_is_delivered_on_demand(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owe(tmp_path)

    status = typed("alerts", "flush")

    assert status == 0
    assert len(receiver.accepted(SLACK)) == 1
    assert capsys.readouterr().out == "pagerduty: 0 messages left\nslack: 0 messages left\n"


def test_what_cannot_be_delivered_is_left_and_the_status_says_so(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.always = {SLACK: Reply(500), PAGERDUTY: Reply(500)}
    owe(tmp_path)

    status = typed("alerts", "flush", "--json")

    assert status == 1
    assert json.loads(capsys.readouterr().out) == {"waiting": {"pagerduty": 0, "slack": 1}}


def test_what_was_refused_is_listed_with_the_answer_and_counted_by_status(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.always = {SLACK: Reply(403, "action_prohibited")}
    owe(tmp_path)
    typed("alerts", "flush")
    receiver.always = {}
    owe(tmp_path, dedup_key="other", summary="delivered")
    typed("alerts", "flush")
    capsys.readouterr()

    typed("alerts", "list", "--undelivered")
    listed = capsys.readouterr().out
    typed("status")
    status = capsys.readouterr().out

    assert "slack: dead" in listed
    assert "slack, [shop] orders: unreadable file: 403: action_prohibited" in listed
    assert "delivered" not in listed.replace("undelivered", "")
    assert "1 alert could not be delivered: `edp alerts list --undelivered`" in status


def test_alerts_are_listed_as_json(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del receiver
    owe(tmp_path)

    typed("alerts", "list", "--json")

    (one,) = json.loads(capsys.readouterr().out)["alerts"]
    assert (one["summary"], one["class"]) == ("[shop] orders: unreadable file", "unreadable file")
    assert one["deliveries"] == {"slack": "waiting"}
