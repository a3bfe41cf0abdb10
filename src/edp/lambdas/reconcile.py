"""The function on a schedule: it looks for what events did not tell, and what nobody works on.

Lost notifications, job runs that vanished or whose end nobody heard, runs that a killed function
held, files that wait, crawls that were put off, events and alerts that were not sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from edp.core import clock
from edp.lambdas.running import Context, entry, left_s, measured
from edp.lambdas.site import here
from edp.pipeline.alarms import datapoints
from edp.pipeline.handover import watch_over
from edp.pipeline.reconcile import missed, recover
from edp.wiring.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edp.wiring.deployed import Deployed

_SPARE_S: Final = 30.0
_STALE_S: Final = 900.0
"""An older number says nothing of the growth in a period."""
_ALERTS_S: Final = 30.0
"""For alerts that are due; what a sink does not take in it waits for the next time."""
_LATE_S: Final = 3600.0
"""How much earlier than the last listing an object may have been written that it did not show."""
_SHARE: Final = 20.0
"""A listing waits for so many times as long as the last one took: large buckets cost money."""


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Look at everything; what fails does not keep the rest from being looked at.

    Raises: what failed first, so that the function's alarm tells of it.
    """
    del event
    site = here()

    def left() -> float:
        return left_s(context, spare_s=_SPARE_S)

    return looked(
        {
            "runs": lambda: _runs(site),
            "missed": lambda: _missed(site, left),
            "waiting": lambda: _waiting(site),
            "catalog": lambda: site.published(collect=True),
            "tidied": site.tidied,
            "crawl": site.look_again,
            "events": site.send_rest,
            "metrics": lambda: _metrics(site),
            "alerts": lambda: site.notifier.deliver(within_s=min(_ALERTS_S, left())),
        }
    )


def looked(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each look found.

    Raises: what failed first, once all have been tried.
    """
    found: dict[str, Any] = {}
    first: Exception | None = None
    for name, look in looks.items():
        try:
            found[name] = look()
        except Exception as error:  # noqa: BLE001 (the other looks do not depend on it)
            logger().warning("a look failed", look=name, reason=str(error))
            first = first or error
    if first is not None:
        raise first
    return found


def _runs(site: Deployed) -> int:
    """Runs that jobs have, and those that a function held that is gone."""
    watched = watch_over(site.stages, site.jobs, settle=site.settle_later) if site.jobs else 0
    return watched + recover(site.stages, orphaned=False)


def _missed(site: Deployed, left: Callable[[], float]) -> int | None:
    """New versions that a listing shows; None where it is not time for one, or time ran out."""
    last, now = site.marked("listing"), clock.now()
    if last and now < last["began"] + _SHARE * last["took"]:
        return None
    found = missed(site.stages, since=last["began"] - _LATE_S if last else 0.0, left_s=left)
    if found is None:
        return None
    site.mark("listing", began=now, took=clock.now() - now)
    return found[1]


def _metrics(site: Deployed) -> int:
    """Tell CloudWatch what EDP's alarms look at; how many datapoints."""
    last, now = site.marked("backlog"), clock.now()
    fresh = bool(last) and now - last["at"] < _STALE_S
    backlog, points = datapoints(site.stages, backlog_before=last["n"] if fresh else None)
    for alarm, value in points:
        measured(alarm.metric, value, "None", **alarm.dimensions)
    site.mark("backlog", at=now, n=backlog)
    return len(points)


def _waiting(site: Deployed) -> bool:
    """Whether files waited that could be tried, and the function that works was called."""
    ready_at = site.stages.receipts.next_ready_at()
    if ready_at is None or ready_at > clock.now():
        return False
    site.work_later()
    return True
