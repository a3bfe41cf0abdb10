"""The log of a running pipeline: its events, a line each, on standard error.

Text on a terminal, JSON elsewhere, unless `EDP_LOG` says which; `EDP_LOG_LEVEL` says how much (INFO
unless told). Every line of an event has its id, and those of the file, run and dataset it is about.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.core.bus import Event
    from edp.events.port import Events
    from edp.notify.port import Outbox

_BAD: Final = frozenset({"dead", "failed", "lost", "paused"})
_RENAMED: Final = {"run": "run_id", "event": "about_event_id", "level": "level_"}
"""Names that the log has another word for, or another meaning."""
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
        self._log = _logger(
            os.environ.get("EDP_LOG") or ("text" if sys.stderr.isatty() else "json"),
            os.environ.get("EDP_LOG_LEVEL", "INFO"),
        )
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
            self._told, event = told.n, told.event
            facts = {_RENAMED.get(name, name): value for name, value in event.facts.items()}
            self._log.log(_level(event), event.detail_type, **facts, event_id=event.id)
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


def _level(event: Event) -> int:
    """What is told a second time in Glue's shape is only for who looks closely."""
    if event.source != "edp":
        return logging.DEBUG
    bad = event.detail.get("state") in _BAD or event.detail.get("NewStateValue") == "ALARM"
    return logging.WARNING if bad else logging.INFO


def _logger(form: str, level: str) -> Any:  # noqa: ANN401 (structlog's loggers are dynamic)
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if form not in ("json", "text") or threshold is None:
        raise ConfigError(
            f"EDP_LOG={form}, EDP_LOG_LEVEL={level}: the log is json or text, "
            f"its level DEBUG, INFO, WARNING or ERROR"
        )
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return structlog.get_logger()
