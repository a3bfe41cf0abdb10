"""What a deployment is made of on AWS: whether it is there, and leads where it should.

Read-only, and each part by itself: one that is missing, or that may not be looked at, keeps no
other from being looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import EdpError
from edp.core.resources import FUNCTIONS, Names
from edp.wiring.doctor.checks import Check, count, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edp.wiring.deployed import Deployed

_DEPLOY: Final = "`edp deploy` makes it again"
_VALUES: Final = "`edp deploy` takes the values from the environment or .env"
_RULES: Final = ("job-succeeded", "job-failed", "crawl-succeeded", "crawl-failed", "reconcile")
_WORKS: Final = frozenset({"ACTIVE", "Active", "UPDATING"})


def examine(here: Deployed) -> list[Check]:
    """Every check of what is deployed, in the order of the flow."""
    names = Names(here.config.name)
    looks: list[tuple[str, Callable[[], Check]]] = [
        ("source bucket", lambda: _source(here)),
        ("source topic", lambda: _topic(here)),
        ("queue", lambda: _queue(here)),
        *((f"function {name}", _function_of(here, names, name)) for name in FUNCTIONS),
        ("messages to functions", lambda: _mappings(here, names)),
        ("ledger", lambda: _ledger(here)),
        *([("job", lambda: _job(here))] if here.jobs else []),
        ("target bucket", lambda: _target(here, names)),
        *([("crawler", lambda: _crawler(here))] if here.crawler else []),
        ("database", lambda: _database(here)),
        ("workgroup", lambda: _workgroup(here)),
        ("rules", lambda: _rules(here, names)),
        ("alarms", lambda: _alarms(here)),
        ("alerts topic", lambda: _alerts(here, names)),
        ("variables", lambda: _secret(here, "variables", needed=True)),
        ("mask key", lambda: _secret(here, "mask-key", needed=_hashes(here))),
        ("dead letters", lambda: _letters(here)),
        ("schedule", lambda: _schedule(here)),
    ]
    return [_looked(name, look) for name, look in looks]


def _looked(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except ClientError as error:
        return fail(name, f"{code_of(error)}: {error}", _DEPLOY)
    except EdpError as error:
        return fail(name, str(error), _DEPLOY)


def _source(here: Deployed) -> Check:
    name, place = "source bucket", here.places.source
    found = here.service("s3").get_bucket_notification_configuration(Bucket=place.bucket)
    told = [
        one
        for one in found.get("TopicConfigurations", ())
        if one["TopicArn"] == here.places.arrivals
    ]
    if not any(_created(one["Events"]) for one in told):
        return fail(
            name,
            f"{place.bucket} tells the topic of no new objects",
            f"{_DEPLOY}; of an adopted bucket, add s3:ObjectCreated:* to {here.places.arrivals}",
        )
    versions = here.service("s3").get_bucket_versioning(Bucket=place.bucket).get("Status")
    if versions != "Enabled":
        return warn(
            name,
            f"{place} tells of new objects, and keeps no versions",
            "switch versioning on, so that a file overwritten before it was read is read as it was",
        )
    return ok(name, f"{place} tells of new objects, and keeps versions")


def _created(events: Sequence[str]) -> bool:
    return any(one.startswith("s3:ObjectCreated:") for one in events)


def _topic(here: Deployed) -> Check:
    queue = _attributes(here, here.places.queue)["QueueArn"]
    for one in _subscriptions(here, here.places.arrivals):
        if one["Endpoint"] == queue:
            return ok("source topic", f"hands on to {queue.rpartition(':')[2]}")
    return fail("source topic", f"hands nothing on to {queue}", _DEPLOY)


def _subscriptions(here: Deployed, topic: str) -> Iterator[dict[str, Any]]:
    for page in here.service("sns").pages("list_subscriptions_by_topic", TopicArn=topic):
        yield from page["Subscriptions"]


def _attributes(here: Deployed, url: str) -> dict[str, str]:
    answer = here.service("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    found: dict[str, str] = answer["Attributes"]
    return found


def _queue(here: Deployed) -> Check:
    found = _attributes(here, here.places.queue)
    dead = _attributes(here, here.places.dead_letters)["QueueArn"]
    if dead not in found.get("RedrivePolicy", ""):
        return fail("queue", f"what kills its reader does not go to {dead}", _DEPLOY)
    waiting = int(found["ApproximateNumberOfMessages"])
    return ok("queue", f"{count(waiting, 'message')} waiting")


def _function_of(here: Deployed, names: Names, module: str) -> Callable[[], Check]:
    def look() -> Check:
        name = names.function(module)
        found = here.service("lambda").get_function(FunctionName=name)["Configuration"]
        state = found.get("State", "Active")
        if state not in _WORKS:
            why = found.get("StateReason", "AWS gives no reason")
            return fail(f"function {module}", f"{name} is {state}: {why}", _DEPLOY)
        return ok(f"function {module}", f"{name}, {found['Runtime']}, {found['MemorySize']} MB")

    return look


def _mappings(here: Deployed, names: Names) -> Check:
    name = "messages to functions"
    for module in ("etl", "crawler"):
        function = names.function(module)
        answer = here.service("lambda").list_event_source_mappings(FunctionName=function)
        mappings = answer["EventSourceMappings"]
        if not mappings:
            return fail(name, f"no queue calls {function}", _DEPLOY)
        for one in mappings:
            if one["State"] not in ("Enabled", "Enabling", "Updating", "Creating"):
                way = f"aws lambda update-event-source-mapping --enabled --uuid {one['UUID']}"
                return fail(name, f"the queue of {function} is {one['State']}", way)
            if "ReportBatchItemFailures" not in one.get("FunctionResponseTypes", ()):
                return fail(name, f"{function} cannot say which message failed", _DEPLOY)
    return ok(name, "both queues call their functions")


def _ledger(here: Deployed) -> Check:
    name = here.places.ledger
    dynamodb = here.service("dynamodb")
    state = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
    if state not in _WORKS:
        return fail("ledger", f"the table {name} is {state}", "wait, or look at it in DynamoDB")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if recovery != "ENABLED":
        return warn("ledger", f"{name} cannot be taken back to an earlier time", _DEPLOY)
    return ok("ledger", f"{name}, with point-in-time recovery")


def _job(here: Deployed) -> Check:
    found = here.service("glue").get_job(JobName=here.places.job)["Job"]
    return ok("job", f"{found['Name']}, Glue {found.get('GlueVersion', '?')}")


def _target(here: Deployed, names: Names) -> Check:
    bucket = here.places.target.bucket
    found = here.service("s3").get_bucket_notification_configuration(Bucket=bucket)
    queues = [one["QueueArn"] for one in found.get("QueueConfigurations", ())]
    if not any(arn.endswith(f":{names.crawl_queue}") for arn in queues):
        return fail(
            "target bucket",
            f"{bucket} does not tell {names.crawl_queue} of what is written",
            f"{_DEPLOY}; of an adopted bucket, add s3:ObjectCreated:* to that queue",
        )
    return ok("target bucket", f"{here.places.target} tells of what is written")


def _crawler(here: Deployed) -> Check:
    found = here.service("glue").get_crawler(Name=here.places.crawler)["Crawler"]
    last = found.get("LastCrawl", {})
    if last.get("Status") == "FAILED":
        why = last.get("ErrorMessage", "Glue gives no reason")
        return warn("crawler", f"its last crawl failed: {why}", "look at its log in Glue")
    return ok("crawler", f"{here.places.crawler} is {found['State'].lower()}")


def _database(here: Deployed) -> Check:
    here.service("glue").get_database(Name=here.places.database)
    return ok("database", here.places.database)


def _workgroup(here: Deployed) -> Check:
    found = here.service("athena").get_work_group(WorkGroup=here.places.workgroup)["WorkGroup"]
    if found.get("State", "ENABLED") != "ENABLED":
        return fail("workgroup", f"{here.places.workgroup} is switched off", _DEPLOY)
    return ok("workgroup", here.places.workgroup)


def _rules(here: Deployed, names: Names) -> Check:
    events = here.service("events")
    wanted: list[tuple[str, dict[str, str]]] = [(f"{names.pipeline}-{rule}", {}) for rule in _RULES]
    wanted.append((f"{names.pipeline}-own-events", {"EventBusName": here.places.bus}))
    for rule, bus in wanted:
        state = events.describe_rule(Name=rule, **bus)["State"]
        if state == "DISABLED":
            way = f"aws events enable-rule --name {rule}"
            return fail("rules", f"{rule} is switched off", way)
        if not events.list_targets_by_rule(Rule=rule, **bus)["Targets"]:
            return fail("rules", f"{rule} tells nobody", _DEPLOY)
    return ok("rules", f"{count(len(wanted), 'rule')} on")


def _alarms(here: Deployed) -> Check:
    standing = here.stages.alarms.standing()
    if not standing:
        return fail("alarms", "there are none", _DEPLOY)
    on = sorted(name for name, one in standing.items() if one.state == "ALARM")
    if on:
        way = "`edp --on aws alarms` says what to do"
        return warn("alarms", f"in ALARM: {', '.join(on)}", way)
    return ok("alarms", f"{count(len(standing), 'alarm')}, none of them on")


def _alerts(here: Deployed, names: Names) -> Check:
    notifier = names.function("notifier")
    if any(
        one["Endpoint"].endswith(f":function:{notifier}")
        for one in _subscriptions(here, here.places.alerts)
    ):
        return ok(
            "alerts topic", f"{notifier} tells {', '.join(here.config.alerts.sinks) or 'nobody'}"
        )
    return fail("alerts topic", f"{notifier} is not subscribed: people are told nothing", _DEPLOY)


def _secret(here: Deployed, name: str, *, needed: bool) -> Check:
    title = name.replace("-", " ")
    if not needed:
        return ok(title, "not needed by this contract")
    secret = f"{here.config.name}/{name}"
    found = here.service("secretsmanager").describe_secret(SecretId=secret)
    if not found.get("VersionIdsToStages"):
        return fail(title, f"the secret {secret} has no value", _VALUES)
    return ok(title, f"the secret {secret} has a value")


def _hashes(here: Deployed) -> bool:
    return any(
        column.mask == "sha256"
        for dataset in here.config.datasets.values()
        for column in dataset.columns.values()
    )


def _letters(here: Deployed) -> Check:
    there = int(_attributes(here, here.places.dead_letters)["ApproximateNumberOfMessages"])
    if there:
        way = "`edp --on aws dlq list` says why, and what to do"
        return warn("dead letters", f"some {count(there, 'message')}", way)
    return ok("dead letters", "none")


def _schedule(here: Deployed) -> Check:
    last = here.marked("listing")
    if not last:
        way = "wait five minutes after a deployment; then its log says why"
        return warn("schedule", "the source was not listed yet", way)
    return ok("schedule", f"the last listing took {last['took']:.1f} s")
