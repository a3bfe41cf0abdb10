"""What the synthesised template says: the whole flow, one hop after the other, and its rules."""

from __future__ import annotations

import json
import subprocess
import sys
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edp.backends.dynamo import DEFINITION
from edp.core.contract import Config
from edp.core.errors import ConfigError
from edp.core.resources import FUNCTIONS, Names
from edp.infra import app
from edp.pipeline.watched import watched
from tests.infra.templates import (
    ARTEFACTS,
    RENAMED,
    SHOP,
    SNAPSHOT,
    contract,
    listed,
    points,
    shown,
)

if TYPE_CHECKING:
    from tests.infra.templates import Template

REGIONAL = "${AWS::Region}:${AWS::AccountId}"
SOURCE = "arn:${AWS::Partition}:s3:::edp-source-09022025/source_files/*"
PUT = "s3:PutObject"
TARGET = "arn:${AWS::Partition}:s3:::edp-target-09022025/target/*"
WORK_NAME = {"Fn::Sub": "shop-work-${AWS::AccountId}-${AWS::Region}"}
WORK = "arn:${AWS::Partition}:s3:::shop-work-${AWS::AccountId}-${AWS::Region}/*"


def polled(template: Template, queue: str) -> dict[str, Any]:
    """The event source that reads a queue."""
    (found,) = [
        one
        for one in template.of("Lambda::EventSourceMapping").values()
        if points(one["EventSourceArn"]) == queue
    ]
    return found


def environment(template: Template, function: str) -> dict[str, Any]:
    given: dict[str, Any] = template.properties(function)["Environment"]["Variables"]
    return given


def prefixes(configuration: dict[str, Any]) -> dict[str, str]:
    rules = configuration["Filter"]["S3Key"]["Rules"]
    return {rule["Name"]: rule["Value"] for rule in rules}


def ending(template: Template, detail_type: str) -> list[dict[str, Any]]:
    """The rules that pick a kind of event."""
    rules = template.of("Events::Rule").values()
    return [r for r in rules if r.get("EventPattern", {}).get("detail-type") == [detail_type]]


# --- the flow -------------------------------------------------------------------------------------


def test_a_new_object_of_the_source_reaches_the_etl_function(shop: Template) -> None:
    bucket = shop.one("S3::Bucket", BucketName="edp-source-09022025")
    (told,) = shop.properties(bucket)["NotificationConfiguration"]["TopicConfigurations"]
    (subscription,) = [s for s in shop.of("SNS::Subscription").values() if s["Protocol"] == "sqs"]
    queue = points(subscription["Endpoint"])
    event_source = polled(shop, queue)

    assert told["Event"] == "s3:ObjectCreated:*"
    assert prefixes(told) == {"prefix": "source_files/"}
    assert points(told["Topic"]) == points(subscription["TopicArn"])
    assert subscription["RawMessageDelivery"] is True
    assert points(event_source["FunctionName"]) == shop.function("etl")
    assert event_source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event_source["MaximumBatchingWindowInSeconds"] == 1
    assert event_source["ScalingConfig"] == {"MaximumConcurrency": 10}


def test_the_etl_function_starts_the_job(shop: Template) -> None:
    etl = shop.function("etl")
    job = shop.properties(shop.one("Glue::Job", GlueVersion="5.1"))

    assert environment(shop, etl)["EDP_JOB"] == job["Name"]
    assert shop.may(etl, "glue:StartJobRun") == {
        f"arn:${{AWS::Partition}}:glue:{REGIONAL}:job/{job['Name']}"
    }
    assert job["JobRunQueuingEnabled"] is True
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 10}
    assert job["MaxRetries"] == 0


