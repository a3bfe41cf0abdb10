"""The ledger: custody of every object version until its outcome, and of every run.

One table, items told apart by their keys `pk` and `sk`. What is still open has `open_pk` and
`open_sk` besides, so that the index `open` lists it and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

if TYPE_CHECKING:
    from edp.infra.stack.site import Site

OPEN: Final = "open"
EXPIRES: Final = "expires_at"


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
        time_to_live_attribute=EXPIRES,
        deletion_protection=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED
        if site.key
        else dynamodb.TableEncryption.AWS_MANAGED,
        encryption_key=site.key,
    )
    table.add_global_secondary_index(
        index_name=OPEN, partition_key=_text("open_pk"), sort_key=_text("open_sk")
    )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
