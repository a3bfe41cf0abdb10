"""Where moto's EventBridge differs from the one that AWS describes."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.sns.models import sns_backends

from tests.aws_sim import lambdas

if TYPE_CHECKING:
    from collections.abc import Mapping

_parse = EventTemplateParser.parse
_send = Rule.send_to_targets


def mend() -> None:
    """Make it so; once is enough."""
    setattr(EventTemplateParser, "parse", staticmethod(_whole))  # noqa: B010 (as the others)
    setattr(Rule, "send_to_targets", _sent)  # noqa: B010


def _whole(
    input_template: str | None,
    input_paths_map: dict[str, Any],
    event: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 (as moto's own)
    """Without a template a target gets the whole event; moto leaves the account out."""
    if input_template is None:
        return {name: value for name, value in event.items() if name != "ingestion-time"}
    return _parse(input_template, input_paths_map, event)


def _sent(rule: Rule, event: Any, transform_input: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002 (as moto's own)
    """Topics and functions are told, too; moto gives up over a rule that has one."""
    if rule.scheduled_expression or not rule.event_pattern.matches_event(event):
        return
    rest = copy.copy(rule)
    rest.targets = [one for one in rule.targets if not _told(one["Arn"], rule.region_name, event)]
    _send(rest, event, transform_input)


def _told(arn: str, region: str, event: Mapping[str, Any]) -> bool:
    """Whether a topic or a function that is run here got the event."""
    at = datetime.fromtimestamp(float(event["time"]), UTC)  # moto's is no text
    whole = _whole(None, {}, event) | {"time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if ":sns:" in arn:
        sns_backends[arn.split(":")[4]][region].publish(arn=arn, message=json.dumps(whole))
        return True
    if by := lambdas.taker(arn):
        by.later(whole)
        return True
    return False
