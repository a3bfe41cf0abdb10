"""A synthesised template, made real in moto through the services' own operations.

moto's CloudFormation passes over most of a stack and says that it is complete. Here every resource
is made, and one of a type that is not known is an error. boto3 refuses a property that the service
has not, so that none is passed over either.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.aws_sim import REGION, client
from tests.aws_sim.resolving import Made, Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Properties = dict[str, Any]

ACCOUNT: Final = "123456789012"
PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
"""What CloudFormation fills in by itself."""
LEFT_OUT: Final = {
    "AWS::S3::BucketPolicy": "moto passes over conditions, so that a rule for TLS refuses all",
    "AWS::Lambda::EventSourceMapping": "moto takes the messages and calls nobody; `polling` does",
}
"""Types that are not made, and why; the rest of the simulation does what they are for."""


def apply(template: Mapping[str, Any]) -> dict[str, Made]:
    """Make everything that the template describes; the resources by logical id.

    Raises: LookupError for a type that is not known.
    """
    return _Application(template).all()


class _Application:
    def __init__(self, template: Mapping[str, Any]) -> None:
        self._resources = template["Resources"]
        self._done: dict[str, Made] = {}
        self._resolve = Resolver(PSEUDO, self._made)

    def all(self) -> dict[str, Made]:
        for title in self._resources:
            self._made(title)
        return self._done

    def _made(self, title: str) -> Made:
        if title not in self._done:
            resource = self._resources[title]
            for before in resource.get("DependsOn", ()):
                self._made(before)
            kind, given = resource["Type"], resource.get("Properties", {})
            if kind in LEFT_OUT:
                made = Made(title)
            elif kind in _MAKERS:
                made = _MAKERS[kind](title, self._resolve(given))
            else:
                raise LookupError(f"{title}: nothing here makes {kind}")
            self._done[title] = made
        return self._done[title]


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _titled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Tags as a template has them are those of most services."""
    return {name: one for name, one in given.items() if name != "Tags"}


# --- storage --------------------------------------------------------------------------------------


def _bucket(title: str, given: Properties) -> Made:
    s3 = client("s3")
    name = given.pop("BucketName", None) or f"{title.lower()}-{id(given):x}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    settings: dict[str, Callable[[Any], object]] = {
        "BucketEncryption": lambda one: s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                    for rule in one["ServerSideEncryptionConfiguration"]
                ]
            },
        ),
        "LifecycleConfiguration": lambda one: s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [_lifecycle(r) for r in one["Rules"]]}
        ),
        "LoggingConfiguration": lambda one: None,  # noqa: ARG005 (moto wants an ACL for it)
        "NotificationConfiguration": lambda one: s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=_notices(one)
        ),
        "OwnershipControls": lambda one: s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls=one
        ),
        "PublicAccessBlockConfiguration": lambda one: s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=one
        ),
        "VersioningConfiguration": lambda one: s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=one
        ),
    }
    for setting, value in _titled(given).items():
        settings[setting](value)
    return Made(name, {"Arn": f"arn:aws:s3:::{name}"})


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the operation has it; a template has other words for three of its parts."""
    given = dict(rule)
    made: dict[str, Any] = {"Filter": {"Prefix": given.pop("Prefix", "")}}
    if "ExpirationInDays" in given:
        made["Expiration"] = {"Days": given.pop("ExpirationInDays")}
    if "NoncurrentVersionExpiration" in given:
        made["NoncurrentVersionExpiration"] = given.pop("NoncurrentVersionExpiration")
    return made | given


def _notices(given: Mapping[str, Any]) -> dict[str, Any]:
    """A bucket's notifications as the operation has them."""
    return {
        f"{kind}Configurations": [
            {
                f"{kind}Arn": one[kind],
                "Events": [one["Event"]],
                "Filter": {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}},
            }
            for one in given[f"{kind}Configurations"]
        ]
        for kind in ("Topic", "Queue")
        if f"{kind}Configurations" in given
    }


def _table(_: str, given: Properties) -> Made:
    dynamodb = client("dynamodb")
    recovery = given.pop("PointInTimeRecoverySpecification")
    sealed = given.pop("SSESpecification")
    made = dynamodb.create_table(SSESpecification={"Enabled": sealed["SSEEnabled"]}, **given)
    name = made["TableDescription"]["TableName"]
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    return Made(name, {"Arn": made["TableDescription"]["TableArn"]})


def _secret(_: str, given: Properties) -> Made:
    return Made(client("secretsmanager").create_secret(**given)["ARN"])


# --- channels -------------------------------------------------------------------------------------


