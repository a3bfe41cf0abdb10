"""Redrive: dead letters are tried again, or given up by a person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.core import bus
from edp.core.errors import ConfigError
from edp.pipeline.dead import tell_gone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edp.pipeline.stages import Stages
    from edp.queue.port import DeadLetter


def chosen(
    stages: Stages,
    *,
    ids: Sequence[str] = (),
    cause: str | None = None,
    everything: bool = False,
) -> Sequence[DeadLetter]:
    """The dead letters that a person means.

    Raises: ConfigError when nothing says which, or an id or a cause is not there.
    """
    items = stages.dead_letters.list()
    if everything:
        return items
    if cause is not None:
        found = [item for item in items if item.cause_id == cause]
        if not found:
            raise ConfigError(f"no dead letter has the cause {cause!r}; `edp dlq list` shows them")
        return found
    by_id = {item.id: item for item in items}
    if not ids:
        raise ConfigError("which dead letters? name ids, or --cause, or --all")
    if unknown := [one for one in ids if one not in by_id]:
        raise ConfigError(f"no dead letter {', '.join(unknown)}; `edp dlq list` shows them")
    return [by_id[one] for one in ids]


def redrive(stages: Stages, items: Sequence[DeadLetter]) -> int:
    """Send the bodies of `items` to the queue again; how many were still there to be sent."""
    with stages.atomically():
        left = _left(stages, items)
        for item in left:
            stages.dead_letters.redrive(item)
        tell_gone(stages, bus.LETTERS_REDRIVEN, left)
    stages.ring()
    return len(left)


def discard(stages: Stages, items: Sequence[DeadLetter]) -> int:
    """Forget `items`, and end dead versions among them; how many were still there."""
    with stages.atomically():
        left = _left(stages, items)
        for item in left:
            stages.dead_letters.remove(item.id)
            if item.key is not None and item.version is not None:
                stages.ledger.discard(
                    stages.source.bucket,
                    item.key,
                    item.version,
                    was="dead",
                    note="discarded from the dead letters",
                )
            else:
                stages.ledger.count("discarded message")
        tell_gone(stages, bus.LETTERS_DISCARDED, left)
    return len(left)


def _left(stages: Stages, items: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Those that nobody has redriven or discarded since they were listed."""
    there = {item.id for item in stages.dead_letters.list()}
    return [item for item in items if item.id in there]
