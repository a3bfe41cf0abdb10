"""CloudWatch's evaluation of alarms, which moto does not do: what changed is told to the topics."""

from __future__ import annotations

import json
import operator
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from moto.sqs.models import sqs_backends

from tests.aws_sim import REGION, client
from tests.aws_sim.glue import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.aws_sim.functions import Function

_PLACE: Final = "US East (Ohio)"
_COMPARED: Final = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass
class Alarms:
    """The alarms whose names start with `prefix`, over queues and over errors of `functions`.

    All periods of an alarm see the value of the moment. EDP's own metrics are not looked at.
    """

    prefix: str
    functions: Mapping[str, Function]
    _errors: dict[str, int] = field(default_factory=dict)

    def evaluate(self) -> dict[str, str]:
        """Look at every alarm; the new states of those that changed."""
        found = client("cloudwatch").describe_alarms(AlarmNamePrefix=self.prefix)["MetricAlarms"]
        changed = {}
        for alarm in found:
            value = self._value(alarm)
            if value is None:
                continue
            high = _COMPARED[alarm["ComparisonOperator"]](value, alarm["Threshold"])
            state = "ALARM" if high else "OK"
            if state != alarm["StateValue"]:
                changed[alarm["AlarmName"]] = state
                _change(alarm, state, value)
        return changed

    def _value(self, alarm: Mapping[str, Any]) -> float | None:
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        look: Callable[[str], float] | None = {
            "ApproximateNumberOfMessagesVisible": _visible,
            "ApproximateAgeOfOldestMessage": _oldest,
        }.get(alarm["MetricName"])
        if alarm["Namespace"] == "AWS/SQS" and look:
            return look(dimensions["QueueName"])
        if (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors"):
            return self._new_errors(dimensions["FunctionName"])
        return None

    def _new_errors(self, name: str) -> float:
        """Since the last look."""
        now = len(self.functions[name].failures)
        before = self._errors.get(name, 0)
        self._errors[name] = now
        return float(now - before)


def _visible(queue: str) -> float:
    url = client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    asked = client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return float(asked["Attributes"]["ApproximateNumberOfMessages"])


def _oldest(queue: str) -> float:
    messages = sqs_backends[ACCOUNT][REGION].queues[queue].messages
    sent = [int(str(one.sent_timestamp)) / 1000 for one in messages]
    return max(0.0, time.time() - min(sent)) if sent else 0.0


def _change(alarm: Mapping[str, Any], state: str, value: float) -> None:
    reason = (
        f"Threshold Crossed: 1 datapoint [{value}] was "
        f"{'' if state == 'ALARM' else 'not '}greater than the threshold ({alarm['Threshold']})."
    )
    name = alarm["AlarmName"]
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    told = {
        "AlarmName": name,
        "AlarmDescription": alarm["AlarmDescription"],
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": now,
        "NewStateValue": state,
        "NewStateReason": reason,
        "StateChangeTime": now,
        "Region": _PLACE,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": alarm["StateValue"],
        "OKActions": alarm["OKActions"],
        "AlarmActions": alarm["AlarmActions"],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": alarm["MetricName"],
            "Namespace": alarm["Namespace"],
            "StatisticType": "Statistic",
            "Statistic": alarm["Statistic"].upper(),
            "Unit": None,
            "Dimensions": [
                {"value": one["Value"], "name": one["Name"]} for one in alarm["Dimensions"]
            ],
            "Period": alarm["Period"],
            "EvaluationPeriods": alarm["EvaluationPeriods"],
            "ComparisonOperator": alarm["ComparisonOperator"],
            "Threshold": alarm["Threshold"],
            "TreatMissingData": alarm["TreatMissingData"],
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    for topic in alarm["AlarmActions" if state == "ALARM" else "OKActions"]:
        client("sns").publish(
            TopicArn=topic, Subject=f'{state}: "{name}" in {_PLACE}', Message=json.dumps(told)
        )
