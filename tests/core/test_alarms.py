"""Alarms are evaluated as CloudWatch does, and tell of it in its words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.alarms import STATES, Alarm, Datapoint, Missing, State, Verdict, evaluate, message

DLQ = Alarm(
    name="shop-dlq",
    help="There are dead letters.",
    metric="ApproximateNumberOfMessagesVisible",
    namespace="AWS/SQS",
    dimensions={"QueueName": "shop-dlq"},
    threshold=0,
    command="edp dlq list",
)
MISSINGS: tuple[Missing, ...] = ("missing", "ignore", "breaching", "notBreaching")
HIGH, LOW, NONE = 1.0, 0.0, None
"""Beyond the threshold, within it, missing."""


def points(*values: float | None) -> list[Datapoint | None]:
    return [None if v is None else Datapoint(60.0 * n, v) for n, v in enumerate(values)]


def state(
    values: tuple[float | None, ...], needed: int, missing: Missing, before: State = "OK"
) -> State:
    alarm = replace(
        DLQ, evaluation_periods=len(values), datapoints_to_alarm=needed, missing=missing
    )
    return evaluate(alarm, points(*values), before).state


@pytest.mark.parametrize(
    ("values", "needed", "states"),
    [  # the states with missing, ignore, breaching, notBreaching
        ((HIGH,), 1, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ((LOW,), 1, ("OK", "OK", "OK", "OK")),
        ((NONE,), 1, ("INSUFFICIENT_DATA", "OK", "ALARM", "OK")),
        ((NONE, NONE, NONE), 2, ("INSUFFICIENT_DATA", "OK", "ALARM", "OK")),
        ((HIGH, HIGH, LOW), 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ((HIGH, LOW, LOW), 2, ("OK", "OK", "OK", "OK")),
        ((HIGH, LOW, NONE), 2, ("OK", "OK", "ALARM", "OK")),
        ((LOW, LOW, NONE), 2, ("OK", "OK", "OK", "OK")),
        ((HIGH, NONE, HIGH), 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ],
)
def test_datapoints_decide_the_state(
    values: tuple[float | None, ...], needed: int, states: tuple[State, ...]
) -> None:
    found = tuple(state(values, needed, missing) for missing in MISSINGS)

    assert found == states


@pytest.mark.parametrize("before", STATES)
def test_what_is_ignored_leaves_the_state_as_it_was(before: State) -> None:
    assert state((NONE, NONE), 1, "ignore", before) == before
    assert state((LOW, NONE), 1, "ignore", before) == before
    assert state((LOW, LOW), 1, "ignore", before) == "OK"


def test_only_the_last_periods_count() -> None:
    verdict = evaluate(replace(DLQ, evaluation_periods=2), points(HIGH, LOW, LOW), "ALARM")

    assert verdict.state == "OK"


def test_periods_before_the_first_datapoint_are_missing() -> None:
    three = replace(DLQ, evaluation_periods=3, datapoints_to_alarm=3)

    assert evaluate(three, points(HIGH, HIGH), "OK").state == "OK"
    assert evaluate(replace(three, missing="missing"), [], "OK").state == "INSUFFICIENT_DATA"


@given(
    st.lists(st.sampled_from([HIGH, LOW, NONE]), min_size=1, max_size=6),
    st.integers(1, 6),
    st.sampled_from(STATES),
)
def test_another_datapoint_beyond_the_threshold_never_calms_an_alarm(
    values: list[float | None], needed: int, before: State
) -> None:
    needed = min(needed, len(values))
    for missing in MISSINGS:
        if state(tuple(values), needed, missing, before) != "ALARM" or before == "ALARM":
            continue
        for n in range(len(values)):
            worse = (*values[:n], HIGH, *values[n + 1 :])
            assert state(worse, needed, missing, before) == "ALARM"


def test_below_is_as_good_as_above() -> None:
    disk = replace(DLQ, comparison="LessThanThreshold", threshold=10)

    assert [evaluate(disk, points(v), "OK").state for v in (9.0, 10.0, 11.0)] == [
        "ALARM",
        "OK",
        "OK",
    ]


def test_the_reason_is_in_cloudwatchs_words() -> None:
    high = evaluate(DLQ, [Datapoint(1_763_881_200.0, 1.0)], "OK")
    low = evaluate(DLQ, [Datapoint(1_763_881_200.0, 0.0)], "ALARM")

    assert high.reason == (
        "Threshold Crossed: 1 datapoint [1.0 (23/11/25 07:00:00)] was greater than the threshold "
        "(0.0)."
    )
    assert low.reason == (
        "Threshold Crossed: 1 datapoint [0.0 (23/11/25 07:00:00)] was not greater than the "
        "threshold (0.0)."
    )


def test_the_message_is_what_cloudwatch_sends() -> None:
    told = message(DLQ, Verdict("ALARM", "why"), "OK", at=60.25, updated_at=0.0)

    assert told == {
        "AlarmName": "shop-dlq",
        "AlarmDescription": "There are dead letters. `edp dlq list`",
        "AWSAccountId": "000000000000",
        "AlarmConfigurationUpdatedTimestamp": "1970-01-01T00:00:00.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": "why",
        "StateChangeTime": "1970-01-01T00:01:00.250+0000",
        "Region": "local",
        "AlarmArn": "arn:aws:cloudwatch:local:000000000000:alarm:shop-dlq",
        "OldStateValue": "OK",
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Namespace": "AWS/SQS",
            "StatisticType": "Statistic",
            "Statistic": "MAXIMUM",
            "Unit": None,
            "Dimensions": [{"value": "shop-dlq", "name": "QueueName"}],
            "Period": 60,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0.0,
            "TreatMissingData": "notBreaching",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    assert json.loads(json.dumps(told)) == told


def test_a_percentile_is_an_extended_statistic() -> None:
    told = message(replace(DLQ, statistic="p95"), Verdict("OK", ""), "ALARM", at=0, updated_at=0)

    trigger = told["Trigger"]
    assert isinstance(trigger, dict)
    assert trigger["ExtendedStatistic"] == "p95"
    assert "Statistic" not in trigger
