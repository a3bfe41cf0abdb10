"""The receivers of alerts that the contract names."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from edp.core.contract.alerts import PAGERDUTY_HOSTS
from edp.pipeline.alerting import Site

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.contract import Config
    from edp.notify.port import Sink
    from edp.notify.transport import Way


def site(config: Config, path: Path) -> Site:
    """What alerts say of where they come from."""
    workspace = path.resolve()
    return Site(config.name, f"{socket.gethostname()}:{workspace}", str(workspace))


def sinks(config: Config, way: Way | None) -> dict[str, Sink]:
    """A sink for each receiver; `way` is how hosts are found and trusted, if not as usual."""
    settings = config.alerts
    if not settings.sinks:
        return {}
    from edp.notify.pagerduty import Pagerduty
    from edp.notify.slack import Slack
    from edp.notify.transport import Transport, Way

    found: dict[str, Sink] = {}
    secrets: list[str] = []
    transport = Transport(settings.allowed_hosts, secrets, way or Way())
    if settings.pagerduty is not None:
        key, host = settings.pagerduty.routing_key, PAGERDUTY_HOSTS[settings.pagerduty.region]
        secrets.append(key.get_secret_value())
        found["pagerduty"] = Pagerduty(transport, host, key, group=config.name)
    if settings.slack is not None:
        url = settings.slack.webhook_url
        secrets += [url.get_secret_value(), *filter(None, [_path(url.get_secret_value())])]
        found["slack"] = Slack(transport, url)
    return found


def _path(url: str) -> str:
    """What of a webhook's address is secret: all that follows the host."""
    return url.split("/", 3)[3] if url.count("/") > 2 else ""  # noqa: PLR2004 (https://host/...)
