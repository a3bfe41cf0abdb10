"""A contract that goes to another place: its lake is to be there, and not where it was."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import yaml

from edp.core.errors import ConfigError

_PATH: Final = ("runtimes", "local", "root")


def with_root(text: str, root: str) -> str:
    """The text of a contract with another `runtimes.local.root`; all else stays as it is written.

    Raises: ConfigError where that cannot be had.

    >>> with_root("runtimes: {local: {root: /data/lake, workers: 4}}  # ours", "lake")
    'runtimes: {local: {root: lake, workers: 4}}  # ours'
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in _PATH:
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in entries if key.value == name), None)
    if isinstance(node, yaml.ScalarNode):
        start, end = node.start_mark.index, node.end_mark.index
        changed = text[:start] + root + text[end:]
        with suppress(yaml.YAMLError):  # others may be aliases of what it was
            if yaml.safe_load(changed) == _rooted(text, root):
                return changed
    raise ConfigError(
        f"{'.'.join(_PATH)} in edp.yaml comes from an alias; write it out, so that a copy of the "
        "workspace can have a lake of its own"
    )


def _rooted(text: str, root: str) -> Any:  # noqa: ANN401 (whatever YAML can hold)
    settings = yaml.safe_load(text)
    settings["runtimes"]["local"]["root"] = root
    return settings
