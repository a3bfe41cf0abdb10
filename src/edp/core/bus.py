"""The words of the event bus: an event in EventBridge's envelope, and the rules that pick events.

One event has the same JSON on both runtimes, so that one handler serves both, and what was
captured on AWS can be tried on a laptop.

Source: AWS, "EventBridge event structure".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from edp.core import clock
from edp.core.patterns import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT: Final = "000000000000"
REGION: Final = "local"
"""Where events say that they happened, on a machine of one's own."""

GLUE: Final = "aws.glue"
"""Source of the events in AWS Glue's shapes; EDP's own have `edp`."""
ALERTS: Final = "alerts"
"""Target: people are told."""

FILE_CHANGED: Final = "EDP File State Change"
RUN_CHANGED: Final = "EDP Run State Change"
CRAWL_CHANGED: Final = "EDP Crawl State Change"
QUALITY_DRIFTED: Final = "EDP Quality Drift"
SCHEMA_CHANGED: Final = "EDP Schema Change"
RUNTIME_CHANGED: Final = "EDP Runtime State Change"
LETTER_ADDED: Final = "EDP Dead Letter Added"
LETTERS_REDRIVEN: Final = "EDP Dead Letters Redriven"
LETTERS_DISCARDED: Final = "EDP Dead Letters Discarded"
LETTERS_CLEARED: Final = "EDP Dead Letters Cleared"
REQUEUED: Final = "EDP Files Requeued"
TABLE_COMPACTED: Final = "EDP Table Compacted"
REJECTS_EXPIRED: Final = "EDP Rejects Expired"
CHORE_FAILED: Final = "EDP Chore Failed"
RULE_FAILED: Final = "EDP Rule Failed"
ALARM_CHANGED: Final = "EDP Alarm State Change"
"""Its detail is the JSON that CloudWatch sends to SNS when an alarm changes its state."""
_ALARM_FACTS: Final = ("AlarmName", "OldStateValue", "NewStateValue", "NewStateReason")
_NOTHING: Final[tuple[object, ...]] = (None, "", [])
JOB_CHANGED: Final = "Glue Job State Change"
CRAWLER_CHANGED: Final = "Glue Crawler State Change"


@dataclass(frozen=True)
class Event:
    """Something that happened; `time` in seconds, `id` different for each."""

    detail_type: str
    detail: Mapping[str, object]
    source: str = "edp"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: float = field(default_factory=clock.now)
    account: str = ACCOUNT
    region: str = REGION
    resources: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The event in EventBridge's envelope.

        >>> Event("EDP Files Requeued", {"files": 1}, id="e-1", time=0.0).to_json()["detail-type"]
        'EDP Files Requeued'
        """
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": clock.iso(self.time),
            "region": self.region,
            "resources": list(self.resources),
            "detail": self.detail,
        }

    @property
    def facts(self) -> Mapping[str, object]:
        """Of its detail what a person wants to read in one line."""
        if self.detail_type == ALARM_CHANGED:
            return {name: self.detail[name] for name in _ALARM_FACTS if name in self.detail}
        return {name: value for name, value in self.detail.items() if value not in _NOTHING}

    @classmethod
    def from_json(cls, text: str) -> Event:
        """The event that `to_json` wrote, or that EventBridge sent.

        Raises: ValueError where it is no such event.
        """
        try:
            body: dict[str, Any] = json.loads(text)
            detail = body["detail"]
            event = cls(
                detail_type=str(body["detail-type"]),
                detail=detail,
                source=str(body["source"]),
                id=str(body["id"]),
                time=clock.from_iso(body["time"]),
                account=str(body.get("account", "")),
                region=str(body.get("region", "")),
                resources=tuple(map(str, body.get("resources") or ())),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no event in EventBridge's envelope: {error}") from error
        if not isinstance(detail, Mapping):
            raise ValueError("no event in EventBridge's envelope: detail is no object")  # noqa: TRY004 (as above)
        return event


@dataclass(frozen=True)
class Rule:
    """Events that fit `pattern` are handed to `target`.

    Raises: ValueError, naming the field, where it is no pattern.
    """

    name: str
    pattern: Mapping[str, object]
    target: str = ALERTS
    _fits: Callable[[Mapping[str, object]], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fits", compiled(self.pattern))

    def fits(self, event: Mapping[str, object]) -> bool:
        """Whether the rule is about this event, given as JSON."""
        return self._fits(event)


def matches(pattern: Mapping[str, object], event: Event) -> bool:
    """Whether `event` fits `pattern`.

    >>> matches({"source": ["edp"], "detail": {"files": [{"numeric": [">", 1]}]}},
    ...         Event("EDP Files Requeued", {"files": 2}))
    True
    """
    return compiled(pattern)(event.to_json())


BUILT_IN: Final = (
    Rule(
        "edp-failure",
        {
            "source": ["edp"],
            "detail-type": [RUN_CHANGED, LETTER_ADDED, RUNTIME_CHANGED],
            "detail": {"state": ["failed", "lost", "dead", "paused"]},
        },
    ),
    Rule(
        "edp-success",
        {
            "source": ["edp"],
            "$or": [
                {
                    "detail-type": [RUN_CHANGED, RUNTIME_CHANGED],
                    "detail": {"state": ["committed", "working"]},
                },
                {"detail-type": [LETTERS_REDRIVEN, LETTERS_DISCARDED, LETTERS_CLEARED]},
            ],
        },
    ),
    Rule(
        "edp-file",
        {
            "source": ["edp"],
            "detail-type": [FILE_CHANGED],
            "detail": {"state": ["committed", "discarded"]},
        },
    ),
    Rule(
        "edp-crawler",
        {
            "source": [GLUE],
            "detail-type": [CRAWLER_CHANGED],
            "detail": {"state": ["Succeeded", "Failed"]},
        },
    ),
    Rule("edp-alarm", {"source": ["edp"], "detail-type": [ALARM_CHANGED]}),
)
"""Rules that every pipeline has. A run that Glue tells of locally is one that EDP tells of, too."""

JOB_FAILED: Final = Rule(
    "edp-job",
    {
        "source": [GLUE],
        "detail-type": [JOB_CHANGED],
        "detail": {"state": ["FAILED", "TIMEOUT", "STOPPED"]},
    },
)
"""A rule on AWS, where a job may end and EDP not get to tell of it."""