def test_the_jobs_end_reaches_who_publishes_into_the_target(shop: Template) -> None:
    job_events, settle = shop.function("job_events"), shop.function("settle")
    job = shop.properties(shop.one("Glue::Job"))
    job_role = points(job["Role"])
    ends = ending(shop, "Glue Job State Change")

    states = {s for rule in ends for s in rule["EventPattern"]["detail"]["state"]}
    called = [points(rule["Targets"][0]["Arn"]) for rule in ends]

    assert states == {"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"}
    assert called == [job_events, job_events]
    assert all(r["EventPattern"]["detail"]["jobName"] == [job["Name"]] for r in ends)
    assert shop.may(job_role, "s3:PutObject") == {WORK}
    assert shop.may(job_role, "s3:GetObject") >= {SOURCE, WORK}
    assert shop.may(job_events, "lambda:InvokeFunction") == {
        f"arn:${{AWS::Partition}}:lambda:{REGIONAL}:function:shop-settle"
    }
    assert shop.properties(settle)["FunctionName"] == "shop-settle"
    assert TARGET in shop.may(settle, "s3:PutObject")


def test_what_is_published_is_crawled_into_the_catalog(shop: Template) -> None:
    bucket = shop.one("S3::Bucket", BucketName="edp-target-09022025")
    (told,) = shop.properties(bucket)["NotificationConfiguration"]["QueueConfigurations"]
    function = points(polled(shop, points(told["Queue"]))["FunctionName"])
    crawler = shop.properties(shop.one("Glue::Crawler"))
    database = shop.properties(shop.one("Glue::Database"))["DatabaseInput"]["Name"]

    assert prefixes(told) == {"prefix": "target/", "suffix": ".parquet"}
    assert function == shop.function("crawler")
    assert environment(shop, function)["EDP_CRAWLER"] == crawler["Name"]
    assert shop.may(function, "glue:StartCrawler") == {
        f"arn:${{AWS::Partition}}:glue:{REGIONAL}:crawler/{crawler['Name']}"
    }
    assert [t["Path"] for t in crawler["Targets"]["S3Targets"]] == [
        "s3://edp-target-09022025/target/"
    ]
    assert json.loads(crawler["Configuration"])["Grouping"]["TableLevelConfiguration"] == 3
    assert crawler["DatabaseName"] == database == "shop"


def test_tables_are_asked_under_a_limit(shop: Template) -> None:
    group = shop.properties(shop.one("Athena::WorkGroup"))["WorkGroupConfiguration"]

    assert group["BytesScannedCutoffPerQuery"] == 10_000_000_000
    assert group["EnforceWorkGroupConfiguration"] is True


def test_the_ends_of_crawls_reach_who_starts_the_next(shop: Template) -> None:
    rules = ending(shop, "Glue Crawler State Change")

    assert {s for r in rules for s in r["EventPattern"]["detail"]["state"]} == {
        "Succeeded",
        "Failed",
    }
    assert {points(r["Targets"][0]["Arn"]) for r in rules} == {shop.function("crawler_events")}


def test_the_clock_calls_the_reconciler(shop: Template) -> None:
    (rule,) = [r for r in shop.of("Events::Rule").values() if "ScheduleExpression" in r]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert [points(t["Arn"]) for t in rule["Targets"]] == [shop.function("reconcile")]


def test_the_ledgers_table_is_the_one_that_the_ledger_asks_for(shop: Template) -> None:
    made = shop.properties(shop.one("DynamoDB::Table", TableName="shop-ledger"))

    for name, asked in DEFINITION.items():
        key = "AttributeName" if name == "AttributeDefinitions" else "IndexName"
        if name in ("AttributeDefinitions", "GlobalSecondaryIndexes"):
            assert sorted(made[name], key=itemgetter(key)) == sorted(asked, key=itemgetter(key))
        else:
            assert made[name] == asked


def test_the_current_catalog_never_expires(shop: Template) -> None:
    catalog = environment(shop, shop.function("etl"))["EDP_CATALOG"]
    work = shop.properties(shop.one("S3::Bucket", BucketName=WORK_NAME))

    rules = work["LifecycleConfiguration"]["Rules"]

    assert shown(catalog) == "s3://shop-work-${AWS::AccountId}-${AWS::Region}/catalog/"
    assert {r["Prefix"] for r in rules if "ExpirationInDays" in r} == {
        "athena/", "staged/", "temporary/",
    }  # fmt: skip
    assert {r["Prefix"] for r in rules if "NoncurrentVersionExpiration" in r and "Prefix" in r} == {
        "catalog/", "staged/",
    }  # fmt: skip


