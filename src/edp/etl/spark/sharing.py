"""Sharing out: which of a job's files go into one task.

Many small files share a task; one CSV or JSON file is one task, however large, because only a
reader from its start can tell where a record begins. A large Parquet file is parted by row group,
where its rows do not depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow.parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from edp.core.contract import Dataset
    from edp.etl.port import Input

TASK_FILES: Final = 1_000
"""Files that one task is given at the most."""
_MAGIC: Final = b"PAR1"


@dataclass(frozen=True)
class Share:
    """The inputs of one task; a part of a file is alone in its own."""

    inputs: tuple[Input, ...]

    @property
    def part(self) -> bool:
        """Whether this is a part of a file."""
        return self.inputs[0].rows is not None

    def halves(self) -> tuple[Share, ...]:
        """Two shares, or none if there is but one input."""
        middle = len(self.inputs) // 2
        return (Share(self.inputs[:middle]), Share(self.inputs[middle:])) if middle else ()


def shares(
    inputs: Iterable[Input],
    contract: Dataset,
    opened: Callable[[str], BinaryIO],
    task_bytes: int,
) -> list[Share]:
    """The inputs by task, in their order, some `task_bytes` to each; a larger file is alone.

    `opened` gives the bytes at a path.
    """
    found: list[Share] = []
    waiting: list[Input] = []
    for one in inputs:
        if one.size > task_bytes and is_partable(contract) and (parts := _parts(one, opened)):
            found += [Share((part,)) for part in _joined(one, parts, task_bytes)]
            continue
        full = sum(other.size for other in waiting) + one.size > task_bytes
        if waiting and (full or len(waiting) == TASK_FILES):
            found.append(Share(tuple(waiting)))
            waiting = []
        waiting.append(one)
    if waiting:
        found.append(Share(tuple(waiting)))
    return found


def is_partable(contract: Dataset) -> bool:
    """Whether the outcome of a row depends on no other row of its file."""
    return contract.deduplicate == "none" and contract.transform is None


def _parts(one: Input, opened: Callable[[str], BinaryIO]) -> Sequence[tuple[int, int]]:
    """Rows and bytes of each row group; nothing where the file is no Parquet that can be read."""
    try:
        with opened(one.path) as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return ()
            footer = pyarrow.parquet.read_metadata(file)
    except (OSError, pyarrow.ArrowException):  # the task will say what is wrong with it
        return ()
    groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
    return [(group.num_rows, group.total_byte_size) for group in groups]


def _joined(one: Input, groups: Sequence[tuple[int, int]], task_bytes: int) -> Iterator[Input]:
    """The input in parts of whole row groups, each of some `task_bytes` of the file.

    Groups are weighed by their share of the file: their own sizes are those in memory.
    """
    whole = sum(size for _, size in groups) or 1
    first = end = 0
    taken = 0.0
    for rows, size in groups:
        weight = one.size * size / whole
        if end > first and taken + weight > task_bytes:
            yield replace(one, rows=(first, end))
            first, taken = end, 0.0
        end += rows
        taken += weight
    if end > first or not first:
        yield replace(one, rows=(first, end))
