"""Incidents: how often one is told of, and what becomes of very many that come at once.

Every outbox keeps to it, whatever it keeps them in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edp.core.alerts import Alert, dedup_key

if TYPE_CHECKING:
    from collections.abc import Mapping

STORM: Final = 20
"""Incidents that may open in a minute; what comes on top is one incident."""
STORM_S: Final = 60.0
_FOLLOW_UP_S: Final = (60.0, 300.0, 1500.0, 3600.0)
"""Seconds from one message of an incident to the next, while more and more of it fails."""


def follow_up_s(messages: int) -> float:
    """Seconds from the last of so many messages of an incident to the next one.

    >>> follow_up_s(1), follow_up_s(2), follow_up_s(99)
    (60.0, 300.0, 3600.0)
    """
    return _FOLLOW_UP_S[min(messages, len(_FOLLOW_UP_S)) - 1]


def in_the_storm(alert: Alert) -> Alert:
    """The alert as one of very many that came at once."""
    scope = "/".join(alert.dedup_key.split("/")[:2])
    return replace(
        alert,
        dedup_key=dedup_key(scope, "storm"),
        summary=f"many different things fail at once, among them: {alert.summary}",
        dataset=None,
        command=None,
        subject=alert.subject or alert.dedup_key,
    )


def summed(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    """The amounts of both, by name."""
    return dict(Counter(one) + Counter(other))
