"""The crawler's function: something was written into the target, and readers are to see it.

However many objects the messages tell of, it is one crawl, or one look at the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edp.core import events
from edp.core.errors import BadMessage
from edp.lambdas.running import Context, entry
from edp.lambdas.site import here

if TYPE_CHECKING:
    from collections.abc import Mapping


@entry
def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Have the catalog follow; all messages come again where that fails."""
    del context
    site = here()
    if any(_tells(record["body"]) for record in event["Records"]):
        site.written()
    return {"batchItemFailures": []}


def _tells(body: str) -> bool:
    """Whether the message tells of objects that came or went; S3's test event does not."""
    try:
        said = events.parse(body)
    except BadMessage:
        return False
    return bool(said.created or said.ignored)
