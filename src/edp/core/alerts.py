"""Alerts: what a person is told, before any receiver's words for it.

An alert speaks of a cause. Its `dedup_key` names that cause and not the run that met it, so that
all that fails for one reason is one incident, and a later success ends it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = Literal["trigger", "resolve", "change"]
"""Something is wrong; it no longer is; something happened that is as it should be."""
Severity = Literal["critical", "error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The gravest first."""
LONGEST_KEY: Final = 255
"""Characters of a dedup key that PagerDuty takes."""
_HASH: Final = 16


@dataclass(frozen=True)
class Link:
    """A page that helps."""

    href: str
    text: str


@dataclass(frozen=True)
class Alert:
    """One thing to tell.

    `source` is what is affected, `component` the stage, `class_` the kind of event. `facts` are
    shown by name, `reasons` are why, `command` is what to type, and `samples` are rows, masked.
    `at` is in seconds, `event_id` is the event that it tells of.

    `subject` is what of the cause this alert is about, e.g. one file of the many that fail alike:
    an incident is over when all its subjects are. `amounts` are summed up where several alerts are
    told as one. While an incident is open whose key starts with one of `covered_by`, and that is
    of the same dataset where this alert has one, this one tells nothing new.

    Nothing says when one that is not `lasting` is over: each stands for itself, and opens nothing.
    """

    dedup_key: str
    action: Action
    severity: Severity
    summary: str
    source: str
    dataset: str | None = None
    component: str = ""
    class_: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    command: str | None = None
    links: tuple[Link, ...] = ()
    samples: tuple[str, ...] = ()
    at: float = 0.0
    event_id: str = ""
    subject: str = ""
    amounts: Mapping[str, int] = field(default_factory=dict)
    covered_by: tuple[str, ...] = ()
    lasting: bool = True

    def to_json(self) -> dict[str, Any]:
        """The alert as JSON has it; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Alert:
        """The alert that `to_json` made `said` of."""
        return cls(
            **{
                **said,
                "reasons": tuple(said["reasons"]),
                "samples": tuple(said["samples"]),
                "covered_by": tuple(said["covered_by"]),
                "links": tuple(Link(**link) for link in said["links"]),
            }
        )


def dedup_key(*parts: str) -> str:
    """The key of a cause, from the general to the special; longer ones end in a hash.

    >>> dedup_key("edp", "shop", "run", "orders")
    'edp/shop/run/orders'
    >>> len(dedup_key("edp", "x" * 300)), dedup_key("edp", "x" * 300) == dedup_key("edp", "x" * 301)
    (255, False)
    """
    key = "/".join(parts)
    plain = re.sub(r"[\x00-\x20\x7f]|[^\x00-\x7f]", "?", key)
    if plain == key and len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    return f"{plain[: LONGEST_KEY - _HASH - 1]}#{digest}"
