"""The rights that a page says a deployer needs, as IAM would read them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from tests.aws_sim import REGION
from tests.aws_sim.applying import ACCOUNT
from tests.docs.pages import DOCS, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.aws_sim.recording import Call

_PAGE: Final = DOCS / "how-to" / "deploy-to-aws.md"
_OTHERWISE: Final = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Actions that are not called as their operations."""
_FREE: Final = frozenset({"sts:GetCallerIdentity"})
"""What needs no right."""


def allowed(action: str, arn: str, **names: str) -> bool:
    """Whether the page's policy lets one do this; `names` are put in the place of the page's."""
    (text,) = blocks(_PAGE, "json")
    for before, name in names.items():
        text = text.replace(before.replace("_", "-"), name)
    return any(
        any(_matches(one, action) for one in _many(statement["Action"]))
        and any(_matches(one, arn) for one in _many(statement["Resource"]))
        for statement in json.loads(text)["Statement"]
    )


def asked(calls: list[Call], stack: str) -> Iterator[tuple[str, str]]:
    """The actions that calls of a deployment need, and the resources that they need them on."""
    for call in calls:
        action = f"{call.service}:{call.operation}"
        if action not in _FREE:
            yield _OTHERWISE.get(action, action), _resource(call, stack)


def _resource(call: Call, stack: str) -> str:
    given: Mapping[str, str] = call.given
    match call.service:
        case "s3":
            key = f"/{given['Key']}" if "Key" in given else ""
            return f"arn:aws:s3:::{given['Bucket']}{key}"
        case "cloudformation":
            return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/1"
        case "secretsmanager":
            return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{given['SecretId']}-a1b2c3"
    raise LookupError(f"nothing here knows what {call.service}:{call.operation} is done to")


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def _many(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
