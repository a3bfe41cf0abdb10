"""The function that hears how a job's run ended: it is settled, tried again, or given up.

Glue tells of it as best it can; `reconcile` asks for what was not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edp.lambdas.running import Context, about, entry
from edp.lambdas.site import here
from edp.pipeline.handover import end_badly

if TYPE_CHECKING:
    from collections.abc import Mapping


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """See to the run whose job the event, a "Glue Job State Change", tells the end of."""
    del context
    site = here()
    job = site.jobs.find(str(event["detail"]["jobRunId"])) if site.jobs else None
    if job is None:
        return {"run": None}  # a person started it, or it is gone
    with about(run_id=job.run_id):
        if job.failure:
            end_badly(site.stages, job.run_id, job.failure)
        elif job.state == "succeeded":
            site.settle_later(job)
    return {"run": job.run_id, "state": job.state}
