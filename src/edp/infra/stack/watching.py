"""What watches: the pipeline's alarms as CloudWatch's, those of AWS's own parts, a dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from edp.core.alarms import Alarm
from edp.infra.names import FUNCTIONS
from edp.infra.stack.site import filled
from edp.pipeline.watched import watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_cdk import aws_sns as sns

    from edp.infra.stack.site import Site

_LOCAL: Final = frozenset({"DiskFreeBytes"})
"""What only a machine of one's own has."""
_PERIOD_S: Final = 300


def alarms_of(site: Site) -> list[Alarm]:
    """Every alarm: those that the pipeline has anywhere, then those of AWS's parts."""
    everywhere = [one.alarm for one in watched(site.config, ())]
    return [*(one for one in everywhere if one.metric not in _LOCAL), *_own(site)]


def _own(site: Site) -> Iterator[Alarm]:
    names = site.names
    lost = {
        names.crawl_dead_letters: "A crawl could not be asked for: tables may miss files.",
        names.undelivered: "An event reached no function: the reconciler makes up for it.",
        names.untold: "An alert was not told: look at PagerDuty and Slack, then send it again.",
    }
    for queue, text in lost.items():
        yield Alarm(
            name=queue,
            help=text,
            metric="ApproximateNumberOfMessagesVisible",
            namespace="AWS/SQS",
            dimensions={"QueueName": queue},
            threshold=0,
        )
    yield Alarm(
        name=f"{names.pipeline}-oldest-crawl",
        help="What was written waits too long for its crawl: is the crawler stuck?",
        metric="ApproximateAgeOfOldestMessage",
        namespace="AWS/SQS",
        dimensions={"QueueName": names.crawl_queue},
        threshold=2 * site.config.alarms.oldest_message.total_seconds(),
    )
    for module, does in FUNCTIONS.items():
        for metric in ("Errors", "Throttles"):
            yield Alarm(
                name=f"{names.function(module)}-{metric.lower()}",
                help=f"{metric} of the function that {does}: its log says why.",
                metric=metric,
                namespace="AWS/Lambda",
                dimensions={"FunctionName": names.function(module)},
                statistic="Sum",
                period_s=_PERIOD_S,
                threshold=0,
            )


def alarms(site: Site, people: sns.Topic) -> None:
    """Make the alarms, which tell of every change."""
    for one in alarms_of(site):
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
    arns = [filled(site.arn("cloudwatch", f"alarm:{one.name}")) for one in alarms_of(site)]
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
