"""The receivers of alerts that the contract names, and on AWS who tells them."""

from __future__ import annotations

import random
import socket
from functools import partial
from typing import TYPE_CHECKING

from edp.core.contract.alerts import PAGERDUTY_HOSTS
from edp.pipeline.alerting import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edp.core.contract import Config
    from edp.notify.aws import DynamoOutbox
    from edp.notify.port import Answer, Delivery, Sink
    from edp.notify.transport import Way
    from edp.pipeline.notifier import Notifier

_LEVELS = {"delivered": "info", "later": "warning", "refused": "error"}


def site(config: Config, path: Path) -> Site:
    """What alerts say of where they come from."""
    workspace = path.resolve()
    return Site(config.name, f"{socket.gethostname()}:{workspace}", str(workspace))


def notifier(
    config: Config,
    outbox: DynamoOutbox,
    *,
    region: str,
    run_of: Callable[[str], str | None],
    running: Callable[[str], bool],
) -> Notifier:
    """Who tells people on AWS; `run_of` and `running` are asked about jobs that failed."""
    from edp.pipeline.deliver import Courier
    from edp.pipeline.notifier import Notifier

    courier = partial(Courier, outbox, jitter=random.random, heard=_log)
    return Notifier(
        outbox,
        config,
        Site(config.name, f"AWS {region}", on="aws"),
        [courier(name, sink) for name, sink in sinks(config, None).items()],
        run_of,
        running,
    )


def _log(sink: str, deliveries: Sequence[Delivery], answer: Answer) -> None:
    """Log what became of deliveries: what a sink says has no secret in it."""
    from edp.wiring.log import logger

    for one in deliveries:
        alert = one.notice.alert
        getattr(logger(), _LEVELS[answer.outcome])(
            f"alert {answer.outcome}",
            sink=sink,
            action=alert.action,
            dedup_key=alert.dedup_key,
            event_id=alert.event_id,
            said=answer.said,
        )


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
