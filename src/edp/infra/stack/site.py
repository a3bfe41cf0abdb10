"""Where the parts of the stack are put, and what all of them know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aws_cdk as cdk

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from constructs import IConstruct

    from edp.core.contract import Config
    from edp.core.contract.runtimes import Aws
    from edp.core.resources import Names
    from edp.infra.artefacts import Artefacts

PACK: Final = "AwsSolutions"
"""The set of cdk-nag's rules that the stack is held to."""


@dataclass(frozen=True)
class Site:
    """The stack, what is to be built in it, and the key for all of it where there is one."""

    stack: cdk.Stack
    config: Config
    aws: Aws
    names: Names
    artefacts: Artefacts
    key: kms.Key | None

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of a resource of this account, for `Fn::Sub`."""
        place = "${AWS::Region}:${AWS::AccountId}" if regional else ":"
        return f"arn:${{AWS::Partition}}:{service}:{place}:{resource}"


def filled(text: str) -> str:
    """`text`, with `${AWS::...}` for CloudFormation to fill in where it has any."""
    return cdk.Fn.sub(text) if "${AWS::" in text else text


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Say why what a rule of cdk-nag finds in `construct` is as it should be."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"{PACK}::{PACK}-{rule}", reason=reason)
    )
