"""Settings that are understood already and work in a later version.

Giving one is refused, because ignoring it would be worse. A row taken out of LATER makes its
setting available.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edp.core.contract.config import Config
from edp.core.contract.document import Path
from edp.core.contract.model import Settings

VERSION: Final = "0.1"


@dataclass(frozen=True)
class Later:
    """A setting (`*` for any one name) that only takes its default."""

    setting: str
    way_out: str


LATER: Final = (
    Later("datasets.*.deduplicate.scope", "remove it; rows are compared within their file"),
    Later("datasets.*.table", "remove it, or write parquet"),
)


def unavailable(config: Config) -> Iterator[tuple[Path, str]]:
    """The path of every setting in `config` that comes later, and what to do instead."""
    for row in LATER:
        for path in _given(config, row.setting.split("."), ()):
            yield path, f"not available in this version (edp {VERSION}): {row.way_out}"


def _given(group: object, pattern: list[str], path: Path) -> Iterator[Path]:
    """The paths of the settings that `pattern` names and that are not at their default."""
    part, *rest = pattern
    if isinstance(group, Mapping):
        for name, value in group.items():
            yield from _given(value, rest, (*path, name))
    elif isinstance(group, Settings):
        value = getattr(group, part)
        if rest:
            yield from _given(value, rest, (*path, part))
        elif value != type(group).model_fields[part].get_default(call_default_factory=True):
            yield (*path, part)