# --- people ---------------------------------------------------------------------------------------


def alerts(template: Template) -> str:
    return template.one("SNS::Topic", TopicName="shop-alerts")


def test_jobs_and_crawls_that_end_are_told_to_people(shop: Template) -> None:
    ends = [r for r in shop.of("Events::Rule").values() if r.get("EventPattern", {}).get("detail")]

    assert len(ends) == 4
    assert all(alerts(shop) in [points(t["Arn"]) for t in rule["Targets"]] for rule in ends)


def test_every_dead_letter_queue_has_an_alarm_that_tells_people(shop: Template) -> None:
    dead = {
        queue["QueueName"]
        for queue in shop.of("SQS::Queue").values()
        if "RedrivePolicy" not in queue
    }
    watching = {
        alarm["Dimensions"][0]["Value"]: alarm
        for alarm in shop.of("CloudWatch::Alarm").values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }

    assert (
        watching.keys() == dead == {"shop-dlq", "shop-crawl-dlq", "shop-undelivered", "shop-untold"}
    )
    for alarm in watching.values():
        assert [points(a) for a in alarm["AlarmActions"]] == [alerts(shop)]
        assert [points(a) for a in alarm["OKActions"]] == [alerts(shop)]
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0, "notBreaching")


def test_every_alarm_of_the_pipeline_is_one_of_cloudwatch(shop: Template) -> None:
    made = {a["AlarmName"]: a for a in shop.of("CloudWatch::Alarm").values()}

    for alarm in (one.alarm for one in watched(contract(SHOP), ())):
        if alarm.metric == "DiskFreeBytes":
            assert alarm.name not in made
            continue
        there = made[alarm.name]
        assert {d["Name"]: d["Value"] for d in there["Dimensions"]} == alarm.dimensions
        assert there.get("Statistic", there.get("ExtendedStatistic")) == alarm.statistic
        assert (there["Threshold"], there["Period"], there["EvaluationPeriods"]) == (
            alarm.threshold,
            alarm.period_s,
            alarm.evaluation_periods,
        )
        assert there["ComparisonOperator"] == alarm.comparison
    assert "shop-freshness-orders" in made


def test_alerts_reach_the_notifier(shop: Template) -> None:
    (subscription,) = [
        s for s in shop.of("SNS::Subscription").values() if s["Protocol"] == "lambda"
    ]
    notifier = shop.function("notifier")

    assert points(subscription["TopicArn"]) == alerts(shop)
    assert points(subscription["Endpoint"]) == notifier
    assert any(
        points(one["FunctionName"]) == notifier and one["Principal"] == "sns.amazonaws.com"
        for one in shop.of("Lambda::Permission").values()
    )


# --- nothing is lost on the way -------------------------------------------------------------------


def senders(template: Template, queue: str) -> set[str]:
    """The services that a queue's policy lets send."""
    return {
        statement["Principal"]["Service"].removesuffix(".amazonaws.com")
        for policy in template.of("SQS::QueuePolicy").values()
        if [points(one) for one in policy["Queues"]] == [queue]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }


@pytest.mark.parametrize("name", ["shop", "bare"])
def test_every_asynchronous_hop_has_a_dead_letter_queue(
    name: str, request: pytest.FixtureRequest
) -> None:
    template: Template = request.getfixturevalue(name)
    event_sources = template.of("Lambda::EventSourceMapping").values()
    reading = {points(one["FunctionName"]) for one in event_sources}

    for one in event_sources:
        redrive = template.properties(points(one["EventSourceArn"]))["RedrivePolicy"]
        assert redrive["maxReceiveCount"] >= 5
    for subscription in template.of("SNS::Subscription").values():
        dead = points(subscription["RedrivePolicy"]["deadLetterTargetArn"])
        assert "sns" in senders(template, dead)
    for rule in template.of("Events::Rule").values():
        for target in rule["Targets"]:
            assert "events" in senders(template, points(target["DeadLetterConfig"]["Arn"]))
    for title, function in template.of("Lambda::Function").items():
        if title in reading:
            assert "DeadLetterConfig" not in function  # the queue it reads from has one
            continue
        dead = points(function["DeadLetterConfig"]["TargetArn"])
        assert f"${{{dead}.Arn}}" in template.may(title, "sqs:SendMessage")


