"""Who is told, and of what; keys and addresses are secret, and no error quotes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from edp.core.alerts import Severity
from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import Duration, Names

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
PAGERDUTY_HOSTS: Final = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
"""Region of an account to the host that takes its events."""

SinkName = Literal["pagerduty", "slack"]


def _filled(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise invalid("empty", "give the secret by ${NAME}, or remove the setting")
    return secret


def _https(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("https://"):
        raise invalid("not an https URL", "write e.g. https://hooks.slack.com/services/...")
    return secret


class Pagerduty(Settings):
    """An Events API v2 integration, and where its account is."""

    routing_key: Annotated[SecretStr, AfterValidator(_filled)] = Field(
        examples=["${PAGERDUTY_ROUTING_KEY}"]
    )
    region: Literal["us", "eu"] = "us"


class Slack(Settings):
    """An incoming webhook."""

    webhook_url: Annotated[SecretStr, AfterValidator(_https)] = Field(
        examples=["${SLACK_WEBHOOK_URL}"]
    )


class Route(Settings):
    """Alerts of these datasets and severities go to `to` alone; what is not given fits all."""

    datasets: Names = ()
    severities: tuple[Severity, ...] = ()
    to: tuple[SinkName, ...]


class Alerts(Settings):
    """The receivers, None where the contract has none, and what each of them gets.

    Of `routes` the first that fits decides. Successes are summed up and told once in `digest`. So
    many `samples` of a file's rejected rows go along, none unless they are asked for.
    """

    pagerduty: Pagerduty | None = None
    slack: Slack | None = None
    hosts: Names = ()
    routes: tuple[Route, ...] = ()
    digest: Annotated[Duration, Field(ge=timedelta(minutes=1))] = timedelta(hours=1)
    samples: Annotated[int, Field(ge=0, le=5)] = 0

    @property
    def sinks(self) -> tuple[SinkName, ...]:
        """The receivers that there are."""
        return tuple(self._sinks())

    def _sinks(self) -> Iterator[SinkName]:
        if self.pagerduty is not None:
            yield "pagerduty"
        if self.slack is not None:
            yield "slack"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Every host that alerts may be posted to."""
        return frozenset({*SLACK_HOSTS, *PAGERDUTY_HOSTS.values(), *self.hosts})

    @model_validator(mode="after")
    def _known(self) -> "Alerts":
        for n, route in enumerate(self.routes):
            for sink in route.to:
                if sink not in self.sinks:
                    raise invalid(
                        f"there is no {sink}", f"add alerts.{sink}", at=("routes", n, "to")
                    )
        if self.slack is not None:
            url = self.slack.webhook_url.get_secret_value()
            if _host(url) not in self.allowed_hosts:
                raise invalid(
                    "its host is not Slack's",
                    "name the host in alerts.hosts if it is meant",
                    at=("slack", "webhook_url"),
                )
        return self


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
