"""Showing: readers that know nothing of EDP's catalog are told which tables there are now.

They see every file below a table's place, so that columns and partitions are all they need. Two who
show at once may do so in any order: each looks again, until what it showed last is what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.catalog.port import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edp.catalog.port import Showcase, Table
    from edp.pipeline.stages import Stages


def show(
    stages: Stages,
    showcase: Showcase,
    *,
    place: Callable[[Table], str],
    shown: Mapping[str, int],
) -> Mapping[str, int]:
    """Show every table that is no longer what was `shown` (version by name); what is shown now.

    `place` is where a table's files lie.
    """
    now = dict(shown)
    while True:
        others = [
            (table, files)
            for table, files in stages.catalog.snapshot()
            if now.get(table.name) != table.version
        ]
        if not others:
            return now
        for table, files in others:
            folders = frozenset(file.partition for file in files if file.partition)
            showcase.show(
                Shown(
                    name=table.name,
                    columns=table.columns,
                    location=place(table),
                    partitioned_by=_names(next(iter(folders), "")),
                    partitions=folders,
                )
            )
            now[table.name] = table.version


def _names(folder: str) -> tuple[str, ...]:
    """The columns that a partition's folder names.

    >>> _names("day=2026-01-09/shop=a"), _names("")
    (('day', 'shop'), ())
    """
    return tuple(part.partition("=")[0] for part in folder.split("/") if part)
