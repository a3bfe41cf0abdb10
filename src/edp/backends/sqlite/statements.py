"""SQL kept in `.sql` files, one named statement after another.

A line `-- name: claim` starts the statement `claim`; further comment lines say why.
"""

from __future__ import annotations

import re
from importlib.resources import files
from types import SimpleNamespace

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load(package: str, name: str = "local.sql") -> SimpleNamespace:
    """The statements of a file beside the module of `package`, as attributes."""
    parts = _NAME.split(files(package).joinpath(name).read_text("utf-8"))
    return SimpleNamespace(
        **{key: body.strip() for key, body in zip(parts[1::2], parts[2::2], strict=True)},
    )
