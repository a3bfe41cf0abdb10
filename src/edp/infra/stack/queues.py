"""Queues and topics: encrypted, TLS only, and each with a place for what cannot be delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from edp.infra.stack.site import Site

RECEIVES: Final = 5
"""How often a message may kill its reader; AWS advises five or more, so that throttling is none."""
_KEEP: Final = cdk.Duration.days(10)
_KEEP_DEAD: Final = cdk.Duration.days(14)
"""Longer than in the queue, because a message keeps the time of its first sending."""


def queue(site: Site, name: str, title: str, *, visibility_s: int, dead: sqs.Queue) -> sqs.Queue:
    """A queue whose messages are hidden for `visibility_s` while they are worked on."""
    return sqs.Queue(
        site.stack,
        title,
        queue_name=name,
        visibility_timeout=cdk.Duration.seconds(visibility_s),
        retention_period=_KEEP,
        receive_message_wait_time=cdk.Duration.seconds(20),
        dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=RECEIVES, queue=dead),
        **_sealed(site),
    )


def dead_letters(site: Site, name: str, title: str, *, of: str = "") -> sqs.Queue:
    """A dead-letter queue; `of` says what for, where that is no queue."""
    made = sqs.Queue(
        site.stack, title, queue_name=name, retention_period=_KEEP_DEAD, **_sealed(site)
    )
    if of:
        acknowledge(made, "SQS3", f"It is itself the dead-letter queue of {of}.")
    return made


def _sealed(site: Site) -> dict[str, Any]:
    if site.key is None:
        return {"encryption": sqs.QueueEncryption.SQS_MANAGED, "enforce_ssl": True}
    return {
        "encryption": sqs.QueueEncryption.KMS,
        "encryption_master_key": site.key,
        "data_key_reuse": cdk.Duration.minutes(5),
        "enforce_ssl": True,
    }


def topic(site: Site, name: str, title: str) -> sns.Topic:
    """A topic that only the publishers get to that its policy names."""
    return sns.Topic(site.stack, title, topic_name=name, enforce_ssl=True, master_key=site.key)


def let_send(target: sqs.Queue | sns.Topic, service: str, *, source: str | None) -> None:
    """Let an AWS service send to `target`, on behalf of `source` (an ARN) alone if there is one."""
    action, arn = (
        ("sqs:SendMessage", target.queue_arn)
        if isinstance(target, sqs.Queue)
        else ("sns:Publish", target.topic_arn)
    )
    conditions: dict[str, object] = {}
    if source is not None:
        conditions["ArnLike"] = {"aws:SourceArn": filled(source)}
        if service != "sns":
            conditions["StringEquals"] = {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}
    target.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=[action],
            resources=[arn],
            conditions=conditions,
        )
    )
