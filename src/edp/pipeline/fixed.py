"""Fixed types: where readers cast nothing, every file of a table stores the types of its columns.

A file that stores others is read again with those. What does not come out right even so is told
with the way out, and not tried for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.core.types import public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.catalog.port import Plan
    from edp.core.files import DataFile
    from edp.pipeline.stages import Stages


def why_not(plan: Plan, staged: Sequence[DataFile], unread: Mapping[str, str]) -> str | None:
    """Why a second reading, which gave `staged`, does not do for `plan`; None where it does.

    `unread` are live sources that could not be read again, and why, if that is known.
    """
    table = plan.change.dataset
    for file in staged:
        for name, stored in file.schema.items() if file.kind == "data" else ():
            wanted = plan.fixed.get(name, stored)
            if public(wanted) != public(stored):
                return (
                    f"column {name} of table {table} is {public(wanted)}, and "
                    f"{min(file.sources)} comes out with {public(stored)}: types stay as the first "
                    "files made them; cast it in `transform` or `derive`, or declare its type"
                )
    if not unread:
        return None
    key, why = min(unread.items())
    declared = "; ".join(
        f"edp.yaml declares {one.new_type} for column {one.column} of table {table}, which is "
        f"{one.old_type} so far"
        for one in plan.changes
        if one.change == "type"
    )
    return (
        f"{declared}, and {key} cannot be read again{why and f' ({why})'}; declare the old type "
        "again, put the file again, or retract it"
    )


def take_back(stages: Stages, files: Sequence[DataFile]) -> None:
    """Remove those of `files` that are published and in no table: of a commit that was overtaken.

    Readers who go by folders would see them, and their types.
    """
    published = {file.path for file in files if stages.target.locate(file) != file.path}
    if published:
        stages.target.remove(sorted(published - set(stages.catalog.named())))
