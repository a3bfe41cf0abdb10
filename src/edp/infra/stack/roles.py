"""Roles: each may do what its code does, to the resources that it does it to, and no more.

A wildcard in a resource stands in the template beside its reason, under the metadata `Wildcards`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.infra.stack.site import Site

WILDCARDS: Final = "Wildcards"
_KEY_USE: Final = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True)
class Grant:
    """Actions on resources; `why` is the reason for every wildcard among these."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str = ""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def wildcards(self) -> list[str]:
        """The resources that stand for more than one."""
        return [one for one in self.resources if "*" in one]


def role(site: Site, name: str, service: str, grants: Sequence[Grant], *, title: str) -> iam.Role:
    """The role `name` of an AWS service, with one policy of `grants`."""
    given = [*grants, *_key(site)]
    made = iam.Role(
        site.stack,
        title,
        role_name=name,
        assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com"),
        description=f"Least rights of {name}",
        inline_policies={
            "least": iam.PolicyDocument(statements=[_statement(grant) for grant in given])
        },
    )
    _explain(made, given)
    return made


def _statement(grant: Grant) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(grant.actions),
        resources=[filled(one) for one in grant.resources],
        conditions={operator: dict(keys) for operator, keys in grant.conditions.items()},
    )


def _key(site: Site) -> list[Grant]:
    return [Grant(_KEY_USE, (site.key.key_arn,))] if site.key else []


def _explain(made: iam.Role, grants: Sequence[Grant]) -> None:
    reasons = {one: grant.why for grant in grants for one in grant.wildcards}
    if not reasons:
        return
    resource = cast("cdk.CfnResource", made.node.default_child)
    resource.add_metadata(
        WILDCARDS, [{"resource": filled(one), "why": why} for one, why in reasons.items()]
    )
    for one, why in reasons.items():
        shown = one.replace("${", "<").replace("}", ">")
        acknowledge(made, f"IAM5[Resource::{shown}]", why)
