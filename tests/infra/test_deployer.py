"""Whoever has the rights that the page on deploying names can make what the template has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.aws_sim.applying import PSEUDO
from tests.docs.deployer import allowed
from tests.infra.templates import SNAPSHOT, Template, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = "us-east-2:123456789012"
RIGHTS: Final = {
    "Athena::WorkGroup": ("athena:CreateWorkGroup", f"athena:{HERE}:workgroup/", "Name"),
    "CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", f"cloudwatch:{HERE}:alarm:", "AlarmName"),
    "CloudWatch::Dashboard": (
        "cloudwatch:PutDashboard",
        "cloudwatch::123456789012:dashboard/",
        "DashboardName",
    ),
    "DynamoDB::Table": ("dynamodb:CreateTable", f"dynamodb:{HERE}:table/", "TableName"),
    "Events::EventBus": ("events:CreateEventBus", f"events:{HERE}:event-bus/", "Name"),
    "Events::Rule": ("events:PutRule", f"events:{HERE}:rule/", "Name"),
    "Glue::Crawler": ("glue:CreateCrawler", f"glue:{HERE}:crawler/", "Name"),
    "Glue::Job": ("glue:CreateJob", f"glue:{HERE}:job/", "Name"),
    "IAM::Role": ("iam:CreateRole", "iam::123456789012:role/", "RoleName"),
    "Lambda::Function": ("lambda:CreateFunction", f"lambda:{HERE}:function:", "FunctionName"),
    "Lambda::LayerVersion": ("lambda:PublishLayerVersion", f"lambda:{HERE}:layer:", "LayerName"),
    "Logs::LogGroup": ("logs:CreateLogGroup", f"logs:{HERE}:log-group:", "LogGroupName"),
    "S3::Bucket": ("s3:CreateBucket", "s3:::", "BucketName"),
    "SNS::Topic": ("sns:CreateTopic", f"sns:{HERE}:", "TopicName"),
    "SQS::Queue": ("sqs:CreateQueue", f"sqs:{HERE}:", "QueueName"),
    "SecretsManager::Secret": (
        "secretsmanager:CreateSecret",
        f"secretsmanager:{HERE}:secret:",
        "Name",
    ),
}
"""For each type of resource: the right that making one needs, on an ARN and one of its names."""
OF_OTHERS: Final = {
    "Glue::Database": ("glue:CreateDatabase", f"glue:{HERE}:database/shop"),
    "Lambda::EventSourceMapping": ("lambda:CreateEventSourceMapping", "*"),
    "Lambda::Permission": ("lambda:AddPermission", f"lambda:{HERE}:function:shop-etl"),
    "S3::BucketPolicy": ("s3:PutBucketPolicy", "s3:::edp-source-09022025"),
    "SNS::Subscription": ("sns:Subscribe", f"sns:{HERE}:shop-source"),
    "SNS::TopicPolicy": ("sns:SetTopicAttributes", f"sns:{HERE}:shop-alerts"),
    "SQS::QueuePolicy": ("sqs:SetQueueAttributes", f"sqs:{HERE}:shop-queue"),
}
"""The same for types without a name of their own: the right, and an ARN that it is used on."""


def made() -> Iterator[tuple[str, str, str]]:
    """Each named resource of the template: its type, the right, and its ARN."""
    template = Template.read(SNAPSHOT)
    for kind, (action, place, name) in RIGHTS.items():
        for title, given in template.of(kind).items():
            # CloudFormation makes a name where there is none, and starts it as the stack's
            called = shown(given[name]) if name in given else f"shop-{title.lower()}-1a2b3c"
            for word, value in PSEUDO.items():
                called = called.replace(f"${{{word}}}", value)
            yield kind, action, f"arn:aws:{place}{called}"
    for kind, (action, arn) in OF_OTHERS.items():
        yield kind, action, arn if arn == "*" else f"arn:aws:{arn}"


@pytest.mark.parametrize(("kind", "action", "arn"), list(made()))
def test_a_deployer_may_make_what_the_template_names(kind: str, action: str, arn: str) -> None:
    names = {"my_source": "edp-source-09022025", "my_target": "edp-target-09022025"}

    assert allowed(action, arn, **names), kind
    others = arn.replace("shop", "shed").replace("edp-", "other-")
    assert others == arn or not allowed(action, others, **names)


def test_every_type_of_the_template_is_looked_at() -> None:
    resources = Template.read(SNAPSHOT).whole["Resources"].values()

    kinds = {one["Type"].removeprefix("AWS::") for one in resources}

    assert kinds == RIGHTS.keys() | OF_OTHERS.keys()
