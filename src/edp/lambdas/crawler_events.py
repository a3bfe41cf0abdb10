"""The function that hears how a crawl ended, and starts the one that was asked for meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edp.lambdas.running import Context, entry
from edp.lambdas.site import here

if TYPE_CHECKING:
    from collections.abc import Mapping


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Start the next crawl, where one is due; whether it did."""
    del context
    site = here()
    if site.crawler is None:
        return {"started": False}
    return {"started": site.crawler.ended(succeeded=event["detail"]["state"] == "Succeeded")}
