"""The log of a running pipeline: its events, a line each, on standard error.

`EDP_LOG=json` makes them JSON; `EDP_LOG_LEVEL` says how much (INFO unless told).
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import structlog

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.events.port import Events

_BAD = frozenset({"dead", "failed", "lost", "paused"})


class Narrator:
    """Logs what happens from now on."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._log = _logger(
            os.environ.get("EDP_LOG", "text"), os.environ.get("EDP_LOG_LEVEL", "INFO")
        )
        self._told = events.last_id()

    def say(self, what: str, **detail: object) -> None:
        """Log something that is as it should be."""
        self._log.info(what, **detail)

    def warn(self, what: str, **detail: object) -> None:
        """Log something that somebody should look at."""
        self._log.warning(what, **detail)

    def events(self) -> None:
        """Log the events since the last call."""
        for event in self._events.since(self._told):
            self._told = int(str(event["id"]))
            detail = event["detail"]
            assert isinstance(detail, dict)
            level = logging.WARNING if detail.get("state") in _BAD else logging.INFO
            self._log.log(level, event["detail_type"], **detail)


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
