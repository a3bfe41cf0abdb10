"""The function that publishes and commits what a job wrote, and no other job of the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edp.lambdas.running import Context, about, entry
from edp.lambdas.site import here
from edp.pipeline.handover import settle

if TYPE_CHECKING:
    from collections.abc import Mapping


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Settle the run `run`, whose job left its result in `workdir`; whether it was open."""
    del context
    site, run_id = here(), str(event["run"])
    with about(run_id=run_id):
        assert site.jobs is not None, "only jobs leave something to settle"
        done = settle(
            site.stages,
            site.jobs,
            run_id,
            workdir=str(event["workdir"]),
            etl=site.etl,
            memory=site.memory,
        )
        site.published()
    return {"settled": done}
