"""What code needs to do its part, as grants: to read the source, to keep the ledger, to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edp.infra.stack.ledger import INDEXES
from edp.infra.stack.roles import Grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_sqs as sqs

    from edp.core.contract import S3Url
    from edp.infra.stack.site import Site

_OBJECTS: Final = "Objects come and go under the prefix; their keys are not known beforehand."
_READ: Final = ("s3:GetObject", "s3:GetObjectVersion")
_WRITE: Final = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")


def reads_source(site: Site) -> list[Grant]:
    """Read objects of the source, in the version that an event names.

    Without the right to list, S3 says of an object that is gone that it is forbidden.
    """
    return _objects(site.aws.source, _READ)


def lists_source(site: Site) -> list[Grant]:
    """List the source, with the versions of a bucket that keeps them."""
    bucket = f"arn:${{AWS::Partition}}:s3:::{site.aws.source.bucket}"
    return [
        Grant(("s3:ListBucketVersions",), (bucket,), conditions=_under(site.aws.source)),
        Grant(("s3:GetBucketVersioning",), (bucket,)),
    ]


def reads_target(site: Site) -> list[Grant]:
    """Read the tables' files, and list them."""
    return _objects(site.aws.target, _READ)


def publishes(site: Site) -> list[Grant]:
    """Put files into the tables, read them to write them anew, and take out what was replaced."""
    return _objects(site.aws.target, ("s3:GetObject", *_WRITE))


def tidies(site: Site) -> list[Grant]:
    """Take out of the tables what was replaced, or came to no commit."""
    return _objects(site.aws.target, ("s3:DeleteObject",))


def works(site: Site) -> list[Grant]:
    """Use the work bucket."""
    bucket = f"arn:${{AWS::Partition}}:s3:::{site.names.work}"
    return [
        Grant(
            ("s3:GetObject", *_WRITE),
            (f"{bucket}/*",),
            why="The bucket holds nothing but this work.",
        ),
        Grant(("s3:ListBucket",), (bucket,)),
    ]


def reads_artefacts(site: Site) -> list[Grant]:
    """Read the wheel and the script that a job is made of."""
    bucket = f"arn:${{AWS::Partition}}:s3:::{site.names.artefacts}"
    keys = (site.artefacts.wheel, site.artefacts.script)
    return [Grant(("s3:GetObject",), tuple(f"{bucket}/{key}" for key in keys))]


def reads_secrets(arns: Sequence[str]) -> list[Grant]:
    """Read secrets, by their whole ARNs."""
    return [Grant(("secretsmanager:GetSecretValue",), tuple(arns))] if arns else []


def keeps_ledger(site: Site) -> list[Grant]:
    """Read and write the ledger's items; never the table itself, and never a scan of it."""
    table = site.arn("dynamodb", f"table/{site.names.ledger}")
    items = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")
    return [
        Grant((*(f"dynamodb:{one}" for one in items), "dynamodb:Query"), (table,)),
        Grant(("dynamodb:Query",), tuple(f"{table}/index/{index}" for index in INDEXES)),
    ]


def consumes(queue: sqs.Queue) -> list[Grant]:
    """Take messages out of a queue."""
    actions = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes")
    return [Grant(tuple(f"sqs:{one}" for one in actions), (queue.queue_arn,))]


def keeps_letters(dead: sqs.Queue) -> list[Grant]:
    """Add dead letters, look through them, and forget those whose reason is gone."""
    actions = ("SendMessage", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage")
    return [Grant(tuple(f"sqs:{one}" for one in actions), (dead.queue_arn,))]


def sends(*queues: sqs.Queue) -> list[Grant]:
    """Put messages into queues."""
    return [Grant(("sqs:SendMessage",), tuple(queue.queue_arn for queue in queues))]


def tells(site: Site) -> list[Grant]:
    """Put EDP's own events on its bus."""
    return [Grant(("events:PutEvents",), (site.arn("events", f"event-bus/{site.names.bus}"),))]


def starts_jobs(site: Site) -> list[Grant]:
    """Start runs of the job."""
    return _job(site, "StartJobRun")


def asks_jobs(site: Site) -> list[Grant]:
    """Ask for runs of the job."""
    return _job(site, "GetJobRun", "GetJobRuns")


def _job(site: Site, *actions: str) -> list[Grant]:
    if site.aws.engine == "lambda":
        return []
    job = site.arn("glue", f"job/{site.names.job}")
    return [Grant(tuple(f"glue:{one}" for one in actions), (job,))]


def asks_alarms(site: Site) -> list[Grant]:
    """Ask for the states of the pipeline's alarms."""
    return [
        Grant(
            ("cloudwatch:DescribeAlarms",),
            (site.arn("cloudwatch", "alarm:*"),),
            why="Alarms are asked for by how their names begin, which IAM takes for all of them.",
        )
    ]


def starts_crawls(site: Site) -> list[Grant]:
    """Start the crawler."""
    if site.aws.catalog == "direct":
        return []
    return [Grant(("glue:StartCrawler",), (site.arn("glue", f"crawler/{site.names.crawler}"),))]


def shows(site: Site) -> list[Grant]:
    """Show tables to readers, where no crawler does."""
    if site.aws.catalog == "crawler":
        return []
    actions = (
        "GetTable",
        "CreateTable",
        "UpdateTable",
        "GetPartitions",
        "BatchCreatePartition",
        "BatchUpdatePartition",
        "BatchDeletePartition",
    )
    return _catalog(site, actions)


def calls(site: Site, *modules: str) -> list[Grant]:
    """Call other functions."""
    functions = (f"function:{site.names.function(module)}" for module in modules)
    return [Grant(("lambda:InvokeFunction",), tuple(site.arn("lambda", one) for one in functions))]


def keeps_catalog(site: Site) -> list[Grant]:
    """Read and write tables and partitions of the pipeline's database, as a crawl does."""
    actions = (
        "GetDatabase",
        "GetTable",
        "GetTables",
        "CreateTable",
        "UpdateTable",
        "GetPartition",
        "GetPartitions",
        "BatchGetPartition",
        "CreatePartition",
        "BatchCreatePartition",
        "UpdatePartition",
        "BatchUpdatePartition",
        "BatchDeletePartition",
    )
    return _catalog(site, actions)


def _catalog(site: Site, actions: Sequence[str]) -> list[Grant]:
    database = site.names.database
    resources = ("catalog", f"database/{database}", f"table/{database}/*")
    return [
        Grant(
            tuple(f"glue:{one}" for one in actions),
            tuple(site.arn("glue", one) for one in resources),
            why="Files bring new tables; all are in the pipeline's own database.",
        )
    ]


def _objects(place: S3Url, actions: Sequence[str]) -> list[Grant]:
    bucket = f"arn:${{AWS::Partition}}:s3:::{place.bucket}"
    return [
        Grant(tuple(actions), (f"{bucket}/{place.prefix}*",), why=_OBJECTS),
        Grant(("s3:ListBucket",), (bucket,), conditions=_under(place)),
    ]


def _under(place: S3Url) -> dict[str, dict[str, list[str]]]:
    """The condition that no more than the place is listed."""
    return {"StringLike": {"s3:prefix": [f"{place.prefix}*"]}} if place.prefix else {}
