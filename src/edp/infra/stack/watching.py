"""What watches: the alarms as CloudWatch's, and a dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from edp.core.resources import FUNCTIONS
from edp.infra.stack.alarms import alarms_of
from edp.infra.stack.site import filled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sns as sns

    from edp.core.alarms import Alarm
    from edp.infra.stack.site import Site

_PERIOD_S: Final = 300


def alarms(site: Site, people: sns.Topic) -> None:
    """Make the alarms, which tell of every change."""
    for one in alarms_of(site.config):
        _alarm(site, one, people.topic_arn)


def _alarm(site: Site, alarm: Alarm, people: str) -> None:
    short = alarm.name.removeprefix(f"{site.names.pipeline}-")
    title = "".join(word.title() for word in short.replace("_", "-").split("-"))
    percentile = alarm.statistic.startswith("p")
    command = alarm.command.replace("edp ", "edp --on aws ", 1)
    cloudwatch.CfnAlarm(
        site.stack,
        f"{title}Alarm",
        alarm_name=alarm.name,
        alarm_description=f"{alarm.help} `{command}`" if command else alarm.help,
        metric_name=alarm.metric,
        namespace=alarm.namespace,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
            for name, value in alarm.dimensions.items()
        ],
        statistic=None if percentile else alarm.statistic,
        extended_statistic=alarm.statistic if percentile else None,
        period=alarm.period_s,
        evaluation_periods=alarm.evaluation_periods,
        datapoints_to_alarm=alarm.datapoints_to_alarm,
        threshold=alarm.threshold,
        comparison_operator=alarm.comparison,
        treat_missing_data=alarm.missing,
        alarm_actions=[people],
        ok_actions=[people],
    )


def dashboard(site: Site) -> None:
    """One page: the alarms, then the flow from its start to its end."""
    names = site.names
    queues = (names.queue, names.dead_letters, names.crawl_queue, names.crawl_dead_letters)
    arns = [filled(site.arn("cloudwatch", f"alarm:{one.name}")) for one in alarms_of(site.config)]
    functions = [names.function(module) for module in FUNCTIONS]
    widgets = [
        {
            "type": "alarm",
            "width": 24,
            "height": 6,
            "properties": {"title": "Alarms", "alarms": arns},
        },
        _graph("Waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queues),
        _graph("Oldest (s)", "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queues),
        _graph("Errors", "AWS/Lambda", "Errors", "FunctionName", functions, statistic="Sum"),
        _graph("Duration (ms)", "AWS/Lambda", "Duration", "FunctionName", functions),
        _graph("Arrival to commit (s)", "EDP", "QueryableSeconds", "Pipeline", [names.pipeline]),
        _graph(
            "Scanned by queries (bytes)",
            "AWS/Athena",
            "ProcessedBytes",
            "WorkGroup",
            [names.workgroup],
            statistic="Sum",
        ),
    ]
    cloudwatch.CfnDashboard(
        site.stack,
        "Dashboard",
        dashboard_name=names.pipeline,
        dashboard_body=site.stack.to_json_string({"widgets": widgets}),
    )


def _graph(
    title: str,
    namespace: str,
    metric: str,
    dimension: str,
    values: Sequence[str],
    *,
    statistic: str = "Maximum",
) -> dict[str, Any]:
    return {
        "type": "metric",
        "width": 12,
        "height": 6,
        "properties": {
            "title": title,
            "region": cdk.Aws.REGION,
            "stat": statistic,
            "period": _PERIOD_S,
            "metrics": [[namespace, metric, dimension, value] for value in values],
        },
    }
