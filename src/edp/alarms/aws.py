"""CloudWatch's alarms of one pipeline: it evaluates them, and keeps their history for 30 days."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from edp.alarms.port import Change, Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.core.alarms import Alarm, Verdict

_AT_ONCE: Final = 100
"""Alarms that CloudWatch deletes in one call."""
_REASON: Final = 1023
"""Characters that CloudWatch takes for a reason."""


class CloudWatchAlarms:
    """Alarms whose names start with `prefix`, as CloudWatch calls them.

    Here they are called by what follows `named_after`, which is the prefix unless told. `actions`
    are told of every change; `defined` are the alarms that `make` can make, by name.
    """

    def __init__(
        self,
        cloudwatch: Service,
        *,
        prefix: str,
        defined: Mapping[str, Alarm],
        actions: Sequence[str] = (),
        named_after: str | None = None,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._all = prefix
        self._prefix = prefix if named_after is None else named_after
        self._defined = defined
        self._actions = list(actions)

    def standing(self) -> Mapping[str, Standing]:
        """Every alarm's state, by name."""
        pages = self._cloudwatch.pages("describe_alarms", AlarmNamePrefix=self._all)
        return {
            (name := one["AlarmName"].removeprefix(self._prefix)): Standing(
                name=name,
                state=one["StateValue"],
                since=one["StateUpdatedTimestamp"].timestamp(),
                reason=one.get("StateReason", ""),
                made_at=one["AlarmConfigurationUpdatedTimestamp"].timestamp(),
            )
            for page in pages
            for one in page.get("MetricAlarms", ())
        }

    def make(self, names: Collection[str]) -> None:
        """Have CloudWatch watch these; one that is there stays as it is."""
        there = self.standing()
        for name in names:
            if name not in there:
                self._cloudwatch.put_metric_alarm(
                    AlarmName=self._prefix + name,
                    AlarmActions=self._actions,
                    OKActions=self._actions,
                    **definition(self._defined[name]),
                )

    def change(self, name: str, verdict: Verdict) -> None:
        """Put the alarm into a state, until CloudWatch evaluates it again."""
        self._cloudwatch.set_alarm_state(
            AlarmName=self._prefix + name,
            StateValue=verdict.state,
            StateReason=verdict.reason[:_REASON],
        )

    def remove(self, names: Collection[str]) -> None:
        """Forget alarms; their history stays with CloudWatch."""
        given = [self._prefix + name for name in names if name in self.standing()]
        for start in range(0, len(given), _AT_ONCE):
            self._cloudwatch.delete_alarms(AlarmNames=given[start : start + _AT_ONCE])

    def history(self, name: str | None = None) -> Sequence[Change]:
        """Every change that CloudWatch remembers, oldest first; of all alarms, or of one."""
        only = {} if name is None else {"AlarmName": self._prefix + name}
        pages = self._cloudwatch.pages(
            "describe_alarm_history",
            HistoryItemType="StateUpdate",
            ScanBy="TimestampAscending",
            **only,
        )
        return [
            _change(one["AlarmName"].removeprefix(self._prefix), one)
            for page in pages
            for one in page.get("AlarmHistoryItems", ())
            if one["AlarmName"].startswith(self._all)
        ]

    def forget(self, *, older_than_s: float) -> None:
        """Nothing: CloudWatch drops changes by itself, after 30 days."""


def definition(alarm: Alarm) -> dict[str, Any]:
    """The alarm as PutMetricAlarm and a template describe it, but for name and actions."""
    percentile = alarm.statistic.startswith("p")
    return {
        "AlarmDescription": alarm.help,
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": n, "Value": v} for n, v in alarm.dimensions.items()],
        "ExtendedStatistic" if percentile else "Statistic": alarm.statistic,
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": alarm.missing,
    }


def _change(name: str, item: Mapping[str, Any]) -> Change:
    told = json.loads(item["HistoryData"])
    return Change(
        name=name,
        at=item["Timestamp"].timestamp(),
        before=told["oldState"]["stateValue"],
        state=told["newState"]["stateValue"],
        reason=told["newState"]["stateReason"],
    )
