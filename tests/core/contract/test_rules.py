"""Rules of one's own: patterns in YAML's words, or JSON as AWS has it."""

from __future__ import annotations

import pytest

from edp.core.bus import Event, matches
from edp.core.contract.problems import ContractError
from edp.core.contract.reading import parse

GONE = Event("EDP Schema Change", {"table": "orders", "change": "removed", "n": 5})


def pattern(text: str) -> dict[str, object]:
    config = parse(f"rules: {{mine: {{pattern: {text}}}}}", environ={})
    return dict(config.rules["mine"].pattern)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{detail-type: [EDP Schema Change]}", True),
        ("{detail: {change: [removed], table: [{prefix: ord}]}}", True),
        ("{detail: {change: [{anything-but: [removed, added]}]}}", False),
        ("{detail: {n: [{numeric: ['>', 4, <=, 5.0]}]}}", True),
        ("{detail: {n: [{numeric: ['>', 5]}]}}", False),
        ("{detail: {table: [{exists: true}], other: [{exists: false}]}}", True),
        ("{detail: {n: [5]}}", False),
        ("""'{"detail": {"n": [5]}}'""", True),
        ("""'{"detail": {"n": [6, null]}}'""", False),
    ],
)
def test_a_pattern_picks_events(text: str, *, expected: bool) -> None:
    assert matches(pattern(text), GONE) is expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{mine: {pattern: {source: edp}}}", "1: rules.mine.pattern: not a pattern; source: a l"),
        ("{mine: {pattern: '{'}}", "1: rules.mine.pattern: not JSON"),
        ("{mine: {pattern: [a]}}", "1: rules.mine.pattern: not a pattern"),
        ("{mine: {pattern: {a: [{numeric: ['>', x]}]}}}", "1: rules.mine.pattern: .*number"),
        ("{mine: {pattern: {a: [{exists: perhaps}]}}}", "1: rules.mine.pattern: .*'exists' takes"),
        ("{mine: {}}", "1: rules.mine.pattern: missing"),
        ("{mine: {pattern: {a: [b]}, target: nobody}}", "1: rules.mine.target: .*alerts"),
        ("{edp-failure: {pattern: {a: [b]}}}", "1: rules.edp-failure: not a name for a rule"),
        ("{Mine: {pattern: {a: [b]}}}", "1: rules.Mine: not a name for a rule"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        parse(f"rules: {text}", environ={})
