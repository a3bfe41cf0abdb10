"""The state of a local workspace: one SQLite database, opened safely and kept up to date."""

from edp.backends.sqlite.database import Database
from edp.backends.sqlite.statements import load

__all__ = ["Database", "load"]
