"""Which events are told to people, in which words, and to whom."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core import bus
from edp.core.alerts import SEVERITIES, Alert
from edp.core.bus import Event
from edp.core.contract.alerts import Alerts
from edp.pipeline.alerting import Over, Site, picked, sinks_for, told
from tests.notify.alerts import alert

SITE: Final = Site("shop", "host:/srv/my shop", "/srv/my shop")
BOTH: Final = Alerts.model_validate(
    {
        "pagerduty": {"routing_key": "k"},
        "slack": {"webhook_url": "https://hooks.slack.com/services/x"},
        "routes": [
            {"datasets": ["web_*"], "severities": ["warning"], "to": []},
            {"datasets": ["web_*"], "to": ["slack"]},
        ],
    }
)


def one(detail_type: str, detail: dict[str, Any], source: str = "edp") -> Alert:
    """The only alert that an event makes."""
    (found,) = told(Event(detail_type, detail, source, id="e-1", time=5.0), SITE)
    assert isinstance(found, Alert)
    return found


def letter(**further: object) -> dict[str, Any]:
    return {
        "kind": "object",
        "key": "orders/a.csv",
        "version": "1",
        "dataset": "orders",
        "state": "dead",
        "code": "unreadable file",
        "reason": "no CSV",
        "dead_letter": "d1",
        "cause_id": "c1",
        "attempts": 1,
        "run": "r1",
        **further,
    }


def test_a_dead_file_is_told_by_its_cause_with_what_to_type() -> None:
    dead = one(bus.LETTER_ADDED, letter())

    assert (dead.dedup_key, dead.action, dead.severity) == ("edp/shop/dead/c1", "trigger", "error")
    assert (dead.subject, dead.event_id, dead.at) == ("orders/a.csv", "e-1", 5.0)
    assert dead.command == "edp --workspace '/srv/my shop' ingest a.csv --dataset orders"
    assert dead.reasons == ("no CSV",)
    assert dead.facts["file"] == "orders/a.csv"


def test_every_command_of_a_line_names_the_workspace() -> None:
    dead = one(bus.LETTER_ADDED, letter(code="worker lost"))

    assert dead.command == (
        "edp --workspace '/srv/my shop' dlq redrive --cause c1 && "
        "edp --workspace '/srv/my shop' run --until-idle"
    )


def test_a_dead_message_is_told_by_its_letter() -> None:
    dead = one(bus.LETTER_ADDED, letter(kind="message", key=None, dataset=None))

    assert (dead.subject, dead.dataset, dead.component) == ("d1", None, "queue")


@pytest.mark.parametrize(
    ("detail_type", "detail", "over"),
    [
        (bus.FILE_CHANGED, {"key": "a", "state": "committed"}, ["a"]),
        (bus.FILE_CHANGED, {"key": "a", "state": "discarded"}, ["a"]),
        (bus.LETTERS_REDRIVEN, {"ids": ["d1"], "keys": ["a"]}, ["d1"]),
        (bus.LETTERS_CLEARED, {"ids": ["d1"], "keys": ["a"]}, ["d1"]),
        (bus.LETTERS_DISCARDED, {"ids": ["d1"], "keys": ["a"]}, ["d1", "a"]),
        (bus.SCHEMA_CHANGED, {"table": "a"}, []),
    ],
)
def test_what_is_over(detail_type: str, detail: dict[str, Any], over: list[str]) -> None:
    assert list(told(Event(detail_type, detail), SITE)) == [Over(subject) for subject in over]


def test_a_run_that_fails_warns_only_while_its_files_are_tried_again() -> None:
    failed = {"run": "r1", "dataset": "orders", "state": "failed", "message": "no memory"}

    again = one(bus.RUN_CHANGED, {**failed, "retrying": 2})
    given_up = one(bus.RUN_CHANGED, {**failed, "retrying": 0})

    assert (again.action, again.severity, again.facts["files"]) == ("trigger", "warning", "2")
    assert (given_up.action, given_up.dedup_key) == ("resolve", again.dedup_key)
    assert list(told(Event(bus.RUN_CHANGED, {**failed, "state": "lost"}), SITE)) == []


def test_a_run_that_is_committed_ends_the_warning_and_is_counted() -> None:
    done = {"run": "r1", "dataset": "orders", "state": "committed", "committed": 3}
    event = Event(bus.RUN_CHANGED, {**done, "rows_written": 40, "rows_rejected": 0})

    over, loaded = told(event, SITE)

    assert isinstance(over, Alert)
    assert isinstance(loaded, Alert)
    assert (over.action, over.dedup_key) == ("resolve", "edp/shop/run/orders")
    assert (loaded.action, loaded.severity) == ("change", "info")
    assert loaded.amounts == {"files": 3, "rows": 40}


def alarm(state: str, metric: str = "ApproximateNumberOfMessagesVisible") -> dict[str, Any]:
    """What CloudWatch sends to SNS."""
    return {
        "AlarmName": "shop-dlq",
        "AlarmDescription": "There is dead work. `edp dlq list`",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed",
        "OldStateValue": "OK",
        "StateChangeTime": "1970-01-01T00:00:07.000+0000",
        "Trigger": {
            "MetricName": metric,
            "Namespace": "AWS/SQS",
            "Dimensions": [{"value": "shop-dlq", "name": "QueueName"}],
            "Threshold": 0.0,
        },
    }


def test_an_alarm_is_told_in_its_own_words_and_covered_by_what_tells_more() -> None:
    on, off = one(bus.ALARM_CHANGED, alarm("ALARM")), one(bus.ALARM_CHANGED, alarm("OK"))

    assert (on.action, off.action) == ("trigger", "resolve")
    assert on.dedup_key == off.dedup_key == "edp/shop/alarm/shop-dlq"
    assert on.summary == "[shop] shop-dlq: There is dead work."
    assert on.command == "edp --workspace '/srv/my shop' dlq list"
    assert (on.covered_by, on.at) == (("edp/shop/dead/",), 7.0)


def test_an_alarm_that_nobody_described_is_told_all_the_same() -> None:
    bare = one(bus.ALARM_CHANGED, {"AlarmName": "x", "NewStateValue": "ALARM", "Trigger": None})

    assert (bare.summary, bare.severity, bare.command) == ("[shop] x: ALARM", "warning", None)


@pytest.mark.parametrize(
    ("metric", "severity"),
    [("DiskFreeBytes", "critical"), ("SecondsSinceCommit", "error"), ("RejectRatio", "warning")],
)
def test_how_grave_an_alarm_is_depends_on_what_it_watches(metric: str, severity: str) -> None:
    assert one(bus.ALARM_CHANGED, alarm("ALARM", metric)).severity == severity


def test_an_alarm_without_data_says_nothing() -> None:
    event = Event(bus.ALARM_CHANGED, alarm("INSUFFICIENT_DATA"))

    assert list(told(event, SITE)) == []


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED"])
def test_a_job_that_failed_is_told_until_its_run_is_accounted_for(state: str) -> None:
    detail = {"jobName": "edp-etl", "state": state, "jobRunId": "jr_1", "message": "SystemExit: 1"}

    ours = one(bus.JOB_CHANGED, detail | {"run": "run-1"}, bus.GLUE)
    a_persons = one(bus.JOB_CHANGED, detail, bus.GLUE)

    assert (ours.action, ours.dedup_key) == ("trigger", "edp/shop/job/edp-etl")
    assert (ours.subject, ours.lasting) == ("run-1", True)
    assert (a_persons.subject, a_persons.lasting) == ("", False)


def test_a_job_that_went_well_is_nothing_to_tell() -> None:
    detail = {"jobName": "edp-etl", "state": "SUCCEEDED", "jobRunId": "jr_1"}

    assert list(told(Event(bus.JOB_CHANGED, detail, bus.GLUE), SITE)) == []


def test_commands_for_aws_name_it_and_leave_out_what_goes_on_by_itself() -> None:
    site = Site("shop", "AWS us-east-2", on="aws")
    dead = Event(bus.LETTER_ADDED, letter(code="worker lost"))
    described = alarm("ALARM") | {"AlarmDescription": "Look. `edp --on aws dlq list`"}

    (letters,) = told(dead, site)
    (alarmed,) = told(Event(bus.ALARM_CHANGED, described), site)

    assert isinstance(letters, Alert)
    assert isinstance(alarmed, Alert)
    assert letters.command == "edp --on aws dlq redrive --cause c1"
    assert alarmed.command == "edp --on aws dlq list"


def test_a_crawler_and_a_pause_are_told_and_over() -> None:
    failed = one(bus.CRAWLER_CHANGED, {"crawlerName": "c", "state": "Failed", "errorMessage": "x"})
    done = one(bus.CRAWLER_CHANGED, {"crawlerName": "c", "state": "Succeeded"})
    paused = one(bus.RUNTIME_CHANGED, {"state": "paused", "reason": "disk full"})
    works = one(bus.RUNTIME_CHANGED, {"state": "working"})

    assert (failed.action, done.action) == ("trigger", "resolve")
    assert failed.dedup_key == done.dedup_key
    assert (paused.action, paused.severity, works.action) == ("trigger", "critical", "resolve")
    assert paused.dedup_key == works.dedup_key


def test_a_rule_of_the_contract_tells_what_it_picks() -> None:
    event = Event(bus.SCHEMA_CHANGED, {"table": "orders", "column": "a", "files": [1]}, id="e-1")

    mine = picked("columns-gone", "error", event, SITE)

    assert (mine.dedup_key, mine.severity) == ("edp/shop/rule/columns-gone", "error")
    assert mine.summary == "[shop] columns-gone: EDP Schema Change"
    assert (mine.dataset, mine.lasting) == ("orders", False)
    assert dict(mine.facts) == {"table": "orders", "column": "a", "runs at": SITE.place}


@pytest.mark.parametrize(
    ("severity", "dataset", "action", "sinks"),
    [
        ("error", "orders", "trigger", ("pagerduty", "slack")),
        ("critical", None, "trigger", ("pagerduty", "slack")),
        ("warning", "orders", "trigger", ("slack",)),
        ("info", "orders", "change", ("pagerduty", "slack")),
        ("error", "web_visits", "trigger", ("slack",)),
        ("warning", "web_visits", "trigger", ()),
    ],
)
def test_the_first_route_that_fits_decides_who_is_told(
    severity: str, dataset: str | None, action: str, sinks: tuple[str, ...]
) -> None:
    told_of = alert(severity=severity, dataset=dataset, action=action)

    assert sinks_for(BOTH, told_of) == sinks


@given(severity=st.sampled_from(SEVERITIES), action=st.sampled_from(["trigger", "change"]))
def test_nobody_is_told_where_there_is_nobody(severity: str, action: str) -> None:
    assert sinks_for(Alerts(), alert(severity=severity, action=action)) == ()