def test_queues_hide_messages_for_longer_than_their_functions_work(shop: Template) -> None:
    for one in shop.of("Lambda::EventSourceMapping").values():
        function = shop.properties(points(one["FunctionName"]))
        queue = shop.properties(points(one["EventSourceArn"]))

        least = 6 * function["Timeout"] + one["MaximumBatchingWindowInSeconds"]
        assert queue["VisibilityTimeout"] >= least
        dead = shop.properties(points(queue["RedrivePolicy"]["deadLetterTargetArn"]))
        assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_what_must_outlive_the_stack_does(shop: Template) -> None:
    kept = {
        title
        for title, one in shop.whole["Resources"].items()
        if one["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
    }
    table = shop.properties(shop.one("DynamoDB::Table"))

    assert len(kept) == 5
    assert all(shop.whole["Resources"][t]["DeletionPolicy"] == "Retain" for t in kept)
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_every_function_has_a_log_that_ends(shop: Template) -> None:
    groups = shop.of("Logs::LogGroup")

    for function in shop.of("Lambda::Function").values():
        group = groups[points(function["LoggingConfig"]["LogGroup"])]
        assert group["RetentionInDays"] == 30
        assert group["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"


# --- rights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop", "bare"])
def test_every_wildcard_has_its_reason_beside_it(name: str, request: pytest.FixtureRequest) -> None:
    template: Template = request.getfixturevalue(name)
    roles = template.of("IAM::Role")

    for title in roles:
        metadata = template.whole["Resources"][title].get("Metadata", {})
        why = {shown(one["resource"]): one["why"] for one in metadata.get("Wildcards", ())}
        wild = set()
        for _, actions, resources in template.statements(title):
            assert not any("*" in action for action in actions)
            wild |= {one for one in resources if "*" in one}
        assert wild == why.keys(), title
        assert all(reason.endswith(".") for reason in why.values())
    assert not template.of("IAM::Policy")
    assert not any("ManagedPolicyArns" in role for role in roles.values())


@pytest.mark.parametrize("name", ["shop", "bare"])
def test_nobody_is_let_in_without_being_named(name: str, request: pytest.FixtureRequest) -> None:
    template: Template = request.getfixturevalue(name)
    kinds = ("SQS::QueuePolicy", "SNS::TopicPolicy", "S3::BucketPolicy")
    policies = [one for kind in kinds for one in template.of(kind).values()]

    statements = [s for one in policies for s in one["PolicyDocument"]["Statement"]]

    assert statements
    for statement in statements:
        if statement["Effect"] == "Deny":
            assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        else:
            assert statement["Principal"].keys() == {"Service"}
            assert not any("*" in action for action in listed(statement["Action"]))


@pytest.mark.parametrize("name", ["shop", "bare"])
def test_only_what_loads_files_may_touch_rows_or_the_mask_key(
    name: str, request: pytest.FixtureRequest
) -> None:
    template: Template = request.getfixturevalue(name)

    for module in FUNCTIONS:
        function, loads = template.function(module), module in ("etl", "settle")
        key = environment(template, function)["EDP_MASK_KEY_SECRET"]
        assert (
            any("target" in one or "/out/" in one for one in template.may(function, PUT)) is loads
        )
        assert bool(key) is (loads and name == "shop")
        if key:
            assert f"${{{points(key)}}}" in template.may(function, "secretsmanager:GetSecretValue")


def test_nobody_may_put_into_the_source_or_take_out_of_it(shop: Template) -> None:
    for title in (*shop.of("IAM::Role"), *shop.of("Lambda::Function")):
        for action in (PUT, "s3:DeleteObject"):
            assert not any("edp-source" in one for one in shop.may(title, action))


def test_a_template_holds_no_secret(assembly: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in assembly.rglob("*.json"))

    assert "a-routing-key" not in text
    assert "a-mask-key" not in text
    assert "shop/variables" in text


def test_every_function_is_one_that_has_a_name(shop: Template) -> None:
    handlers = {f["Handler"] for f in shop.of("Lambda::Function").values()}

    assert handlers == {f"edp.lambdas.{module}.handler" for module in FUNCTIONS}


# --- choices --------------------------------------------------------------------------------------


def test_what_is_adopted_is_not_made(bare: Template) -> None:
    buckets = bare.of("S3::Bucket").values()

    assert [one for one in buckets if "BucketName" in one] == []
    assert not bare.of("DynamoDB::Table")


def test_a_key_of_ones_own_seals_all_that_is_kept(bare: Template) -> None:
    key = bare.one("KMS::Key")
    sealed = {
        "SQS::Queue": "KmsMasterKeyId",
        "SNS::Topic": "KmsMasterKeyId",
        "SecretsManager::Secret": "KmsKeyId",
        "Logs::LogGroup": "KmsKeyId",
        "Lambda::Function": "KmsKeyArn",
    }

    for kind, name in sealed.items():
        assert bare.of(kind)
        assert all(points(one[name]) == key for one in bare.of(kind).values()), kind
    assert all(
        f"${{{key}.Arn}}" in bare.may(title, "kms:GenerateDataKey")
        for title in bare.of("IAM::Role")
    )


def test_without_a_job_and_a_crawler_nothing_may_start_one(bare: Template) -> None:
    assert not bare.of("Glue::Job")
    assert not bare.of("Glue::Crawler")
    for title in bare.of("IAM::Role"):
        assert not bare.may(title, "glue:StartJobRun")
        assert not bare.may(title, "glue:StartCrawler")
    assert bare.may(bare.function("crawler"), "glue:BatchCreatePartition")


# --- as a whole -----------------------------------------------------------------------------------


def test_cfn_lint_has_nothing_to_say(assembly: Path) -> None:
    # W3005: the CDK names some dependencies that a reference implies
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    templates = [str(assembly / f"{name}.template.json") for name in ("shop", "bare")]

    ran = subprocess.run(
        [lint, "--ignore-checks", "W3005", "--regions", "us-east-2", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout == ""
    assert ran.returncode == 0


def test_cdk_nag_and_cloudformation_have_nothing_to_say(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text("utf-8"))

    reports = {one["pluginName"]: one["violations"] for one in report["pluginReports"]}

    assert reports["AwsSolutions"] == []
    assert not any(reports.values())


def test_the_template_is_the_one_that_was_read(shop: Template) -> None:
    """`make docs` writes it anew; the change is there to be read."""
    assert shop.whole == json.loads(SNAPSHOT.read_text("utf-8"))


def test_a_template_under_another_name_differs_by_the_name_alone(
    assembly: Path, shop: Template
) -> None:
    """What is deployed for tests is a template whose name was replaced."""
    other = (assembly / f"{RENAMED}.template.json").read_text("utf-8")

    assert json.loads(other.replace(RENAMED, "shop")) == shop.whole


def test_a_contract_without_aws_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no runtimes\.aws"):
        app.synthesise(Config(), ARTEFACTS, tmp_path)


def test_a_name_that_is_too_long_for_a_bucket_is_told() -> None:
    text = SHOP.replace("name: shop", f"name: {'s' * 31}").replace("us-east-2", "ap-southeast-2")
    config = contract(text)
    assert config.runtimes.aws is not None

    with pytest.raises(ConfigError, match="too long for the buckets of ap-southeast-2"):
        Names(config.name).check(config.runtimes.aws)
