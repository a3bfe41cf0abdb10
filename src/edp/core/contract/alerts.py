"""Who is told; everything here is secret, and no error quotes it."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings


def _filled(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise invalid("empty", "give the secret by ${NAME}, or remove the setting")
    return secret


def _https(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("https://"):
        raise invalid("not an https URL", "write e.g. https://hooks.slack.com/services/...")
    return secret


class Pagerduty(Settings):
    """An Events API v2 integration."""

    routing_key: Annotated[SecretStr, AfterValidator(_filled)] = Field(
        examples=["${PAGERDUTY_ROUTING_KEY}"]
    )


class Slack(Settings):
    """An incoming webhook."""

    webhook_url: Annotated[SecretStr, AfterValidator(_https)] = Field(
        examples=["${SLACK_WEBHOOK_URL}"]
    )


class Alerts(Settings):
    """The receivers; None where the contract has none."""

    pagerduty: Pagerduty | None = None
    slack: Slack | None = None
