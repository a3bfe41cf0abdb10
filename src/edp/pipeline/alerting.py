"""From events to alerts: which of what happens is told to people, and in which words.

What an event means is a function of the event alone, so that a laptop and the Notifier on AWS tell
the same. Whom it goes to, and when, is for the contract to say.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from edp.core import bus, clock
from edp.core.alerts import Alert, dedup_key
from edp.pipeline.remedy import RUN, remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edp.core.alerts import Severity
    from edp.core.bus import Event
    from edp.core.contract.alerts import Alerts
    from edp.notify.port import Outbox

_COMMAND: Final = re.compile(r"`(edp [^`]+)`")
_COVERED: Final[Mapping[str, Sequence[str]]] = {
    "ApproximateNumberOfMessagesVisible": ("dead",),
    "RunsFailed": ("dead", "run"),
}
"""What an alarm watches, and the causes that raise it, too, and tell more."""
_SEVERITIES: Final[Mapping[str, Severity]] = {
    "ApproximateNumberOfMessagesVisible": "error",
    "ApproximateAgeOfOldestMessage": "error",
    "SecondsSinceCommit": "error",
    "DiskFreeBytes": "critical",
}
"""Of an alarm, by what it watches; the others warn."""
_PAGED: Final = frozenset({"critical", "error"})
_GRACE_S: Final = 900.0
"""Seconds that EDP has to tell of a failed job itself; then Glue's word for it is told."""


@dataclass(frozen=True)
class Site:
    """The pipeline that tells: its name, where it runs, and its workspace as commands name it.

    `on` is the runtime that commands have to name, where it is another one than that of the shell.
    """

    name: str
    place: str
    workspace: str = ""
    on: str = ""

    def key(self, *parts: str) -> str:
        """The dedup key of a cause here."""
        return dedup_key("edp", self.name, *parts)

    def command(self, line: str) -> str:
        """`line` as it can be typed from any folder; elsewhere the work goes on by itself."""
        workspace = f"--workspace {shlex.quote(self.workspace)} " if self.workspace else ""
        named = f"edp {workspace}{f'--on {self.on} ' if self.on else ''}"
        return " && ".join(
            part.replace("edp ", named, 1) if part.startswith("edp ") else part
            for part in line.split(" && ")
            if not (self.on and part == RUN)
        )


@dataclass(frozen=True)
class Over:
    """What an alert was about is wrong no more."""

    subject: str


def told(event: Event, site: Site) -> Iterator[Alert | Over]:
    """What `event` says to people: alerts, and what is over."""
    telling = _TELLING.get(event.detail_type)
    return iter(()) if telling is None else telling(event, event.detail, site)


def _gone(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Over]:
    """A message that was sent again begins anew; a file goes on until it is in its table."""
    del site
    yield from map(Over, detail.get("ids", ()))
    if event.detail_type == bus.LETTERS_DISCARDED:
        yield from map(Over, detail.get("keys", ()))


def _file(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Over]:
    del event, site
    if detail.get("state") in ("committed", "discarded"):
        yield Over(str(detail["key"]))


