"""What a bucket tells of: new objects in the source to the topic, new tables to the crawl queue.

A bucket's own property is set, not a custom resource: it needs no function that may change any
bucket. A bucket that was there before is told by `edp deploy`, beside what else it tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_s3 as s3

if TYPE_CHECKING:
    from edp.infra.stack.buckets import Buckets
    from edp.infra.stack.channels import Channels
    from edp.infra.stack.site import Site

CREATED: Final = "s3:ObjectCreated:*"
TABLES: Final = ".parquet"
"""Suffix of what a crawl looks at; markers and logs of engines have others."""


def notify(site: Site, made: Buckets, by: Channels) -> None:
    """Have the made buckets tell; S3 asks whether it may send, so that policies come first."""
    kind = s3.CfnBucket
    topics = [
        kind.TopicConfigurationProperty(
            event=CREATED, topic=by.arrivals.topic_arn, filter=_filter(site.aws.source.prefix)
        )
    ]
    queues = [
        kind.QueueConfigurationProperty(
            event=CREATED,
            queue=by.crawls.queue_arn,
            filter=_filter(site.aws.target.prefix, TABLES),
        )
    ]
    shared = site.aws.source.bucket == site.aws.target.bucket
    if made.source is not None:
        made.source.notification_configuration = kind.NotificationConfigurationProperty(
            topic_configurations=topics, queue_configurations=queues if shared else None
        )
        made.source.node.add_dependency(by.arrivals, *([by.crawls] if shared else []))
    if made.target is not None:
        made.target.notification_configuration = kind.NotificationConfigurationProperty(
            queue_configurations=queues
        )
        made.target.node.add_dependency(by.crawls)


def _filter(prefix: str, suffix: str = "") -> s3.CfnBucket.NotificationFilterProperty | None:
    given = {"prefix": prefix, "suffix": suffix}
    rules = [
        s3.CfnBucket.FilterRuleProperty(name=name, value=value)
        for name, value in given.items()
        if value
    ]
    if not rules:
        return None
    return s3.CfnBucket.NotificationFilterProperty(
        s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=rules)
    )
