"""The schema of the state, one numbered file a step, each applied once in a transaction."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    import apsw


def migrate(connection: apsw.Connection, *, to: int | None = None) -> None:
    """Bring the schema up to this version of EDP, or to number `to`; all steps happen, or none.

    Raises: ConfigError when the state was written by a newer EDP.
    """
    names = _names()
    wanted = len(names) if to is None else to
    if _version(connection) == wanted:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        at = _version(connection)  # another process may have been quicker
        if max(at, wanted) > len(names):
            raise ConfigError(
                f"the state is of schema {max(at, wanted)} and this EDP knows {len(names)}: "
                "upgrade EDP",
            )
        for name in names[at:wanted]:
            connection.execute(files(__name__).joinpath(name).read_text("utf-8"))
        connection.execute(f"PRAGMA user_version = {wanted}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def steps() -> int:
    """The schema that this version of EDP brings a state up to."""
    return len(_names())


def _names() -> list[str]:
    return sorted(f.name for f in files(__name__).iterdir() if f.name.endswith(".sql"))


def _version(connection: apsw.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0]) if row else 0
