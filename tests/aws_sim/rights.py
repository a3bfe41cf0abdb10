"""What a role lets its function do, against what the function asked for; moto asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.aws_sim import REGION
from tests.aws_sim.glue import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tests.aws_sim.border import Request

    Asked = tuple[str, str]

_HERE: Final = f"{REGION}:{ACCOUNT}"


def refused(requests: Iterable[Request], statements: Iterable[Mapping[str, Any]]) -> set[Asked]:
    """The (action, resource) pairs that no statement allows; every `Effect` is Allow."""
    allowed = [_Allowed.of(one) for one in statements]
    return {
        pair
        for request in requests
        for pair in asks(request)
        if not any(one.lets(*pair, request) for one in allowed)
    }


@dataclass(frozen=True)
class _Allowed:
    """A statement; `prefixes` are those that it lets one list, where it says so."""

    actions: Sequence[re.Pattern[str]]
    resources: Sequence[re.Pattern[str]]
    prefixes: Sequence[re.Pattern[str]] | None

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> _Allowed:
        conditions = dict(statement.get("Condition", {}))
        prefixes = conditions.pop("StringLike", {}).get("s3:prefix")
        assert not conditions, f"nothing here knows of {conditions}"
        return cls(
            _patterns(statement["Action"]),
            _patterns(statement["Resource"]),
            None if prefixes is None else _patterns(prefixes),
        )

    def lets(self, action: str, resource: str, request: Request) -> bool:
        """Whether the statement allows it."""
        return (
            any(one.fullmatch(action) for one in self.actions)
            and any(one.fullmatch(resource) for one in self.resources)
            and (
                self.prefixes is None
                or any(one.fullmatch(request.given.get("prefix", "")) for one in self.prefixes)
            )
        )


def asks(request: Request) -> Iterator[Asked]:
    """The actions that a request needs, each on its resource.

    Raises: LookupError for a service that is not known here.
    """
    yield from _ASKS[request.service](request)


def _patterns(given: str | list[str]) -> list[re.Pattern[str]]:
    """What IAM matches with one or many texts, `*` standing for any characters."""
    texts = given if isinstance(given, list) else [given]
    return [re.compile(re.escape(text).replace(r"\*", ".*")) for text in texts]


def _s3(request: Request) -> Iterator[Asked]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    place = f"arn:aws:s3:::{bucket}"
    if not key:
        if "delete" in request.given:
            for one in request.given["Keys"]:
                yield "s3:DeleteObject", f"{place}/{one}"
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
    alarms = f"arn:aws:cloudwatch:{_HERE}:alarm:*"
    yield (
        f"cloudwatch:{request.operation}",
        alarms if request.operation == "DescribeAlarms" else "*",
    )


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