def _queue(_: str, given: Properties) -> Made:
    name = given.pop("QueueName")
    attributes = {
        key: json.dumps(value) if isinstance(value, dict | bool) else str(value)
        for key, value in _titled(given).items()
    }
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Made(url, {"Arn": _arn("sqs", name), "QueueName": name})


def _queue_policy(title: str, given: Properties) -> Made:
    for url in given["Queues"]:
        policy = {"Policy": json.dumps(given["PolicyDocument"])}
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes=policy)
    return Made(title)


def _topic(_: str, given: Properties) -> Made:
    arn = client("sns").create_topic(Name=given.pop("TopicName"), Attributes=_titled(given))
    return Made(arn["TopicArn"], {"TopicArn": arn["TopicArn"]})


def _topic_policy(title: str, given: Properties) -> Made:
    for arn in given["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(given["PolicyDocument"]),
        )
    return Made(title)


def _subscription(_: str, given: Properties) -> Made:
    place = {name: given.pop(name) for name in ("TopicArn", "Protocol", "Endpoint")}
    attributes = {name: json.dumps(value) for name, value in given.items()}
    made = client("sns").subscribe(**place, Attributes=attributes, ReturnSubscriptionArn=True)
    return Made(made["SubscriptionArn"])


def _bus(_: str, given: Properties) -> Made:
    arn = client("events").create_event_bus(**_titled(given))["EventBusArn"]
    return Made(given["Name"], {"Arn": arn, "Name": given["Name"]})


def _rule(_: str, given: Properties) -> Made:
    events, name = client("events"), given.pop("Name")
    bus = {"EventBusName": given.pop("EventBusName")} if "EventBusName" in given else {}
    targets = given.pop("Targets")
    if "EventPattern" in given:
        given["EventPattern"] = json.dumps(given["EventPattern"])
    arn = events.put_rule(Name=name, **bus, **_titled(given))["RuleArn"]
    events.put_targets(Rule=name, **bus, Targets=targets)
    return Made(name, {"Arn": arn})


# --- work -----------------------------------------------------------------------------------------


def _role(_: str, given: Properties) -> Made:
    iam, name = client("iam"), given.pop("RoleName")
    trust = json.dumps(given.pop("AssumeRolePolicyDocument"))
    policies = given.pop("Policies")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust, Description=given.pop("Description")
    )
    assert not _titled(given), given
    for policy in policies:
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    return Made(name, {"Arn": made["Role"]["Arn"]})


def _layer(_: str, given: Properties) -> Made:
    return Made(client("lambda").publish_layer_version(**given)["LayerVersionArn"])


def _function(_: str, given: Properties) -> Made:
    made = client("lambda").create_function(**_titled(given))
    return Made(made["FunctionName"], {"Arn": made["FunctionArn"]})


def _permission(title: str, given: Properties) -> Made:
    client("lambda").add_permission(StatementId=title, **given)
    return Made(title)


def _job(_: str, given: Properties) -> Made:
    return Made(client("glue").create_job(**_titled(given))["Name"])


def _crawler(_: str, given: Properties) -> Made:
    client("glue").create_crawler(**_titled(given))
    return Made(given["Name"])


def _database(_: str, given: Properties) -> Made:
    client("glue").create_database(**given)
    return Made(given["DatabaseInput"]["Name"])


def _workgroup(_: str, given: Properties) -> Made:
    assert given.pop("RecursiveDeleteOption")  # of the template; the operation has none
    configuration = given.pop("WorkGroupConfiguration")
    client("athena").create_work_group(**_titled(given), Configuration=configuration)
    return Made(given["Name"])


# --- watching -------------------------------------------------------------------------------------


def _log(_: str, given: Properties) -> Made:
    logs, name = client("logs"), given.pop("LogGroupName")
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=given.pop("RetentionInDays"))
    assert not _titled(given), given
    return Made(name, {"Arn": _arn("logs", f"log-group:{name}:*")})


def _alarm(_: str, given: Properties) -> Made:
    client("cloudwatch").put_metric_alarm(**_titled(given))
    return Made(given["AlarmName"], {"Arn": _arn("cloudwatch", f"alarm:{given['AlarmName']}")})


def _dashboard(_: str, given: Properties) -> Made:
    client("cloudwatch").put_dashboard(**given)
    return Made(given["DashboardName"])


_MAKERS: Final[Mapping[str, Callable[[str, Properties], Made]]] = {
    "AWS::Athena::WorkGroup": _workgroup,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::EventBus": _bus,
    "AWS::Events::Rule": _rule,
    "AWS::Glue::Crawler": _crawler,
    "AWS::Glue::Database": _database,
    "AWS::Glue::Job": _job,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SecretsManager::Secret": _secret,
}
"""What makes a resource of a type, of its properties with everything filled in."""
