"""The state of a local workspace: one SQLite database, opened safely and kept up to date.

Beside it stands a journal of its commits, from which it can be made again.
"""

from edp.backends.sqlite.database import Database
from edp.backends.sqlite.kept import LOST
from edp.backends.sqlite.replay import merge, replay
from edp.backends.sqlite.statements import load
from edp.backends.sqlite.together import Together

__all__ = ["LOST", "Database", "Together", "load", "merge", "replay"]
