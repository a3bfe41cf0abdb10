"""Every alarm on AWS: those that the pipeline has anywhere, then those of AWS's own parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.core.alarms import Alarm
from edp.core.resources import FUNCTIONS, Names
from edp.pipeline.watched import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.contract import Config

_LOCAL: Final = frozenset({"DiskFreeBytes"})
"""What only a machine of one's own has."""
_PERIOD_S: Final = 300


def alarms_of(config: Config) -> list[Alarm]:
    """The alarms of a pipeline."""
    everywhere = [one.alarm for one in watched(config, ())]
    return [*(one for one in everywhere if one.metric not in _LOCAL), *_own(config)]


def _own(config: Config) -> Iterator[Alarm]:
    names = Names(config.name)
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
        threshold=2 * config.alarms.oldest_message.total_seconds(),
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
