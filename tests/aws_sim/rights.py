"""What a role lets its function do, against what the function asked for; moto asks nobody.

Conditions of a statement are passed over: the template's only one of them limits what is listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.aws_sim import REGION
from tests.aws_sim.glue import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.aws_sim.border import Request

    Asked = tuple[str, str]

_HERE: Final = f"{REGION}:{ACCOUNT}"


def refused(requests: Iterable[Request], statements: Iterable[Mapping[str, Any]]) -> set[Asked]:
    """The (action, resource) pairs that no statement allows; every `Effect` is Allow."""
    allowed = [
        (re.compile(_pattern(action)), re.compile(_pattern(resource)))
        for one in statements
        for action in _many(one["Action"])
        for resource in _many(one["Resource"])
    ]
    asked = {pair for request in requests for pair in asks(request)}
    return {
        (action, resource)
        for action, resource in asked
        if not any(a.fullmatch(action) and r.fullmatch(resource) for a, r in allowed)
    }


def asks(request: Request) -> Iterator[Asked]:
    """The actions that a request needs, each on its resource.

    Raises: LookupError for a service that is not known here.
    """
    yield from _ASKS[request.service](request)


def _many(value: Any) -> list[Any]:  # noqa: ANN401 (one or many)
    return value if isinstance(value, list) else [value]


def _pattern(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def _s3(request: Request) -> Iterator[Asked]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    place = f"arn:aws:s3:::{bucket}"
    if not key:
        if request.operation == "POST":
            yield "s3:DeleteObject", f"{place}/*"
        elif "versioning" in request.given:
            yield "s3:GetBucketVersioning", place
        elif "versions" in request.given:
            yield "s3:ListBucketVersions", place
        else:
            yield "s3:ListBucket", place
        return
    if request.source:
        yield "s3:GetObject", f"arn:aws:s3:::{request.source.partition('?')[0].lstrip('/')}"
    reading = request.operation in ("GET", "HEAD")
    action = "GetObject" if reading else "DeleteObject" if request.operation == "DELETE" else ""
    if request.operation == "DELETE" and "uploadId" in request.given:
        action = "AbortMultipartUpload"
    version = "Version" if "versionId" in request.given else ""
    yield f"s3:{action or 'PutObject'}{version if action else ''}", f"{place}/{key}"


_ITEMS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _dynamodb(request: Request) -> Iterator[Asked]:
    given = request.given
    if request.operation.startswith("Transact"):
        for item in given["TransactItems"]:
            for name, one in item.items():
                yield f"dynamodb:{_ITEMS[name]}", _table(one["TableName"])
    elif request.operation.startswith("Batch"):
        for name in given["RequestItems"]:
            yield f"dynamodb:{request.operation}", _table(name)
    else:
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        yield f"dynamodb:{request.operation}", _table(given["TableName"]) + index


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{_HERE}:table/{name}"


def _sqs(request: Request) -> Iterator[Asked]:
    queue = request.given["QueueUrl"].rpartition("/")[2]
    yield f"sqs:{request.operation.removesuffix('Batch')}", f"arn:aws:sqs:{_HERE}:{queue}"


def _glue(request: Request) -> Iterator[Asked]:
    given = request.given
    if "JobName" in given:
        resources = [f"job/{given['JobName']}"]
    elif "Crawler" in request.operation:
        resources = [f"crawler/{given['Name']}"]
    else:
        database = given.get("DatabaseName") or given["Name"]
        table = given.get("TableName") or given.get("TableInput", given).get("Name", "*")
        resources = ["catalog", f"database/{database}", f"table/{database}/{table}"]
    for one in resources:
        yield f"glue:{request.operation}", f"arn:aws:glue:{_HERE}:{one}"


def _events(request: Request) -> Iterator[Asked]:
    for entry in request.given["Entries"]:
        yield "events:PutEvents", f"arn:aws:events:{_HERE}:event-bus/{entry['EventBusName']}"


def _lambda(request: Request) -> Iterator[Asked]:
    name = request.path.split("/")[-2].rpartition(":")[2]
    yield "lambda:InvokeFunction", f"arn:aws:lambda:{_HERE}:function:{name}"


def _secrets(request: Request) -> Iterator[Asked]:
    yield f"secretsmanager:{request.operation}", request.given["SecretId"]


def _sns(request: Request) -> Iterator[Asked]:
    yield f"sns:{request.operation}", request.given["TopicArn"]


def _cloudwatch(request: Request) -> Iterator[Asked]:
    yield f"cloudwatch:{request.operation}", "*"


_ASKS: Final[Mapping[str, Callable[[Request], Iterator[Asked]]]] = {
    "dynamodb": _dynamodb,
    "events": _events,
    "glue": _glue,
    "lambda": _lambda,
    "monitoring": _cloudwatch,
    "s3": _s3,
    "secretsmanager": _secrets,
    "sns": _sns,
    "sqs": _sqs,
}
