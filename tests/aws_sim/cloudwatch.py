"""Where moto's CloudWatch differs from the one that AWS describes."""

from __future__ import annotations

import json
from typing import Any, Final

from moto.cloudwatch.models import Alarm
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

_HISTORY: Final[list[dict[str, Any]]] = []
_init = Alarm.__init__
_update_state = Alarm.update_state


def mend() -> None:
    """Make it so; once is enough."""
    setattr(Alarm, "__init__", _made)  # noqa: B010 (types know it as a method)
    setattr(Alarm, "update_state", _updated)  # noqa: B010
    setattr(CloudWatchResponse, "describe_alarm_history", _history)  # noqa: B010


def _made(alarm: Alarm, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as moto's own)
    """A new alarm has insufficient data; moto's is OK."""
    _init(alarm, *args, **kwargs)
    alarm.state_value = "INSUFFICIENT_DATA"


def _updated(alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
    """Changes of state are remembered, also of alarms that are gone; moto does not tell them."""
    before = alarm.state_value
    _update_state(alarm, reason, reason_data, state_value)
    told = {
        "version": "1.0",
        "oldState": {"stateValue": before},
        "newState": {"stateValue": state_value, "stateReason": reason},
    }
    _HISTORY.append(
        {
            "AlarmName": alarm.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": utcnow(),
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from {before} to {state_value}",
            "HistoryData": json.dumps(told),
        }
    )


def _history(response: CloudWatchResponse) -> ActionResult:
    """DescribeAlarmHistory, which moto has not."""
    name = response._get_param("AlarmName")  # noqa: SLF001 (as moto's own operations do)
    found = [one for one in _HISTORY if name in (None, one["AlarmName"])]
    return ActionResult({"AlarmHistoryItems": found})
