"""The log: a line for each thing that happens, on standard error.

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

_BAD: Final = frozenset({"dead", "failed", "lost", "paused"})
_RENAMED: Final = {"run": "run_id", "event": "about_event_id", "level": "level_"}
"""Names that the log has another word for, or another meaning."""


def logger() -> Any:  # noqa: ANN401 (structlog's loggers are dynamic)
    """The log as the environment asks for it; ids that are bound to the context are in its lines.

    Raises: ConfigError where the environment asks for what there is not.
    """
    form = os.environ.get("EDP_LOG") or ("text" if sys.stderr.isatty() else "json")
    level = os.environ.get("EDP_LOG_LEVEL", "INFO")
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
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return structlog.get_logger()


def tell(log: Any, event: Event) -> None:  # noqa: ANN401 (as above)
    """Log an event; what is told a second time in Glue's shape is only for who looks closely."""
    facts = {_RENAMED.get(name, name): value for name, value in event.facts.items()}
    log.log(_level(event), event.detail_type, **facts, event_id=event.id)


def _level(event: Event) -> int:
    if event.source != "edp":
        return logging.DEBUG
    bad = event.detail.get("state") in _BAD or event.detail.get("NewStateValue") == "ALARM"
    return logging.WARNING if bad else logging.INFO
