"""A trial of the receivers: each is told of an incident that is none, and that it is over."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edp.core import clock
from edp.core.alerts import Alert
from edp.core.errors import ConfigError
from edp.notify.port import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.notify.port import Answer, Sink
    from edp.pipeline.alerting import Site


@dataclass(frozen=True)
class Trial:
    """What a sink answered to the beginning and to the end."""

    sink: str
    answers: Sequence[Answer]

    @property
    def passed(self) -> bool:
        """Whether it has both."""
        return all(answer.outcome == "delivered" for answer in self.answers)


def trial(sinks: Mapping[str, Sink], site: Site) -> list[Trial]:
    """Send a test to every sink, and resolve it.

    Raises: ConfigError where there is no sink.
    """
    if not sinks:
        raise ConfigError(
            "there is nobody to tell: give alerts.pagerduty.routing_key or alerts.slack.webhook_url"
            " in edp.yaml"
        )
    return [Trial(name, _answers(sink, site)) for name, sink in sinks.items()]


def _answers(sink: Sink, site: Site) -> list[Answer]:
    now = clock.now()
    alert = Alert(
        dedup_key=site.key("test", secrets.token_hex(4)),
        action="trigger",
        severity="info",
        summary=f"[{site.name}] this is a test; nothing is wrong",
        source=site.place,
        component="notify",
        class_="test",
        facts={"runs at": site.place},
        reasons=("`edp alerts test` was typed",),
        command=site.command("edp alerts list"),
        at=now,
    )
    first = sink.send([Notice(alert, since=now)])
    if first.outcome != "delivered":
        return [first]
    time.sleep(sink.gap_s)
    over = replace(alert, action="resolve", at=clock.now())
    return [first, sink.send([Notice(over, since=now)])]
