"""The ledger: custody of every object version until its outcome, and of every run.

One table, rows told apart by their keys `pk` and `sk`. What an index is to have names a group and a
number for it, in attributes that are called as the index is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

if TYPE_CHECKING:
    from edp.infra.stack.site import Site

INDEXES: Final = ("work", "time")
_BRIEF: Final = ["brief"]
"""What the indexes tell of a row."""


def ledger(site: Site) -> None:
    """Make the table, unless the contract adopts one; what is in it outlives the stack."""
    if "ledger" in site.aws.adopt:
        return
    table = dynamodb.Table(
        site.stack,
        "Ledger",
        table_name=site.names.ledger,
        partition_key=_text("pk"),
        sort_key=_text("sk"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED
        if site.key
        else dynamodb.TableEncryption.AWS_MANAGED,
        encryption_key=site.key,
    )
    for index in INDEXES:
        table.add_global_secondary_index(
            index_name=index,
            partition_key=_text(index),
            sort_key=dynamodb.Attribute(name=f"{index}_n", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=_BRIEF,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
