"""Events have EventBridge's envelope, and rules pick them by it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core import bus
from edp.core.bus import BUILT_IN, Event, Rule, matches

NAMES = [rule.name for rule in BUILT_IN]


def picked(event: Event) -> list[str]:
    """The built-in rules that are about it."""
    return [rule.name for rule in BUILT_IN if rule.fits(event.to_json())]


def test_the_envelope_is_that_of_eventbridge() -> None:
    event = Event("EDP Files Requeued", {"files": 2}, id="e1", time=1.5, resources=("arn:x",))

    assert event.to_json() == {
        "version": "0",
        "id": "e1",
        "detail-type": "EDP Files Requeued",
        "source": "edp",
        "account": "000000000000",
        "time": "1970-01-01T00:00:01.500Z",
        "region": "local",
        "resources": ["arn:x"],
        "detail": {"files": 2},
    }


def test_no_two_events_have_one_id() -> None:
    assert Event("a", {}).id != Event("a", {}).id


@given(
    st.text(), st.dictionaries(st.text(), st.text() | st.integers()), st.integers(0, 4_000_000_000)
)
def test_an_event_is_read_back_as_it_was_written(
    kind: str, detail: dict[str, object], at: int
) -> None:
    event = Event(kind, detail, time=float(at), resources=("r",))

    assert Event.from_json(json.dumps(event.to_json())) == event


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"detail": 1}', "\x00"])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"event|JSON|Expecting|Invalid"):
        Event.from_json(text)


def test_an_event_of_glue_is_read_as_it_was_captured() -> None:
    captured = {
        "version": "0", "id": "e3", "detail-type": "Glue Job State Change", "source": "aws.glue",
        "account": "123456789012", "time": "2026-11-23T07:05:36Z", "region": "us-east-2",
        "resources": [], "detail": {"jobName": "edp-etl", "state": "FAILED"},
    }  # fmt: skip

    event = Event.from_json(json.dumps(captured))

    assert (event.account, event.region, event.detail_type) == (
        "123456789012",
        "us-east-2",
        bus.JOB_CHANGED,
    )
    assert matches({"source": ["aws.glue"], "detail": {"state": ["FAILED"]}}, event)


@pytest.mark.parametrize(
    ("event", "rules"),
    [
        (Event(bus.RUN_CHANGED, {"state": "failed"}), ["edp-failure"]),
        (Event(bus.RUN_CHANGED, {"state": "lost"}), ["edp-failure"]),
        (Event(bus.RUN_CHANGED, {"state": "committed"}), ["edp-success"]),
        (Event(bus.RUN_CHANGED, {"state": "released"}), []),
        (Event(bus.LETTER_ADDED, {"state": "dead"}), ["edp-failure"]),
        (Event(bus.RUNTIME_CHANGED, {"state": "paused"}), ["edp-failure"]),
        (Event(bus.CRAWL_CHANGED, {"state": "succeeded"}), []),
        (Event(bus.CRAWLER_CHANGED, {"state": "Succeeded"}, "aws.glue"), ["edp-crawler"]),
        (Event(bus.LETTERS_REDRIVEN, {"ids": []}), ["edp-success"]),
        (Event(bus.LETTERS_CLEARED, {"ids": []}), ["edp-success"]),
        (Event(bus.ALARM_CHANGED, {"NewStateValue": "ALARM"}), ["edp-alarm"]),
        (Event(bus.FILE_CHANGED, {"state": "committed"}), ["edp-file"]),
        (Event(bus.JOB_CHANGED, {"state": "FAILED"}, source=bus.GLUE), []),
    ],
)
def test_built_in_rules_pick_success_failure_and_alarms(event: Event, rules: list[str]) -> None:
    assert picked(event) == rules


def test_a_rule_without_a_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="source: a list"):
        Rule("mine", {"source": "edp"})
