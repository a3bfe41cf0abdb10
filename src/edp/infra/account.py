"""The account that is deployed to: who is asking, and the services that a deployment speaks to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.backends.boto import Service
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_CHINA: Final = "aws-cn"


@dataclass(frozen=True)
class Account:
    """An account's number and a region in it; `service` gives a service there."""

    partition: str
    number: str
    region: str
    service: Callable[[str], Service]

    def filled(self, name: str) -> str:
        """A name with what CloudFormation would fill in."""
        here = {
            "${AWS::Partition}": self.partition,
            "${AWS::AccountId}": self.number,
            "${AWS::Region}": self.region,
        }
        for placeholder, value in here.items():
            name = name.replace(placeholder, value)
        return name

    def arn(self, service: str, name: str) -> str:
        """The ARN of a topic or queue."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{name}"

    def url(self, bucket: str, key: str) -> str:
        """Where CloudFormation reads an object."""
        domain = "amazonaws.com.cn" if self.partition == _CHINA else "amazonaws.com"
        return f"https://{bucket}.s3.{self.region}.{domain}/{key}"


def connect(region: str, service: Callable[[str], Service] | None = None) -> Account:
    """The account whose credentials are set up here; `service` stands in for AWS's own.

    Raises: ConfigError without credentials, or with some that AWS does not take.
    """
    if service is None:

        def service(name: str) -> Service:
            return Service.of(name, region=region)

    try:
        caller = service("sts").get_caller_identity()
    except ConfigError as error:
        raise ConfigError(
            f"no AWS account can be reached from here: {error}. Log in (aws sso login), or set "
            "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without an account, "
            "`edp synth` writes the template for someone who has one"
        ) from error
    return Account(caller["Arn"].split(":")[1], caller["Account"], region, service)
