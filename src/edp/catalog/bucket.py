"""The catalog on AWS: the same database as locally, kept as an object, replaced as a whole.

An object is never changed. Which one is current stands in a row of the pipeline's table; one
conditional update of that row is a commit, for all tables at once. Who was beaten to it works on
what is current then, where the plan still fits.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import finalize

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.backends.dynamo import Row, changed, tries
from edp.backends.sqlite import Database
from edp.catalog.local import LocalCatalog
from edp.core import clock

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from edp.backends.boto import Service
    from edp.backends.dynamo import Table as Rows
    from edp.catalog.port import (
        Adopted,
        Change,
        Crowd,
        Inventory,
        Plan,
        Rewriting,
        Small,
        Table,
    )
    from edp.core.contract.s3url import S3Url
    from edp.core.files import DataFile
    from edp.core.types import Admits

R = TypeVar("R")

_CURRENT: Final = ("catalog", "current")
_GONE: Final = frozenset({"404", "NoSuchKey"})


class S3Catalog:
    """The tables of one pipeline, in objects below `at`; `database` is what they are said to be in.

    A copy of the current object is kept on the local disk, and fetched anew when another is it.
    """

    def __init__(self, s3: Service, rows: Rows, at: S3Url, database: str) -> None:
        self._s3 = s3
        self._rows = rows
        self._at = at
        self._database = database
        self._folder = Path(tempfile.mkdtemp(prefix="edp-catalog-"))
        self._lock = threading.RLock()
        self._open: tuple[int, Database] | None = None
        finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def close(self) -> None:
        """Remove the local copy."""
        with self._lock:
            self._drop()
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _reading(self) -> Iterator[LocalCatalog]:
        """The catalog as it is now."""
        with self._lock:
            yield self._of(self._current()[1])

    def _of(self, db: Database) -> LocalCatalog:
        return LocalCatalog(db, self._database, fixed=True)  # readers cast nothing

    def _writing(self, change: Callable[[LocalCatalog], R]) -> R:
        """Change the catalog, and make that current."""
        with self._lock:
            for _ in tries():
                row, db = self._current()
                before = db.connection.total_changes()
                try:
                    done = change(self._of(db))
                    if db.connection.total_changes() == before:
                        return done
                    after = self._put(row, db)
                    current = self._rows.put(after)
                except BaseException:
                    self._drop()  # the copy says what may not be true
                    raise
                if current:
                    self._open = after.rev + 1, db
                    self._remove(row.doc["before"])
                    return done
                self._remove(after.doc["object"])
                self._drop()
        raise AssertionError("tries() raises")

    def _current(self) -> tuple[Row, Database]:
        """The row that names the current object, and that object, open."""
        for _ in tries():
            row = self._rows.get(*_CURRENT) or Row(*_CURRENT, {"object": None, "before": None})
            if self._open and self._open[0] == row.rev:
                return row, self._open[1]
            self._drop()
            path = self._folder / f"{secrets.token_hex(8)}.db"
            name = row.doc["object"]
            if name is None or self._fetch(name, path):
                self._open = row.rev, Database(path)
                return row, self._open[1]
        raise AssertionError("tries() raises")

    def _fetch(self, name: str, path: Path) -> bool:
        """Write an object to `path`; False where it is gone, as others replaced it."""
        try:
            answer = self._s3.get_object(Bucket=self._at.bucket, Key=self._at.prefix + name)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return False
        with self._s3.reading(answer["Body"]) as body:
            path.write_bytes(zstd.decompress(body.read()))
        return True

    def _put(self, row: Row, db: Database) -> Row:
        """Keep the database as an object of its own; the row that makes it current."""
        name = f"{row.rev + 1:010}-{secrets.token_hex(4)}.db.zst"
        data = zstd.compress(db.connection.serialize("main"))
        self._s3.put_object(Bucket=self._at.bucket, Key=self._at.prefix + name, Body=data)
        return changed(row, object=name, before=row.doc["object"])

    def _remove(self, name: str | None) -> None:
        """Remove an object that nobody can begin to read any more."""
        if name is not None:
            self._s3.delete_object(Bucket=self._at.bucket, Key=self._at.prefix + name)

    def collect(self, *, older_than_s: float) -> int:
        """Remove objects that never became current and are that old; how many."""
        row = self._rows.get(*_CURRENT)
        kept = {row.doc["object"], row.doc["before"]} if row else set()
        before, gone = clock.now() - older_than_s, 0
        place = {"Bucket": self._at.bucket, "Prefix": self._at.prefix}
        for page in self._s3.pages("list_objects_v2", **place):
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(self._at.prefix)
                if name not in kept and entry["LastModified"].timestamp() < before:
                    self._remove(name)
                    gone += 1
        return gone

    def _drop(self) -> None:
        if self._open:
            db = self._open[1]
            self._open = None
            db.close()
            for path in self._folder.glob(f"{db.path.name}*"):
                path.unlink(missing_ok=True)

    def live_admits(self, dataset: str, *, without: Collection[str]) -> Mapping[str, Admits]:
        with self._reading() as catalog:
            return catalog.live_admits(dataset, without=without)

    def fixed_types(self, dataset: str) -> Mapping[str, str]:
        with self._reading() as catalog:
            return catalog.fixed_types(dataset)

    def plan(self, change: Change) -> Plan:
        with self._reading() as catalog:
            return catalog.plan(change)

    def replace(
        self,
        plan: Plan,
        *,
        rewritten: Sequence[DataFile],
        run_id: str | None,
        operation: str,
    ) -> None:
        def change(catalog: LocalCatalog) -> None:
            catalog.replace(plan, rewritten=rewritten, run_id=run_id, operation=operation)

        self._writing(change)

    def reshape(
        self, dataset: str, *, drop: Collection[str], rewrite: Sequence[Rewriting] = ()
    ) -> Plan:
        with self._reading() as catalog:
            return catalog.reshape(dataset, drop=drop, rewrite=rewrite)

    def crowds(self, *, below: int, more_than: int, table: str | None = None) -> Sequence[Crowd]:
        with self._reading() as catalog:
            return catalog.crowds(below=below, more_than=more_than, table=table)

    def small(self, crowd: Crowd, *, below: int) -> Sequence[Small]:
        with self._reading() as catalog:
            return catalog.small(crowd, below=below)

    def files(self, table: str) -> Sequence[DataFile]:
        with self._reading() as catalog:
            return catalog.files(table)

    def tables(self) -> Sequence[Table]:
        with self._reading() as catalog:
            return catalog.tables()

    def snapshot(self) -> Sequence[tuple[Table, Sequence[DataFile]]]:
        with self._reading() as catalog:
            return catalog.snapshot()

    def inventory(self) -> Inventory:
        with self._reading() as catalog:
            return catalog.inventory()

    def holders(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        with self._reading() as catalog:
            return catalog.holders(keys)

    def adopted(self) -> Mapping[str, Adopted]:
        with self._reading() as catalog:
            return catalog.adopted()

    def versions(self, table: str) -> Sequence[Mapping[str, object]]:
        with self._reading() as catalog:
            return catalog.versions(table)

    def schema_changes(self) -> Sequence[Mapping[str, object]]:
        with self._reading() as catalog:
            return catalog.schema_changes()

    def named(self) -> Collection[str]:
        with self._reading() as catalog:
            return catalog.named()

    def retired(self, *, removed_for_s: float) -> Collection[str]:
        return self._writing(lambda catalog: catalog.retired(removed_for_s=removed_for_s))
