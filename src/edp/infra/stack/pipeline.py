"""All parts of a pipeline, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk

from edp.core.errors import ConfigError
from edp.core.resources import NO_AWS, Names
from edp.infra.stack import catalogue, watching
from edp.infra.stack.buckets import buckets
from edp.infra.stack.channels import channels
from edp.infra.stack.handlers import handlers
from edp.infra.stack.jobs import job
from edp.infra.stack.ledger import ledger
from edp.infra.stack.notices import notify
from edp.infra.stack.sealing import key
from edp.infra.stack.secrets import secrets
from edp.infra.stack.site import Site, filled

if TYPE_CHECKING:
    from constructs import Construct

    from edp.core.contract import Config
    from edp.infra.artefacts import Artefacts
    from edp.infra.stack.channels import Channels

_CONSOLE: Final = (
    "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
)
_FLAGS: Final = {
    # access logs by a bucket policy: the ACL that is the default needs ACLs to be on
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


def build(scope: Construct, config: Config, artefacts: Artefacts) -> cdk.Stack:
    """The pipeline's stack in `scope`; it has the pipeline's name.

    Raises: ConfigError when the contract says nothing of AWS, or a name is too long for it.
    """
    aws, names = config.runtimes.aws, Names(config.name)
    if aws is None:
        raise ConfigError(NO_AWS)
    names.check(aws)
    stack = cdk.Stack(
        scope,
        config.name,
        description=f"EDP pipeline {config.name}: files in {aws.source} become tables",
        synthesizer=cdk.BootstraplessSynthesizer(),
        tags={"edp:pipeline": config.name, **aws.tags},
    )
    for flag, value in _FLAGS.items():
        stack.node.set_context(flag, value)
    sealed = key(stack, names) if aws.encryption == "own-key" else None
    site = Site(stack, config, aws, names, artefacts, sealed)
    made, entries = buckets(site), secrets(site)
    ledger(site)
    by = channels(site)
    notify(site, made, by)
    job(site, entries)
    catalogue.database(site)
    catalogue.crawler(site)
    catalogue.workgroup(site)
    handlers(site, by, entries)
    watching.alarms(site, by.people)
    watching.dashboard(site)
    _outputs(site, by)
    return stack


def _outputs(site: Site, by: Channels) -> None:
    names = site.names
    outputs = {
        "Source": (str(site.aws.source), "Put files here"),
        "Target": (str(site.aws.target), "Tables lie here"),
        "SourceTopicArn": (by.arrivals.topic_arn, "What the source bucket has to tell"),
        "CrawlQueueArn": (by.crawls.queue_arn, "What the target bucket has to tell"),
        "QueueUrl": (by.queue.queue_url, "Work waits here"),
        "DeadLettersUrl": (by.dead.queue_url, "What a person has to look at"),
        "AlertsTopicArn": (by.people.topic_arn, "Alerts; subscribe whom else you like"),
        "Database": (names.database, "Tables are registered here"),
        "WorkGroup": (names.workgroup, "Ask Athena in this workgroup"),
        "Dashboard": (
            f"{_CONSOLE}#dashboards:name={names.pipeline}",
            "The whole flow on one page",
        ),
    }
    for title, (value, text) in outputs.items():
        cdk.CfnOutput(site.stack, f"{title}Output", value=filled(value), description=text)
