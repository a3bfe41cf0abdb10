"""Alerts for tests: plain ones, and ones with names that mean no good."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from edp.core.alerts import SEVERITIES, Alert, Link, dedup_key
from edp.notify.port import Notice


def alert(**further: Any) -> Alert:  # noqa: ANN401 (any field)
    """An alert about a file that cannot be read."""
    return Alert(
        **{
            "dedup_key": "edp/shop/dead/4f1d",
            "action": "trigger",
            "severity": "error",
            "summary": "[shop] orders: unreadable file",
            "source": "host:/srv/shop",
            "dataset": "orders",
            "component": "etl",
            "class_": "unreadable file",
            "facts": {"file": "orders/monday.csv", "cause": "4f1d"},
            "reasons": ("line 3: a quote is never closed",),
            "command": "edp dlq redrive --cause 4f1d",
            "at": 1_767_960_000.0,
            "event_id": "e-1",
            **further,
        }
    )


NASTY = st.one_of(
    st.text(max_size=12),
    st.text(min_size=5, max_size=20).map(lambda text: text * 150),
    st.sampled_from(
        [
            "<!channel> <@U123> <https://example.org|click>",
            "```*bold*``` `code` & <b>",
            "\u202egnp.exe\ud800\x00\x1b[31m",
            "&" * 2200,
            "\U0001f600" * 1600,
            "a\n\n\nb" * 900,
            "",
        ]
    ),
)
ALERTS = st.builds(
    Alert,
    dedup_key=st.builds(dedup_key, st.just("edp"), NASTY),
    action=st.sampled_from(["trigger", "resolve", "change"]),
    severity=st.sampled_from(SEVERITIES),
    summary=NASTY,
    source=NASTY,
    dataset=st.none() | NASTY,
    component=NASTY,
    class_=NASTY,
    facts=st.dictionaries(NASTY, NASTY, max_size=12),
    reasons=st.lists(NASTY, max_size=6).map(tuple),
    command=st.none() | NASTY,
    links=st.lists(
        st.builds(Link, NASTY.map("https://example.org/{}".format), NASTY), max_size=8
    ).map(tuple),
    samples=st.lists(NASTY, max_size=6).map(tuple),
    at=st.floats(0, 4e9),
)
NOTICES = st.builds(
    Notice,
    alert=ALERTS,
    alerts=st.integers(1, 10**7),
    new=st.integers(1, 10**7),
    since=st.floats(0, 4e9),
    amounts=st.dictionaries(st.sampled_from(["files", "rows", "rejected"]), st.integers(0, 10**12)),
)
