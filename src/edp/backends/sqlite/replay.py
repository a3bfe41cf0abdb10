"""Replay: a new database out of what the journal says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import apsw

from edp.backends.sqlite.database import translated
from edp.backends.sqlite.journal import write_base
from edp.backends.sqlite.kept import Keeper, shapes
from edp.backends.sqlite.migrations import migrate
from edp.backends.sqlite.records import Damage, Record, chain, segments
from edp.backends.sqlite.statements import load
from edp.core import clock
from edp.core.errors import StoreUnavailable
from edp.core.faults import reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edp.backends.sqlite.kept import Rows

_SQL = load("edp.backends.sqlite", "replay.sql")

LEAST: Final = 16 << 20
"""Bytes of older files from which on they are merged."""

Whole = Callable[[Mapping[str, object]], bool]
"""Whether a data file, told as its row in the state, is there and what it was."""


@dataclass
class Replayed:
    """What a replay came to: the last commit's number and time, and what could not be read.

    `left_out` says that the last record was not applied, as its commit did not happen.
    """

    n: int = 0
    record: str = ""
    at: float = 0.0
    schema: int = 0
    left_out: bool = False
    damages: list[Damage] = field(default_factory=list)


def replay(folder: Path, path: Path, *, whole: Whole) -> Replayed:
    """Make the state at `path` out of the journal in `folder`; it is not synced yet.

    Of the very last record nobody knows whether its commit happened. It counts if every file
    that it brings is `whole`.
    Raises: ConfigError for a journal that a newer EDP wrote, StoreUnavailable where the disk
    refuses; nothing is left at `path` then.
    """
    with _scratch(path) as connection:
        replayed = _follow(connection, chain(folder), whole)
        migrate(connection)
        connection.execute(_SQL.whole)
        connection.execute(_SQL.history, {"now": clock.now()})
        _stand(connection, folder, replayed)
    return replayed


def merge(folder: Path, scratch: Path, *, least: int = LEAST) -> bool:
    """Let one base take the place of the older files of a journal, once they are large enough.

    That is when they have as many bytes as the base before them, and `least`. The file that is
    being written stays as it is, and so does a journal that is not whole. `scratch` is where a
    database may be in the meantime. Returns: whether it was done.
    Raises: StoreUnavailable where the disk refuses; the journal is as it was then.
    """
    files = segments(folder)
    base = next((one for one in reversed(files) if one.base), None)
    if base is None:
        return False
    later = [one for one in files if not one.base and one.first > base.first]
    sealed = sum(one.path.stat().st_size for one in later[:-1])
    if sealed < max(least, base.path.stat().st_size):
        return False
    before = later[-1].first
    scratch.unlink(missing_ok=True)
    with _scratch(scratch) as connection:
        replayed = _follow(connection, chain(folder, before=before), lambda _: True)
        if not replayed.damages:
            parts = Keeper(connection, shapes(connection)).everything()
            write_base(folder, before - 1, replayed.record, replayed.schema, parts)
    scratch.unlink(missing_ok=True)
    if replayed.damages:
        return False
    reach("commits.merged")
    for one in files:
        if one.first < before:
            one.path.unlink()
    return True


@contextmanager
def _scratch(path: Path) -> Iterator[apsw.Connection]:
    """A new database at `path`, without what makes one outlive a crash; gone after an error.

    Raises: StoreUnavailable where the disk refuses.
    """
    try:
        with translated(path), closing(apsw.Connection(str(path))) as connection:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            yield connection
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreUnavailable(f"cannot write to {path.parent}: {error}") from error
        raise


def _follow(
    connection: apsw.Connection, found: Iterable[Record | Damage], whole: Whole
) -> Replayed:
    replayed = Replayed()
    for one in found:
        if isinstance(one, Damage):
            replayed.damages.append(one)
        elif one.doubtful and not all(map(whole, _brought(one))):
            replayed.left_out = True
        else:
            if one.schema != replayed.schema:
                migrate(connection, to=one.schema)
            _apply(connection, one)
            replayed.n, replayed.at, replayed.schema = one.n, one.at, one.schema
            replayed.record = one.stands_for or one.id
    return replayed


def _brought(record: Record) -> list[Mapping[str, object]]:
    """The data files that a record adds, as rows."""
    if "data_file" not in record.image:
        return []
    table = record.image["data_file"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return [row for row in rows if row["removed_in"] is None]


def _apply(connection: apsw.Connection, record: Record) -> None:
    with connection:
        for table, rows in record.image.items():
            if rows.gone:
                key = _key(connection, table)
                match = " AND ".join(f'"{name}" = ?' for name in key)
                connection.executemany(f'DELETE FROM "{table}" WHERE {match}', rows.gone)  # noqa: S608
            if rows.rows:
                _put(connection, table, rows)


def _put(connection: apsw.Connection, table: str, rows: Rows) -> None:
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    places = ", ".join("?" for _ in rows.columns)
    insert = f'INSERT OR REPLACE INTO "{table}" ({columns}) VALUES ({places})'  # noqa: S608
    connection.executemany(insert, rows.rows)


def _key(connection: apsw.Connection, table: str) -> list[str]:
    found = connection.execute(
        "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
    )
    return [name for (name,) in found]


def _stand(connection: apsw.Connection, folder: Path, replayed: Replayed) -> None:
    """Let the state go on with the journal where it ends; where that is not whole, with a base."""
    files = segments(folder)
    newest = files[-1].path
    ends = {"segment": newest.name, "ends": newest.stat().st_size}
    if replayed.damages or replayed.left_out:
        ends = {"segment": "", "ends": 0}
    given = {"n": replayed.n, "record": replayed.record, **ends}
    connection.execute(_SQL.stand, given)
