"""The state copied while others write to it: as it was at one moment, with its journal up to there.

Reading keeps no writer from writing, so nobody waits for a copy.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from edp.backends.copying import copy, copy_start
from edp.backends.folder import make_folder
from edp.backends.sqlite.database import Database, translated
from edp.backends.sqlite.journal import standing
from edp.backends.sqlite.records import segments
from edp.backends.sqlite.statements import load
from edp.core import clock
from edp.core.errors import StateDamaged

if TYPE_CHECKING:
    from pathlib import Path

    from edp.backends.sqlite.journal import Standing

_SQL = load("edp.backends.sqlite", "journal.sql")


class Overtaken(Exception):
    """The journal went on so far that what the copy needs of it is gone: copy the state anew."""


def copy_state(database: Database, to: Path) -> Database:
    """Copy the database to a new file; the copy, opened.

    It knows that it is one: a journal with further commits is then not taken for its own.

    Raises: StateDamaged where the database is, StoreUnavailable where the copy cannot be written.
    """
    with translated(to), closing(apsw.Connection(str(to))) as target:
        with target.backup("main", database.connection, "main") as work:
            work.step()  # in one go: it is of one moment, however much is written meanwhile
        found = target.execute("PRAGMA quick_check(1)").fetchall()
    if found != [("ok",)]:
        raise StateDamaged(
            f"{database.path} is damaged ({found[0][0]}); `edp rebuild` makes it again from the "
            "commits that are written down beside it"
        )
    copied = Database(to)
    copied.execute(_SQL.copied, at=clock.now())
    return copied


def copy_journal(folder: Path, to: Path, at: Standing | None) -> None:
    """Copy the journal in `folder` up to where a copied state stands, if it is whole.

    Raises: Overtaken, OSError.
    """
    make_folder(to)
    if at is None:
        return
    found = segments(folder)
    if any(one.base and one.first > at.n for one in found):
        raise Overtaken
    base = next((one for one in reversed(found) if one.base), None)
    if base is None or not _holds(folder / at.segment, at.ends):
        return  # the next commit begins it anew
    for one in found:
        if one == base or base.first < one.first <= at.n:
            _copy(one.path, to / one.path.name, at)


def _holds(segment: Path, ends: int) -> bool:
    return segment.is_file() and segment.stat().st_size >= ends


def _copy(origin: Path, place: Path, at: Standing) -> None:
    try:
        if origin.name == at.segment:
            copy_start(origin, place, at.ends)
        else:
            copy(origin, place, frozen=True)  # files before the one that grows are sealed
    except FileNotFoundError as error:
        raise Overtaken from error


def stands(database: Database) -> Standing | None:
    """Where the journal of a state ends."""
    return standing(database.connection)
