"""Slack messages: within the limits of Block Kit, and with nothing in them that acts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.alerts import Link
from edp.notify.port import Notice
from edp.notify.slack import Slack, message
from tests.notify.alerts import NASTY, NOTICES, alert

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS: Final = {"header": 150, "section": 3000, "field": 2000, "context": 3000}
WHOLE: Final = 13_200


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def texts(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and text of everything in a message's blocks."""
    for block in content["blocks"]:
        for part in block.get("fields", ()):
            yield "field", part["text"]
        for part in block.get("elements", ()):
            yield "context", part["text"]
        if "text" in block:
            yield block["type"], block["text"]["text"]


@settings(deadline=None, max_examples=40)
@given(notices=st.lists(NOTICES, min_size=1, max_size=3))
def test_every_message_is_within_the_limits(notices: list[Notice]) -> None:
    content = message(notices)

    assert 1 <= len(content["blocks"]) <= 50
    for place, text in texts(content):
        assert 1 <= units(text) <= LIMITS[place]
    for block in content["blocks"]:
        assert len(block.get("fields", ())) <= 10
        assert len(block.get("elements", ())) <= 10
    assert units(json.dumps(content["blocks"], ensure_ascii=False)) <= WHOLE
    assert units(content["text"]) <= 4000


@settings(deadline=None, max_examples=40)
@given(name=NASTY)
def test_what_comes_from_a_file_cannot_act(name: str) -> None:
    hostile = alert(
        summary=name, facts={"file": name}, reasons=(name,), samples=(name,), command=name
    )

    content = message([Notice(hostile)])

    for place, text in [*texts(content), ("fallback", content["text"])]:
        assert not re.search(r"[<>]", text), place
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        if place == "field":
            assert text.count("`") == 2
        if place == "section" and text.startswith("*"):
            assert text.count("```") == 2
            assert text.count("`") == 6


def test_a_card_has_the_facts_the_reason_and_the_command() -> None:
    links = (Link("https://example.org/a?b=1&c=2", "runbook"),)

    content = message([Notice(alert(samples=("1;2;3",), links=links))])

    kinds = [block["type"] for block in content["blocks"]]
    said = "\n".join(text for _, text in texts(content))
    assert kinds == ["header", "section", "section", "section", "section", "section", "context"]
    assert ":red_circle: [shop] orders: unreadable file" in said
    assert "*file*\n`orders/monday.csv`" in said
    assert "line 3: a quote is never closed" in said
    assert "1;2;3" in said
    assert "```edp dlq redrive --cause 4f1d```" in said
    assert "<https://example.org/a?b=1&amp;c=2|runbook>" in said


def test_a_follow_up_says_how_many_more_there_are() -> None:
    content = message([Notice(alert(), alerts=1000, new=999)])

    assert "(999 more, 1,000 in all)" in content["text"]


def test_a_recovery_says_how_long_it_took_and_of_how_many() -> None:
    over = alert(action="resolve", at=1_767_960_000.0 + 720)

    content = message([Notice(over, alerts=1000, since=1_767_960_000.0)])

    assert "Over: [shop] orders: unreadable file (after 12 min, 1,000 alerts)" in content["text"]


def test_as_many_as_share_a_message_are_within_the_limits() -> None:
    hostile = alert(summary="&" * 3000, command="x" * 160)

    content = message([Notice(hostile)] * Slack.at_once)

    assert units(json.dumps(content["blocks"], ensure_ascii=False)) <= WHOLE
    assert len(content["blocks"]) <= 50


def test_several_share_a_message_with_a_line_each() -> None:
    notices = [Notice(alert(summary=f"cause {n}")) for n in range(12)]

    content = message([*notices, Notice(alert(action="resolve", summary="other"))])

    said = "\n".join(text for _, text in texts(content))
    assert "12 failing, 1 over" in said
    assert all(f"cause {n}" in said for n in range(12))
