"""Channels: the topics and queues between the parts, and who may send to each.

source bucket -> source topic -> queue (-> dlq)      target bucket -> crawl queue (-> crawl dlq)
alarms, rules -> alerts topic (-> untold)            rules, functions (-> undelivered)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import aws_sns as sns

from edp.infra.stack.queues import dead_letters, let_send, queue, topic
from edp.infra.stack.sizes import CRAWL_WINDOW_S, ETL, HIDDEN, SMALL, window_s

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs

    from edp.infra.stack.site import Site

_BUCKET: Final = "arn:${AWS::Partition}:s3:::"


@dataclass(frozen=True)
class Channels:
    """The topics and queues; `dead`, `crawl_dead`, `undelivered` and `untold` are dead letters."""

    arrivals: sns.Topic
    queue: sqs.Queue
    dead: sqs.Queue
    crawls: sqs.Queue
    crawl_dead: sqs.Queue
    undelivered: sqs.Queue
    people: sns.Topic
    untold: sqs.Queue


def channels(site: Site) -> Channels:
    """Make them all, with the subscription of the queue to the source's topic."""
    names = site.names
    dead = dead_letters(site, names.dead_letters, "DeadLetters")
    crawl_dead = dead_letters(site, names.crawl_dead_letters, "CrawlDeadLetters")
    made = Channels(
        arrivals=topic(site, names.source_topic, "SourceTopic"),
        queue=queue(
            site,
            names.queue,
            "Queue",
            visibility_s=HIDDEN * ETL.timeout_s + window_s(site.config),
            dead=dead,
        ),
        dead=dead,
        crawls=queue(
            site,
            names.crawl_queue,
            "CrawlQueue",
            visibility_s=HIDDEN * SMALL.timeout_s + CRAWL_WINDOW_S,
            dead=crawl_dead,
        ),
        crawl_dead=crawl_dead,
        undelivered=dead_letters(
            site, names.undelivered, "Undelivered", of="rules, and of functions that get events"
        ),
        people=topic(site, names.alerts_topic, "AlertsTopic"),
        untold=dead_letters(site, names.untold, "Untold", of="the notifier"),
    )
    _connect(site, made)
    return made


def _connect(site: Site, made: Channels) -> None:
    let_send(made.arrivals, "s3", source=f"{_BUCKET}{site.aws.source.bucket}")
    let_send(made.crawls, "s3", source=f"{_BUCKET}{site.aws.target.bucket}")
    let_send(made.queue, "sns", source=made.arrivals.topic_arn)
    let_send(made.dead, "sns", source=made.arrivals.topic_arn)
    let_send(made.untold, "sns", source=made.people.topic_arn)
    rules = site.arn("events", f"rule/{site.names.pipeline}*")
    let_send(made.undelivered, "events", source=rules)
    alarms = site.arn("cloudwatch", f"alarm:{site.names.pipeline}-*")
    let_send(made.people, "cloudwatch", source=alarms)
    # EventBridge takes no condition in a topic's policy.
    # Source: AWS, "Using resource-based policies for Amazon EventBridge", permissions for SNS.
    let_send(made.people, "events", source=None)
    sns.CfnSubscription(
        site.stack,
        "QueueSubscription",
        topic_arn=made.arrivals.topic_arn,
        protocol="sqs",
        endpoint=made.queue.queue_arn,
        raw_message_delivery=True,
        redrive_policy={"deadLetterTargetArn": made.dead.queue_arn},
    )


def tell(site: Site, made: Channels, notifier: lambda_.Function) -> None:
    """Subscribe the notifier to what people are told of."""
    sns.CfnSubscription(
        site.stack,
        "NotifierSubscription",
        topic_arn=made.people.topic_arn,
        protocol="lambda",
        endpoint=notifier.function_arn,
        redrive_policy={"deadLetterTargetArn": made.untold.queue_arn},
    )
