"""The ETL function: every record of every message is taken into custody, then batches are run.

A message is acknowledged once all its records are in the ledger; what cannot be finished in time
stays queued there. Without messages, as who watches over runs calls it, it only works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edp.core.errors import RetryableError
from edp.lambdas.running import Context, entry, left_s
from edp.lambdas.site import here
from edp.pipeline.handover import hand_over
from edp.pipeline.work import Work, while_time_lasts
from edp.wiring.log import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.ledger.port import Claim

_SPARE_S = 5.0


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The messages that are to come again, as Lambda wants to hear it."""
    site = here()
    batch, stages = site.batch(event)

    def elsewhere(claim: Claim) -> bool:
        return site.jobs is not None and hand_over(stages, site.jobs, claim)

    work = Work(stages, site.etl, memory=site.memory, elsewhere=elsewhere)
    try:
        while_time_lasts(work, lambda: left_s(context, spare_s=_SPARE_S))
        site.published()
    except RetryableError as error:
        # what is acknowledged is in the ledger, which owes it; the rest comes again
        logger().warning("put off", reason=str(error))
        work.release()
    return batch.answer