def _dead(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    code, cause = str(detail["code"]), str(detail["cause_id"])
    key, dataset = detail.get("key"), detail.get("dataset")
    way_out = remedy(code, cause, key=key, dataset=dataset)
    facts = {
        "dataset": dataset,
        "file": key,
        "version": detail.get("version"),
        "cause": cause,
        "attempts": detail.get("attempts"),
        "run": detail.get("run"),
        "what to do": way_out.advice.replace("`", ""),
        "runs at": site.place,
    }
    yield Alert(
        dedup_key=site.key("dead", cause),
        action="trigger",
        severity="error",
        summary=f"[{site.name}] {dataset or detail.get('kind', 'message')}: {code}",
        source=site.place,
        dataset=dataset,
        component="etl" if detail.get("kind") == "object" else "queue",
        class_=code,
        facts=_given(facts),
        reasons=(str(detail.get("reason", "")),),
        command=site.command(way_out.command),
        samples=tuple(map(str, detail.get("samples", ()))),
        at=event.time,
        event_id=event.id,
        subject=key or str(detail["dead_letter"]),
    )


def _run(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    """A run that failed warns while its files are tried again; dead ones tell for themselves."""
    dataset, state = str(detail["dataset"]), detail["state"]
    if state not in ("failed", "committed"):
        return
    again = int(detail.get("retrying", 0))
    failed = state == "failed" and again > 0
    yield Alert(
        dedup_key=site.key("run", dataset),
        action="trigger" if failed else "resolve",
        severity="warning",
        summary=f"[{site.name}] {dataset}: a run failed, and its files are tried again",
        source=site.place,
        dataset=dataset,
        component="etl",
        class_=str(detail.get("code", "")),
        facts=_given(
            {"dataset": dataset, "run": detail.get("run"), "files": again, "runs at": site.place}
        ),
        reasons=tuple(filter(None, [str(detail.get("message", ""))])),
        command=site.command("edp runs"),
        at=event.time,
        event_id=event.id,
    )
    if state == "committed":
        yield Alert(
            dedup_key=site.key("loaded", dataset),
            action="change",
            severity="info",
            summary=f"[{site.name}] {dataset} loaded",
            source=site.place,
            dataset=dataset,
            component="etl",
            class_="loaded",
            at=event.time,
            event_id=event.id,
            amounts={
                name: int(detail[field])
                for name, field in (
                    ("files", "committed"),
                    ("rows", "rows_written"),
                    ("rows rejected", "rows_rejected"),
                )
                if detail.get(field)
            },
        )


def _job(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    """A job on AWS Glue that failed, as Glue tells of it.

    `run` is the run that it was for: it is over when EDP tells of that. Else nothing ends it.
    """
    job, state = str(detail["jobName"]), str(detail["state"])
    if state not in ("FAILED", "TIMEOUT", "STOPPED"):
        return
    run = detail.get("run")
    yield Alert(
        dedup_key=site.key("job", job),
        action="trigger",
        severity="error",
        summary=f"[{site.name}] Glue job {job}: {state}",
        source=site.place,
        component="etl",
        class_=f"job {state.lower()}",
        facts=_given(
            {"job": job, "job run": detail.get("jobRunId"), "run": run, "runs at": site.place}
        ),
        reasons=(str(detail.get("message", "")),),
        command=site.command("edp runs"),
        at=event.time,
        event_id=event.id,
        subject=str(run or ""),
        lasting=bool(run),
    )


def _crawler(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    crawler, state = str(detail["crawlerName"]), str(detail["state"])
    if state not in ("Failed", "Succeeded"):
        return
    yield Alert(
        dedup_key=site.key("crawler", crawler),
        action="trigger" if state == "Failed" else "resolve",
        severity="error",
        summary=f"[{site.name}] the crawler {crawler} failed: queries may not see new data",
        source=site.place,
        component="crawler",
        class_="crawl failed",
        facts={"crawler": crawler, "runs at": site.place},
        reasons=tuple(filter(None, [str(detail.get("errorMessage", ""))])),
        command=site.command("edp crawl"),
        at=event.time,
        event_id=event.id,
    )


def _runtime(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    paused = detail.get("state") == "paused"
    yield Alert(
        dedup_key=site.key("runtime"),
        action="trigger" if paused else "resolve",
        severity="critical",
        summary=f"[{site.name}] nothing is loaded: the pipeline pauses",
        source=site.place,
        component="runtime",
        class_="paused",
        facts={"runs at": site.place},
        reasons=tuple(filter(None, [str(detail.get("reason", ""))])),
        command=site.command("edp status"),
        at=event.time,
        event_id=event.id,
    )


def _alarm(event: Event, detail: Mapping[str, Any], site: Site) -> Iterator[Alert]:
    """An alarm that changed its state, in the JSON that CloudWatch sends to SNS."""
    name, state = str(detail["AlarmName"]), str(detail["NewStateValue"])
    if state not in ("ALARM", "OK"):
        return
    trigger: Mapping[str, Any] = detail.get("Trigger") or {}
    metric = str(trigger.get("MetricName", ""))
    dimensions = {str(d["name"]): str(d["value"]) for d in trigger.get("Dimensions") or ()}
    described = str(detail.get("AlarmDescription") or "")
    command = _COMMAND.search(described.replace("edp --on aws ", "edp "))
    dataset = dimensions.get("Dataset")
    yield Alert(
        dedup_key=site.key("alarm", name),
        action="trigger" if state == "ALARM" else "resolve",
        severity=_SEVERITIES.get(metric, "warning"),
        summary=f"[{site.name}] {name}: {_COMMAND.sub('', described).strip() or state}",
        source=site.place,
        dataset=dataset,
        component="alarms",
        class_=metric,
        facts=_given(
            {
                "alarm": name,
                "dataset": dataset,
                "metric": metric,
                "threshold": trigger.get("Threshold"),
                "runs at": site.place,
            }
        ),
        reasons=(str(detail.get("NewStateReason", "")),),
        command=site.command(command[1]) if command else None,
        at=clock.from_iso(str(detail["StateChangeTime"]))
        if "StateChangeTime" in detail
        else event.time,
        event_id=event.id,
        covered_by=tuple(site.key(cause, "") for cause in _COVERED.get(metric, ())),
    )


_TELLING: Final[
    Mapping[str, Callable[[Event, Mapping[str, Any], Site], Iterator[Alert | Over]]]
] = {
    bus.LETTER_ADDED: _dead,
    bus.LETTERS_REDRIVEN: _gone,
    bus.LETTERS_DISCARDED: _gone,
    bus.LETTERS_CLEARED: _gone,
    bus.FILE_CHANGED: _file,
    bus.RUN_CHANGED: _run,
    bus.JOB_CHANGED: _job,
    bus.CRAWLER_CHANGED: _crawler,
    bus.RUNTIME_CHANGED: _runtime,
    bus.ALARM_CHANGED: _alarm,
}


def _given(facts: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def picked(rule: str, severity: Severity, event: Event, site: Site) -> Alert:
    """What a rule of the contract says of an event that it picks; it happened, and is not over."""
    detail = event.detail
    dataset = detail.get("dataset") or detail.get("table")
    plain = {n: v for n, v in detail.items() if isinstance(v, str | int | float)}
    return Alert(
        dedup_key=site.key("rule", rule),
        action="trigger",
        severity=severity,
        summary=f"[{site.name}] {rule}: {event.detail_type}",
        source=site.place,
        dataset=dataset if isinstance(dataset, str) else None,
        component="rules",
        class_=event.detail_type,
        facts=_given({**plain, "runs at": site.place}),
        command=site.command("edp events --last 20"),
        at=event.time,
        event_id=event.id,
        lasting=False,
    )


def sinks_for(settings: Alerts, alert: Alert) -> tuple[str, ...]:
    """Whom `alert` goes to: what the first route that fits says.

    Else Slack gets all, and PagerDuty what somebody has to get up for, and changes.
    """
    for route in settings.routes:
        of_these = not route.datasets or any(
            fnmatchcase(alert.dataset or "", pattern) for pattern in route.datasets
        )
        if of_these and (not route.severities or alert.severity in route.severities):
            return route.to
    paged = alert.severity in _PAGED or alert.action == "change"
    return tuple(sink for sink in settings.sinks if sink != "pagerduty" or paged)


class Announcer:
    """The target of rules that tells people: what an event says goes into the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        settings: Alerts,
        site: Site,
        *,
        own: Mapping[str, Severity] | None = None,
    ) -> None:
        """`own` are rules of the contract, and how grave what they pick is."""
        self._outbox = outbox
        self._settings = settings
        self._site = site
        self._own = own or {}

    def __call__(self, rule: str, event: Event) -> None:
        """Owe what `event` says to whom it is for, in the event's own transaction."""
        own = self._own.get(rule)
        for one in (
            told(event, self._site) if own is None else [picked(rule, own, event, self._site)]
        ):
            if isinstance(one, Over):
                self._outbox.over(one.subject, at=event.time, event_id=event.id)
            else:
                to = sinks_for(self._settings, one)
                self._outbox.add(one, to=to, not_before=self._not_before(one, event))

    def _not_before(self, alert: Alert, event: Event) -> float:
        if alert.action == "change":
            return self._digest_at(event.time)
        failed_job = event.detail_type == bus.JOB_CHANGED and alert.component == "etl"
        return event.time + _GRACE_S if failed_job else 0.0

    def _digest_at(self, now: float) -> float:
        """The next time at which successes are told; the same for all, so that they share one."""
        period_s = self._settings.digest.total_seconds()
        return (now // period_s + 1) * period_s
