"""Where moto's EventBridge differs from the one that AWS describes."""

from __future__ import annotations

from typing import Any

from moto.events.utils import EventTemplateParser

_parse = EventTemplateParser.parse


def mend() -> None:
    """Make it so; once is enough."""
    setattr(EventTemplateParser, "parse", staticmethod(_whole))  # noqa: B010 (as the others)


def _whole(
    input_template: str | None,
    input_paths_map: dict[str, Any],
    event: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 (as moto's own)
    """Without a template a target gets the whole event; moto leaves the account out."""
    if input_template is None:
        return {name: value for name, value in event.items() if name != "ingestion-time"}
    return _parse(input_template, input_paths_map, event)
