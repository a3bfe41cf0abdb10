"""Alerts from end to end: what fails is told once with the way out, and told when it is over."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

import edp.wiring
from edp.cli.app import app
from edp.cli.log import Narrator
from edp.notify.pagerduty import Pagerduty
from edp.notify.slack import Slack
from edp.pipeline import alarms, feed, redrive
from edp.pipeline.deliver import flush
from edp.pipeline.foreground import until_idle
from edp.wiring import Workspace, open_workspace
from tests.notify.receivers import PAGERDUTY, SLACK, Receiver, Reply, receiving
from tests.workspaces import states, work_off

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY: Final = "canary0123456789canary0123456789"
HOOK: Final = "https://hooks.slack.com/services/T0CANARY/B0CANARY/xoxcanary"
SECRETS: Final = {"PAGERDUTY_ROUTING_KEY": KEY, "SLACK_WEBHOOK_URL": HOOK}
CONTRACT: Final = """
name: shop
runtimes: {local: {settle: 0s, workers: 1}}
batch: {max_wait: 0s}
alarms: {reject_ratio: 1}
datasets:
  orders:
    columns: {id: {type: bigint, required: true}}
    max_reject_ratio: %s
alerts:
  pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}
  slack: {webhook_url: "${SLACK_WEBHOOK_URL}"}
