"""Alerts: their keys name causes, and they survive being written down."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from edp.core.alerts import LONGEST_KEY, Alert, Link, dedup_key

PARTS = st.lists(st.text(max_size=400), min_size=1, max_size=4)


@given(parts=PARTS)
def test_a_key_is_within_the_limit_and_plain(parts: list[str]) -> None:
    key = dedup_key(*parts)

    assert len(key) <= LONGEST_KEY
    assert all(" " < c < "\x7f" for c in key)


@given(one=PARTS, other=PARTS)
def test_two_causes_never_share_a_key(one: list[str], other: list[str]) -> None:
    same = "/".join(one) == "/".join(other)

    assert (dedup_key(*one) == dedup_key(*other)) == same


def test_an_alert_is_read_back_as_it_was_written() -> None:
    alert = Alert(
        dedup_key="edp/shop/dead/1",
        action="trigger",
        severity="error",
        summary="ü",
        source="orders",
        dataset="orders",
        facts={"file": "a.csv"},
        reasons=("no CSV",),
        command="edp dlq redrive --cause 1",
        links=(Link("https://example.org", "runbook"),),
        samples=("1,2",),
        at=1.5,
        event_id="7",
        subject="orders/a.csv",
    )

    assert Alert.from_json(json.loads(json.dumps(alert.to_json()))) == alert
