"""PagerDuty, by its Events API v2: incidents are opened and resolved, and successes are changes.

Source: PagerDuty developer documentation, "Send an Alert Event", "Send a Change Event", and the
overview's response codes and limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from edp.core import clock
from edp.notify.text import clean, fit, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from edp.core.alerts import Alert
    from edp.notify.port import Answer, Notice
    from edp.notify.transport import Transport

_SUMMARY: Final = 1024
_DETAIL: Final = 2000
_NAME: Final = 200
_LIST: Final = 20
_ACCEPTED: Final = 202


def path(alert: Alert) -> str:
    """Where on the host the alert is posted to."""
    return "/v2/change/enqueue" if alert.action == "change" else "/v2/enqueue"


def payload(notice: Notice, *, routing_key: str, group: str) -> dict[str, Any]:
    """The event that tells `notice`; `group` is the pipeline's name."""
    alert = notice.alert
    if alert.action == "resolve":
        return {
            "routing_key": routing_key,
            "event_action": "resolve",
            "dedup_key": alert.dedup_key,
        }
    body: dict[str, Any] = {
        "summary": fit(one_line(_summary(notice)), _SUMMARY) or group,
        "source": fit(one_line(alert.source), _NAME) or group,
        "timestamp": clock.iso(alert.at),
        "custom_details": _details(notice),
    }
    links = [
        {"href": clean(link.href), "text": fit(one_line(link.text), _NAME)}
        for link in alert.links[:_LIST]
    ]
    if alert.action == "change":
        return {"routing_key": routing_key, "payload": body, "links": links}
    body |= {
        "severity": alert.severity,
        "component": fit(one_line(alert.component), _NAME),
        "group": group,
        "class": fit(one_line(alert.class_), _NAME),
    }
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": alert.dedup_key,
        "payload": body,
        "links": links,
        "client": "edp",
    }


class Pagerduty:
    """One Events API v2 integration."""

    at_once: Final = 1
    gap_s: float = 0.6
    """About 120 calls a minute are taken for one integration key."""

    def __init__(self, transport: Transport, host: str, key: SecretStr, *, group: str) -> None:
        self._transport = transport
        self._host = host
        self._key = key
        self._group = group

    def send(self, notices: Sequence[Notice]) -> Answer:
        """Tell one notice."""
        (notice,) = notices
        content = payload(notice, routing_key=self._key.get_secret_value(), group=self._group)
        reply = self._transport.post(f"https://{self._host}{path(notice.alert)}", content)
        return reply.answer(accepted=_ACCEPTED)


def _summary(notice: Notice) -> str:
    more = notice.alerts - 1
    counted = more and notice.alert.action == "trigger"
    return f"{notice.alert.summary} (and {more:,} more)" if counted else notice.alert.summary


def _details(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    details: dict[str, Any] = {
        fit(one_line(name), _NAME): fit(clean(value), _DETAIL)
        for name, value in [*alert.facts.items()][:_LIST]
    }
    details |= dict(notice.amounts)
    if alert.action == "trigger":
        details["alerts in this incident"] = notice.alerts
    if alert.reasons:
        details["reasons"] = [fit(clean(reason), _DETAIL) for reason in alert.reasons[:_LIST]]
    if alert.command:
        details["command"] = clean(alert.command)
    if alert.samples:
        details["samples"] = [fit(clean(sample), _DETAIL) for sample in alert.samples[:_LIST]]
    return details
