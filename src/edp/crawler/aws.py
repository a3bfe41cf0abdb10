"""A Glue crawler, started after the target changed: one crawl for many changes.

Glue runs a crawler once at a time and charges ten minutes at least. So a change only marks the
crawler as due; it starts when it is idle and the last start is long enough ago, and what came
meanwhile is one crawl more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.backends.dynamo import Row, changed, tries
from edp.core import clock

if TYPE_CHECKING:
    from edp.backends.boto import Service
    from edp.backends.dynamo import Table

_RUNNING: Final = "CrawlerRunningException"
_CRAWLER: Final = "crawler"


class GlueCrawler:
    """The crawler `name`, with a row in the pipeline's `table` that says whether it is due."""

    def __init__(self, glue: Service, table: Table, name: str, *, gap_s: float = 600.0) -> None:
        self._glue = glue
        self._table = table
        self._name = name
        self._gap_s = gap_s

    def touched(self) -> bool:
        """The target changed: a crawl is due; whether it has started."""
        self._mark()
        return self.start_if_due()

    def ended(self, *, succeeded: bool) -> bool:
        """A crawl has ended; whether the next has started. After a failed one it is due again.

        It does not start at once then, as it would fail as soon; the next look starts it.
        """
        if not succeeded:
            self._mark()
            return False
        return self.start_if_due()

    def start_if_due(self) -> bool:
        """Start the crawler if it is due, idle, and was not started lately; whether it did.

        For the schedule too, so that what was put off is not forgotten.
        """
        row = self._row()
        now = clock.now()
        if not row.doc["due"] or now - row.doc["started_at"] < self._gap_s:
            return False
        try:
            self._glue.start_crawler(Name=self._name)
        except ClientError as error:
            if code_of(error) != _RUNNING:
                raise
            return False
        # who marked it since has another revision: it stays due, and is crawled once more
        self._table.put(changed(row, due=False, started_at=now))
        return True

    def _mark(self) -> None:
        for _ in tries():
            if self._table.put(changed(self._row(), due=True)):
                return

    def _row(self) -> Row:
        found = self._table.get(_CRAWLER, self._name)
        return found or Row(_CRAWLER, self._name, {"due": False, "started_at": 0.0})
