"""PagerDuty events: as the Events API v2 documents them, whatever names are in them."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema
from hypothesis import given, settings

from edp.notify.pagerduty import path, payload
from edp.notify.port import Notice
from tests.notify.alerts import NOTICES, alert

KEY: Final = "0123456789abcdef0123456789abcdef"
TEXT: Final = {"type": "string"}
LINKS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"href": TEXT, "text": TEXT},
        "required": ["href"],
        "additionalProperties": False,
    },
}
KEYS: Final = {"type": "string", "minLength": 32, "maxLength": 32}
NAMED: Final = {"type": "string", "minLength": 1}
SUMMARY: Final = {"type": "string", "minLength": 1, "maxLength": 1024}
MOMENT: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
BODY: Final = {
    "summary": SUMMARY,
    "source": NAMED,
    "timestamp": MOMENT,
    "custom_details": {"type": "object"},
}
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "trigger": {
        "properties": {
            "routing_key": KEYS,
            "event_action": {"const": "trigger"},
            "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
            "payload": {
                "type": "object",
                "properties": {
                    **BODY,
                    "severity": {"enum": ["critical", "error", "warning", "info"]},
                    "component": TEXT,
                    "group": TEXT,
                    "class": TEXT,
                },
                "required": ["summary", "source", "severity"],
                "additionalProperties": False,
            },
            "links": LINKS,
            "client": TEXT,
        },
        "required": ["routing_key", "event_action", "dedup_key", "payload"],
        "additionalProperties": False,
    },
    "resolve": {
        "properties": {
            "routing_key": KEYS,
            "event_action": {"const": "resolve"},
            "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        "required": ["routing_key", "event_action", "dedup_key"],
        "additionalProperties": False,
    },
    "change": {
        "properties": {
            "routing_key": KEYS,
            "payload": {
                "type": "object",
                "properties": BODY,
                "required": ["summary"],
                "additionalProperties": False,
            },
            "links": LINKS,
        },
        "required": ["routing_key", "payload"],
        "additionalProperties": False,
    },
}


@settings(deadline=None, max_examples=40)
@given(notice=NOTICES)
def test_every_event_is_what_the_api_documents(notice: Notice) -> None:
    event = payload(notice, routing_key=KEY, group="shop")

    jsonschema.validate(event, SCHEMAS[notice.alert.action])
    assert len(json.dumps(event, ensure_ascii=False).encode("utf-8")) < 512 * 1024


def test_a_trigger_says_what_failed_why_and_what_to_type() -> None:
    event = payload(Notice(alert()), routing_key=KEY, group="shop")

    assert event["dedup_key"] == "edp/shop/dead/4f1d"
    assert event["payload"]["summary"] == "[shop] orders: unreadable file"
    assert event["payload"]["severity"] == "error"
    assert event["payload"]["custom_details"] == {
        "file": "orders/monday.csv",
        "cause": "4f1d",
        "alerts in this incident": 1,
        "reasons": ["line 3: a quote is never closed"],
        "command": "edp dlq redrive --cause 4f1d",
    }


def test_many_alike_are_counted_exactly() -> None:
    event = payload(Notice(alert(), alerts=1000, new=1000), routing_key=KEY, group="shop")

    assert event["payload"]["summary"].endswith("(and 999 more)")
    assert event["payload"]["custom_details"]["alerts in this incident"] == 1000


def test_a_resolve_is_the_key_and_nothing_else() -> None:
    event = payload(Notice(alert(action="resolve")), routing_key=KEY, group="shop")

    assert event == {
        "routing_key": KEY,
        "event_action": "resolve",
        "dedup_key": "edp/shop/dead/4f1d",
    }


def test_a_success_goes_to_the_changes() -> None:
    assert path(alert(action="change")) == "/v2/change/enqueue"
    assert path(alert()) == path(alert(action="resolve")) == "/v2/enqueue"
