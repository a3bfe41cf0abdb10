"""Crawls on AWS: EDP's own over the target's objects, and Glue's, one for many changes.

Glue runs a crawler once at a time and charges ten minutes at least. So a change only marks the
crawler as due; it starts when it is idle and the last start is long enough ago, and what came
meanwhile is one crawl more.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.backends.dynamo import Row, changed, tries
from edp.core import clock
from edp.core.identity import named_by_a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.backends.dynamo import Table
    from edp.core.files import DataFile
    from edp.crawler.port import Found, Measured, Unreadable

_RUNNING: Final = "CrawlerRunningException"
_CRAWLER: Final = "crawler"


class S3Crawler:
    """Looks at the Parquet files that `list_files` tells of, one at a time, on the local disk.

    `fetch` copies a file, by its path below the lake, to a place; False where it is gone.
    """

    def __init__(
        self,
        list_files: Callable[[], Iterable[tuple[str, float]]],
        fetch: Callable[[str, Path], bool],
    ) -> None:
        self._list = list_files
        self._fetch = fetch

    def crawl(self, *, known: Mapping[str, str]) -> Sequence[Found | Unreadable]:
        """The files of others that are new, or no longer what they were; never EDP's own."""
        from edp.crawler.local import LocalCrawler  # noqa: PLC0415 (with it comes DuckDB)

        looked: list[Found | Unreadable] = []
        for path, age_s in sorted(self._list()):
            if path.startswith("target/") and not named_by_a_run(path):
                with self._here(path) as lake:
                    crawler = LocalCrawler(lake, partial(_there, lake, path, age_s))
                    looked += crawler.crawl(known=known)
        return looked

    def measure(
        self, files: Sequence[DataFile], *, deep: bool
    ) -> Mapping[str, Measured | Unreadable]:
        """What the files of tables are, by path; every byte of them is read."""
        from edp.crawler.local import LocalCrawler  # noqa: PLC0415 (with it comes DuckDB)

        found: dict[str, Measured | Unreadable] = {}
        for file in files:
            with self._here(file.path) as lake:
                found |= LocalCrawler(lake, list).measure([file], deep=deep)
        return found

    @contextmanager
    def _here(self, path: str) -> Iterator[Path]:
        """A lake that has this one file, or none where it is gone."""
        with TemporaryDirectory(prefix="edp-crawl-") as folder:
            place = Path(folder, path)
            place.parent.mkdir(parents=True)
            self._fetch(path, place)
            yield Path(folder)


def _there(lake: Path, path: str, age_s: float) -> list[tuple[str, float]]:
    return [(path, age_s)] if (lake / path).exists() else []


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
