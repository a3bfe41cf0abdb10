"""Alarms: every few seconds their datapoints decide the state of each; a change is an event."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Final

from edp.core import bus, clock
from edp.core.alarms import Alarm, Verdict, evaluate, message
from edp.pipeline.watched import LATELY_S, Facts, watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edp.alarms.port import Standing
    from edp.core.alarms import State
    from edp.pipeline.stages import Stages

LOOK_S: Final = 10.0
"""How often a service looks."""
_KEPT: Final = 8
_ORDER: Final = {"ALARM": 0, "INSUFFICIENT_DATA": 1, "OK": 2}
_NEW: Final[State] = "INSUFFICIENT_DATA"


Point = tuple["Alarm", float]


class AlarmWatch:
    """Evaluates the alarms of one pipeline; it writes only where a state changes."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._backlogs: deque[tuple[float, int]] = deque(maxlen=_KEPT)

    def look(self) -> None:
        """Evaluate every alarm, keep what changed, and tell of it."""
        standing = self._stages.alarms.standing()
        facts = self._facts(standing)
        there = watched(self._stages.config, sorted(facts.vitals.commits))
        names = {one.alarm.name for one in there}
        changes: list[tuple[Alarm, State, Verdict]] = []
        for one in there:
            before = standing[one.alarm.name].state if one.alarm.name in standing else _NEW
            verdict = evaluate(one.alarm, one.points(facts), before)
            if verdict.state != before:
                changes.append((one.alarm, before, verdict))
        made, gone = names - standing.keys(), standing.keys() - names
        if made or gone or changes:
            with self._stages.atomically():
                self._stages.alarms.make(sorted(made))
                for alarm, before, verdict in changes:
                    self._change(alarm, before, verdict, standing, facts.now)
                self._retire(standing, gone)

    def _facts(self, standing: Mapping[str, Standing]) -> Facts:
        stages, now = self._stages, clock.now()
        vitals = stages.receipts.vitals(since=now - LATELY_S)
        self._note(now, vitals.backlog)
        return Facts(
            now=now,
            vitals=vitals,
            dead_letters=sum(stages.dead_letters.causes().values()),
            oldest_at=stages.queue.oldest_at(),
            free=stages.target.free(),
            made_at={name: one.made_at for name, one in standing.items()},
            grown=list(self._grown()),
        )

    def _note(self, now: float, backlog: int) -> None:
        """Keep one number a period; after a gap there is nothing to compare with."""
        since_s = now - self._backlogs[-1][0] if self._backlogs else LATELY_S
        if not 0 <= since_s < 2 * LATELY_S:
            self._backlogs.clear()
        if since_s >= LATELY_S or not self._backlogs:
            self._backlogs.append((now, backlog))

    def _grown(self) -> Iterator[float]:
        backlogs = [n for _, n in self._backlogs]
        for before, after in itertools.pairwise(backlogs):
            yield float(after - before)

    def _change(
        self,
        alarm: Alarm,
        before: State,
        verdict: Verdict,
        standing: Mapping[str, Standing],
        now: float,
    ) -> None:
        self._stages.alarms.change(alarm.name, verdict)
        if "ALARM" in (before, verdict.state):  # a new alarm that finds all well is no news
            made_at = standing[alarm.name].made_at if alarm.name in standing else now
            told = message(alarm, verdict, before, at=now, updated_at=made_at)
            self._stages.events.put(bus.ALARM_CHANGED, told, resources=[alarm.arn])

    def _retire(self, standing: Mapping[str, Standing], gone: set[str]) -> None:
        """End alarms that the contract has no more; one that was on is told to be over."""
        for name in sorted(gone):
            if standing[name].state == "ALARM":
                over = Verdict("OK", "The alarm is no longer defined.")
                self._stages.alarms.change(name, over)
                last, made_at = Alarm(name, "", "", "EDP", 0), standing[name].made_at
                told = message(last, over, "ALARM", at=clock.now(), updated_at=made_at)
                self._stages.events.put(bus.ALARM_CHANGED, told, resources=[last.arn])
        self._stages.alarms.remove(sorted(gone))


OWN: Final = "EDP"
"""The namespace of the metrics that EDP itself has to tell."""


def datapoints(stages: Stages, *, backlog_before: int | None) -> tuple[int, list[Point]]:
    """The backlog, and what EDP's own alarms look at now, for whoever evaluates them elsewhere.

    `backlog_before` is what the backlog was a period ago, where somebody knows.
    """
    now = clock.now()
    vitals = stages.receipts.vitals(since=now - LATELY_S)
    facts = Facts(
        now=now,
        vitals=vitals,
        dead_letters=0,
        oldest_at=None,
        free=None,
        made_at={name: one.made_at for name, one in stages.alarms.standing().items()},
        grown=[] if backlog_before is None else [float(vitals.backlog - backlog_before)],
    )
    there = [w for w in watched(stages.config, sorted(vitals.commits)) if w.alarm.namespace == OWN]
    measured = [(one.alarm, one.measure(facts)) for one in there]
    return vitals.backlog, [(alarm, value) for alarm, value in measured if value is not None]


def states(stages: Stages) -> list[dict[str, object]]:
    """What is known of every alarm, as rows of `edp.alarms`: those that are on come first."""
    standing = stages.alarms.standing()
    commits = stages.receipts.vitals(since=clock.now()).commits
    rows: list[dict[str, object]] = [
        {
            "name": alarm.name,
            "state": standing[alarm.name].state,
            "since": clock.iso(standing[alarm.name].since),
            "reason": standing[alarm.name].reason,
            "metric": alarm.metric,
            "namespace": alarm.namespace,
            "dataset": alarm.dimensions.get("Dataset"),
            "statistic": alarm.statistic,
            "comparison": alarm.comparison,
            "threshold": alarm.threshold,
            "period_s": alarm.period_s,
            "evaluation_periods": alarm.evaluation_periods,
            "datapoints_to_alarm": alarm.datapoints_to_alarm,
            "missing": alarm.missing,
            "help": alarm.help,
            "command": alarm.command,
        }
        for alarm in (one.alarm for one in watched(stages.config, sorted(commits)))
        if alarm.name in standing
    ]
    return sorted(rows, key=lambda row: (_ORDER[str(row["state"])], str(row["name"])))


def history(stages: Stages) -> list[dict[str, object]]:
    """Every change of an alarm's state, oldest first, as rows of `edp.alarm_history`."""
    return [vars(one) | {"at": clock.iso(one.at)} for one in stages.alarms.history()]
