"""Parts: a file that several tasks have read is one file again, or is read whole.

What a part says by itself is right as long as nothing goes wrong with it. Where a part has failed,
where all parts together have too many partitions, or where their types do not meet in one, the
whole file is one task's: only that says the same as if there had been no parts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edp.core.files import admits
from edp.core.receipts import Counts
from edp.core.types import Admits, castable
from edp.etl.spark.sharing import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edp.core.files import Outcome
    from edp.etl.port import Job
    from edp.etl.spark.task import Answer


@dataclass(frozen=True)
class Ended:
    """A share with its answer."""

    share: Share
    answer: Answer


def by_file(ended: Sequence[Ended]) -> Mapping[str, Sequence[Ended]]:
    """The parts of files, by key."""
    found: dict[str, list[Ended]] = defaultdict(list)
    for one in ended:
        if one.share.part:
            found[one.share.inputs[0].key].append(one)
    return found


def with_whole_files(ended: Sequence[Ended], job: Job) -> tuple[list[Ended], list[Share]]:
    """What stands, and the files of which parts were read in vain: each to be read whole."""
    again = {key: parts for key, parts in by_file(ended).items() if not _agree(parts, job)}
    stand = [one for one in ended if not (one.share.part and one.share.inputs[0].key in again)]
    whole = [Share((replace(parts[0].share.inputs[0], rows=None),)) for parts in again.values()]
    return stand, whole


def _agree(parts: Sequence[Ended], job: Job) -> bool:
    outcomes = _outcomes(parts)
    if len(outcomes) < len(parts) or any(outcome.failure for outcome in outcomes):
        return False
    if len(frozenset[str]().union(*(part.answer.folders for part in parts))) > job.max_partitions:
        return False
    if len({(outcome.sha256, *(c.name for c in outcome.profile)) for outcome in outcomes}) > 1:
        return False
    common = admits(outcome.profile for outcome in outcomes)
    return all(
        castable(stored, (common[name] & job.live.get(name, Admits())).resolved, own)
        for part, outcome in zip(parts, outcomes, strict=True)
        for name, own in admits([outcome.profile]).items()
        if (stored := part.answer.schema.get(name)) is not None
    )


def joined(parts: Sequence[Ended]) -> Outcome:
    """The outcome of a file whose parts agree."""
    outcomes = _outcomes(parts)
    counts, warnings = Counter[str](), Counter[str]()
    for outcome in outcomes:
        counts.update(vars(outcome.counts))
        warnings.update(outcome.warnings)
    common = admits(outcome.profile for outcome in outcomes)
    first = outcomes[0]
    profile = tuple(replace(column, admits=common[column.name]) for column in first.profile)
    return replace(first, counts=Counts(**counts), profile=profile, warnings=dict(warnings))


def _outcomes(parts: Sequence[Ended]) -> list[Outcome]:
    return [part.answer.outcome for part in parts if part.answer.outcome is not None]
