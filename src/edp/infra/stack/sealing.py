"""A key of one's own for all that the pipeline keeps, and the services that have to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

if TYPE_CHECKING:
    from edp.core.resources import Names

_USE: Final = ("kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext")
_SENDERS: Final = ("s3", "sns", "cloudwatch", "events")
"""Who sends to an encrypted topic or queue. EventBridge's messages vanish where a condition names
the account or the source, so that there is none; what they reach is theirs to say, by policy."""


def key(stack: cdk.Stack, names: Names) -> kms.Key:
    """Make the key; it outlives the stack, as what it seals does."""
    made = kms.Key(
        stack,
        "Key",
        alias=f"alias/{names.pipeline}",
        description=f"Seals what the pipeline {names.pipeline} keeps",
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    made.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"{one}.amazonaws.com") for one in _SENDERS],
            actions=list(_USE),
            resources=["*"],
        )
    )
    made.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{cdk.Aws.REGION}.amazonaws.com")],
            actions=[
                *_USE,
                "kms:Encrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:DescribeKey",
            ],
            resources=["*"],
        )
    )
    return made
