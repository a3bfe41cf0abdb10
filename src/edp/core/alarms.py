"""Alarms in CloudWatch's terms: a metric is watched, and its datapoints decide a state.

Everything here is a function of values, so that what is evaluated locally and what CloudWatch
evaluates of the same definition mean the same.

Source: AWS, "Using Amazon CloudWatch alarms" and "Configuring how CloudWatch alarms treat missing
data".
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, get_args

from edp.core import bus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
STATES: Final[tuple[State, ...]] = get_args(State)
Missing = Literal["missing", "ignore", "breaching", "notBreaching"]
Statistic = Literal["Maximum", "Minimum", "Sum", "Average", "p95"]
Comparison = Literal["GreaterThanThreshold", "LessThanThreshold"]

_COMPARES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
_WORDS: Final = {"GreaterThanThreshold": "greater than", "LessThanThreshold": "less than"}


@dataclass(frozen=True)
class Alarm:
    """What is watched and when it is too much.

    It is in ALARM once `datapoints_to_alarm` of the last `evaluation_periods` datapoints, one per
    `period_s` seconds, are beyond `threshold`. `help` is what to do then, and `command` what to
    type.
    """

    name: str
    help: str
    metric: str
    namespace: str
    threshold: float
    statistic: Statistic = "Maximum"
    comparison: Comparison = "GreaterThanThreshold"
    dimensions: Mapping[str, str] = field(default_factory=dict)
    period_s: int = 60
    evaluation_periods: int = 1
    datapoints_to_alarm: int = 1
    missing: Missing = "notBreaching"
    command: str = ""

    @property
    def arn(self) -> str:
        """What CloudWatch would call it."""
        return f"arn:aws:cloudwatch:{bus.REGION}:{bus.ACCOUNT}:alarm:{self.name}"

    def breached(self, value: float) -> bool:
        """Whether `value` is beyond the threshold."""
        return _COMPARES[self.comparison](value, self.threshold)


@dataclass(frozen=True)
class Datapoint:
    """A metric's value at a time (seconds)."""

    at: float
    value: float


@dataclass(frozen=True)
class Verdict:
    """The state that datapoints give, and why, in CloudWatch's words."""

    state: State
    reason: str


def evaluate(alarm: Alarm, points: Sequence[Datapoint | None], before: State) -> Verdict:
    """The state of `alarm` after the last datapoints, oldest first; None where one is missing.

    Missing ones count as beyond the threshold (`breaching`) or within it (`notBreaching`). Else
    they leave open what they might have been: while those that are there do not decide it,
    `ignore` keeps the state `before`, and `missing` does where some are there.

    >>> full = Alarm("dlq", "", "Visible", "AWS/SQS", threshold=0)
    >>> evaluate(full, [Datapoint(0.0, 2.0)], "OK").state, evaluate(full, [None], "ALARM").state
    ('ALARM', 'OK')
    """
    before_them: list[Datapoint | None] = [None] * alarm.evaluation_periods
    recent = [*before_them, *points][-alarm.evaluation_periods :]
    there = [point for point in recent if point is not None]
    beyond = [point for point in there if alarm.breached(point.value)]
    lost = len(recent) - len(there)
    surely = len(beyond) + (lost if alarm.missing == "breaching" else 0)
    perhaps = surely + (lost if alarm.missing in ("missing", "ignore") else 0)
    if surely >= alarm.datapoints_to_alarm:
        return Verdict("ALARM", _crossed(alarm, beyond, lost=lost))
    if perhaps < alarm.datapoints_to_alarm:
        return Verdict("OK", _crossed(alarm, there, lost=lost, not_crossed=True))
    if there or alarm.missing == "ignore":
        return Verdict(before, f"Unchanged: {_counted(lost)} missing")
    return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {_counted(lost)} missing")


def _crossed(
    alarm: Alarm, points: Sequence[Datapoint], *, lost: int, not_crossed: bool = False
) -> str:
    if not points:
        treated = "beyond" if alarm.missing == "breaching" else "within"
        return f"Threshold: {_counted(lost)} missing, which counts as {treated} the threshold."
    values = ", ".join(f"{point.value!r} ({_moment(point.at)})" for point in reversed(points))
    was = "was" if len(points) == 1 else "were"
    word = f"{'not ' if not_crossed else ''}{_WORDS[alarm.comparison]}"
    return (
        f"Threshold Crossed: {_counted(len(points))} [{values}] {was} {word} the threshold "
        f"({float(alarm.threshold)!r})."
    )


def _counted(n: int) -> str:
    return f"{n} datapoint" if n == 1 else f"{n} datapoints"


def _moment(at: float) -> str:
    """A time as CloudWatch writes it in its reasons.

    >>> _moment(0.0)
    '01/01/70 00:00:00'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")


def _stamp(at: float) -> str:
    """A time as CloudWatch writes it in its messages.

    >>> _stamp(0.25)
    '1970-01-01T00:00:00.250+0000'
    """
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


def message(
    alarm: Alarm, verdict: Verdict, before: State, *, at: float, updated_at: float
) -> dict[str, object]:
    """What CloudWatch sends to SNS when the alarm goes from `before` to what `verdict` says.

    `updated_at` (seconds) is when the alarm came to be as it is.
    """
    percentile = alarm.statistic.startswith("p")
    statistic: dict[str, object] = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.statistic}
        if percentile
        else {"StatisticType": "Statistic", "Statistic": alarm.statistic.upper()}
    )
    advice = f"{alarm.help} `{alarm.command}`" if alarm.command else alarm.help
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": advice,
        "AWSAccountId": bus.ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": _stamp(updated_at),
        "NewStateValue": verdict.state,
        "NewStateReason": verdict.reason,
        "StateChangeTime": _stamp(at),
        "Region": bus.REGION,
        "AlarmArn": alarm.arn,
        "OldStateValue": before,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": alarm.metric,
            "Namespace": alarm.namespace,
            **statistic,
            "Unit": None,
            "Dimensions": [{"value": v, "name": n} for n, v in alarm.dimensions.items()],
            "Period": alarm.period_s,
            "EvaluationPeriods": alarm.evaluation_periods,
            "DatapointsToAlarm": alarm.datapoints_to_alarm,
            "ComparisonOperator": alarm.comparison,
            "Threshold": float(alarm.threshold),
            "TreatMissingData": alarm.missing,
            "EvaluateLowSampleCountPercentile": "",
        },
    }
