"""An alarm's definition in CloudWatch's own words."""

from __future__ import annotations

from edp.alarms.aws import CloudWatchAlarms
from edp.core.alarms import Alarm, Verdict
from tests.aws_sim import client, service, unique

SLOW = Alarm(
    "slow", "look", "Queryable", "EDP", 300, "p95", dimensions={"Dataset": "orders"},
    evaluation_periods=3, datapoints_to_alarm=2, missing="ignore",
)  # fmt: skip


def alarms(prefix: str) -> CloudWatchAlarms:
    topic = "arn:aws:sns:us-east-2:123456789012:alerts"
    defined = {"slow": SLOW}
    return CloudWatchAlarms(service("cloudwatch"), prefix=prefix, defined=defined, actions=[topic])


def test_cloudwatch_watches_what_the_alarm_says_and_tells_the_topic() -> None:
    alarms(prefix := unique("p")).make(["slow"])

    (found,) = client("cloudwatch").describe_alarms(AlarmNames=[f"{prefix}slow"])["MetricAlarms"]
    assert found["AlarmActions"] == found["OKActions"] != []
    assert (found["ExtendedStatistic"], found["Threshold"]) == ("p95", 300)
    assert (found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (3, 2)
    assert found["TreatMissingData"] == "ignore"
    assert found["Dimensions"] == [{"Name": "Dataset", "Value": "orders"}]


def test_alarms_can_be_called_by_their_whole_names() -> None:
    prefix = unique("p")
    alarms(prefix).make(["slow"])

    whole = CloudWatchAlarms(service("cloudwatch"), prefix=prefix, defined={}, named_after="")

    assert list(whole.standing()) == [f"{prefix}slow"]


def test_alarms_of_others_are_not_told() -> None:
    ours, theirs = alarms(unique("p")), alarms(unique("q"))
    for one in (ours, theirs):
        one.make(["slow"])
        one.change("slow", Verdict("ALARM", "x" * 2000))

    assert list(ours.standing()) == ["slow"]
    assert [len(change.reason) for change in ours.history()] == [1023]
