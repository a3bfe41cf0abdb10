"""The log of a running pipeline: its events, a line each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from edp.wiring.log import logger, tell

if TYPE_CHECKING:
    from edp.events.port import Events
    from edp.notify.port import Outbox

_LEVELS: Final = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
}
_ALL: Final = 1 << 31


class Narrator:
    """Logs what happens from now on."""

    def __init__(self, events: Events, outbox: Outbox) -> None:
        self._events = events
        self._outbox = outbox
        self._log = logger()
        self._told = events.last_id()
        self._alerted = max((one.id for one in outbox.list(limit=1)), default=0)

    def say(self, what: str, **detail: object) -> None:
        """Log something that is as it should be."""
        self._log.info(what, **detail)

    def warn(self, what: str, **detail: object) -> None:
        """Log something that somebody should look at."""
        self._log.warning(what, **detail)

    def events(self) -> None:
        """Log the events and the alerts since the last call."""
        for told in self._events.told(self._told):
            self._told = told.n
            tell(self._log, told.event)
        self._alerts()

    def _alerts(self) -> None:
        for one in self._outbox.list(after=self._alerted, limit=_ALL):
            self._alerted = one.id
            alert = one.alert
            facts = {"file": alert.facts.get("file"), "command": alert.command}
            self._log.log(
                _LEVELS[alert.severity] if alert.action == "trigger" else logging.INFO,
                f"alert: {alert.action}",
                summary=alert.summary,
                dedup_key=alert.dedup_key,
                event_id=alert.event_id,
                to=sorted(one.deliveries),
                **(facts if alert.action == "trigger" else {}),
            )