"""


@pytest.fixture(autouse=True)
def at_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendors' pace has its own test."""
    for sink in (Pagerduty, Slack):
        monkeypatch.setattr(sink, "gap_s", 0.0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def opened(path: Path, receiver: Receiver, *, ratio: float = 0.1) -> Workspace:
    path.mkdir(parents=True, exist_ok=True)
    (path / "edp.yaml").write_text(CONTRACT % ratio, "utf-8")
    return open_workspace(path, environ=SECRETS, way=receiver.way())


def put(here: Workspace, name: str, text: str) -> str:
    file = here.path / "drop" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    feed.put(here.stages, f"orders/{name}", file)
    return f"orders/{name}"


def typed(line: str) -> None:
    """Type a line of commands, one after another."""
    for part in line.split(" && "):
        program, *words = shlex.split(part)
        assert program == "edp"
        app(words, standalone_mode=False)


def alarms_on(here: Workspace) -> list[str]:
    """The names of the alarms that are on."""
    return [str(one["name"]) for one in alarms.states(here.stages) if one["state"] == "ALARM"]


def command(card: dict[str, Any]) -> str:
    """What a Slack card says to type."""
    (text,) = [
        block["text"]["text"]
        for block in card["blocks"]
        if block.get("text", {}).get("text", "").startswith("*To fix it*")
    ]
    line: str = text.partition("```")[2].removesuffix("```")
    return line.replace("&amp;", "&")


def test_a_broken_file_is_paged_mended_by_the_command_on_the_card_and_over(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = opened(tmp_path, receiver)
    key = put(here, "monday.csv", "id\n1\nx\n")
    monkeypatch.setattr(edp.wiring, "open_workspace", partial(open_workspace, way=receiver.way()))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    until_idle(here)
    (card,) = receiver.accepted(SLACK)
    dead, on = states(here, key), alarms_on(here)
    opened(tmp_path, receiver, ratio=0.9)  # the contract is mended, and the command typed
    typed(command(card))

    triggered, resolved = receiver.incidents()
    assert (dead, on) == (["dead"], ["shop-dlq", "shop-runs-failed-orders"])
    assert states(here, key) == ["committed"]
    assert triggered == resolved
    (incident,) = triggered  # the alarms that it sets off tell nothing more
    assert incident.startswith("edp/shop/dead/")
    page = receiver.accepted(PAGERDUTY)[0]["payload"]
    assert page["summary"] == "[shop] orders: reject limit exceeded"
    assert page["custom_details"]["file"] == key
    assert page["custom_details"]["command"] == command(card)
    last = receiver.accepted(SLACK)[-1]
    assert last["text"].startswith("Over: [shop] orders: reject limit exceeded")


def test_a_thousand_failures_are_one_incident_few_messages_and_an_exact_count(
    tmp_path: Path, receiver: Receiver
) -> None:
    here = opened(tmp_path, receiver)
    folder = here.lake / "source" / "orders"
    folder.mkdir(parents=True)
    for n in range(1000):
        (folder / f"{n}.csv").write_text("id\nx\n", "utf-8")

    until_idle(here)
    assert flush(here, 30.0)

    triggered, _ = receiver.incidents()
    assert sum(triggered.values()) == 1
    messages = receiver.accepted(SLACK)
    assert len(messages) <= 5
    told = here.stages.outbox.list(limit=5000)
    dead = [one for one in told if one.alert.dedup_key.startswith("edp/shop/dead/")]
    assert len(dead) == len({one.alert.subject for one in dead}) == 1000
    last = receiver.accepted(PAGERDUTY)[-1]["payload"]
    waiting = sum("waiting" in one.deliveries.values() for one in dead)
    assert waiting in (0, 1)
    if not waiting:
        assert last["custom_details"]["alerts in this incident"] == 1000


def test_a_corrected_file_under_the_same_name_ends_the_incident(
    tmp_path: Path, receiver: Receiver
) -> None:
    here = opened(tmp_path, receiver)
    put(here, "a.csv", "id\nx\n")
    work_off(here)
    flush(here)

    put(here, "a.csv", "id\n1\n")
    work_off(here)
    flush(here)

    triggered, resolved = receiver.incidents()
    assert triggered == resolved
    assert len(triggered) == 1


def test_a_discarded_file_ends_the_incident(tmp_path: Path, receiver: Receiver) -> None:
    here = opened(tmp_path, receiver)
    put(here, "a.csv", "id\nx\n")
    work_off(here)

    redrive.discard(here.stages, redrive.chosen(here.stages, everything=True))
    flush(here)

    triggered, resolved = receiver.incidents()
    assert triggered == resolved
    assert len(triggered) == 1


def test_a_dead_sink_keeps_no_file_waiting_and_hears_all_once_it_is_back(
    tmp_path: Path, receiver: Receiver
) -> None:
    here = opened(tmp_path, receiver)
    receiver.always = {PAGERDUTY: Reply(500), SLACK: Reply(500)}
    bad, good = put(here, "bad.csv", "id\nx\n"), put(here, "good.csv", "id\n1\n")

    work_off(here)
    flush(here)
    down = receiver.accepted(PAGERDUTY) + receiver.accepted(SLACK)
    receiver.always = {}
    for sink in ("pagerduty", "slack"):
        here.stages.outbox.hasten(sink)
    flush(here)

    assert (states(here, bad), states(here, good)) == (["dead"], ["committed"])
    assert down == []
    assert len(receiver.accepted(PAGERDUTY)) == len(receiver.accepted(SLACK)) == 1


def test_an_event_that_a_rule_of_the_contract_picks_is_told(
    tmp_path: Path, receiver: Receiver
) -> None:
    own = 'rules: {loads: {pattern: {detail-type: ["EDP File State Change"]}, severity: error}}'
    (tmp_path / "edp.yaml").write_text(f"{CONTRACT % 0.1}{own}\n", "utf-8")
    here = open_workspace(tmp_path, environ=SECRETS, way=receiver.way())
    put(here, "a.csv", "id\n1\n")

    until_idle(here)

    (page,) = [one for one in receiver.accepted(PAGERDUTY) if "event_action" in one]
    assert page["payload"]["summary"].startswith("[shop] loads: EDP File State Change")
    assert len(receiver.accepted(SLACK)) == 1


def test_without_a_sink_alerts_are_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "edp.yaml").write_text(CONTRACT.partition("alerts:")[0] % 0.1, "utf-8")
    here = open_workspace(tmp_path, environ={})
    put(here, "a.csv", "id\nx\n")

    work_off(here)

    assert flush(here)
    first = here.stages.outbox.list()[0]
    assert (first.alert.summary, first.deliveries) == ("[shop] orders: reject limit exceeded", {})


def test_no_secret_is_in_the_state_the_log_or_an_answer(
    tmp_path: Path, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    here = opened(tmp_path, receiver)
    narrator = Narrator(here.stages.events, here.stages.outbox)
    receiver.always = {SLACK: Reply(404, f"no_service {HOOK}"), PAGERDUTY: Reply(400, KEY)}
    put(here, "a.csv", "id\nx\n")
    work_off(here)
    flush(here)
    narrator.events()
    here.close()

    kept = b"".join(p.read_bytes() for p in here.lake.rglob("*") if p.is_file())
    logged = "".join(capfd.readouterr())
    assert here.stages.outbox.undelivered() == 2
    assert "alert: trigger" in logged
    for canary in ("canary0123", "xoxcanary", "T0CANARY"):
        assert canary.encode() not in kept
        assert canary not in logged
        assert canary not in repr(here) + repr(here.sinks())


@pytest.mark.parametrize("wanted", [0, 2])
def test_rejected_rows_are_quoted_masked_and_only_if_asked_for(
    tmp_path: Path, receiver: Receiver, wanted: int
) -> None:
    masked = CONTRACT.replace("{id: {", "{card: {mask: last4}, id: {") + f"  samples: {wanted}\n"
    (tmp_path / "edp.yaml").write_text(masked % 0.1, "utf-8")
    here = open_workspace(tmp_path, environ=SECRETS, way=receiver.way())
    put(here, "monday.csv", "card,id\n4111222233334444,1\n4111222233335555,x\n4,y\n7,z\n")

    until_idle(here)

    (card,) = receiver.accepted(SLACK)
    page = receiver.accepted(PAGERDUTY)[0]["payload"]
    quoted = ["line 3: ****5555,x", "line 4: ****,y"][:wanted]
    assert page["custom_details"].get("samples", []) == quoted
    assert all(line in str(card["blocks"]) for line in quoted)
    assert ("Sample" in str(card["blocks"])) == bool(wanted)
    assert "2222" not in str(receiver.accepted(PAGERDUTY))
