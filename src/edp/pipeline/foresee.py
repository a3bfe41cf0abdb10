"""Foresee: what the contract as it stands now would do to the tables as they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.catalog.port import Change
from edp.pipeline.replace import knows
from edp.pipeline.run import declared

if TYPE_CHECKING:
    from edp.catalog.port import SchemaChange
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Outlook:
    """One table: files by the contract they were read with, and what the next commit changes.

    `contract` is the hash of the contract as it is now, None where no dataset has that name any
    more; `reread` is how many files the next commit would read again.
    """

    dataset: str
    contract: str | None
    files: dict[str, int]
    changes: tuple[SchemaChange, ...]
    reread: int

    @property
    def older(self) -> int:
        """Files that were read with another contract."""
        return sum(n for contract, n in self.files.items() if contract != self.contract)


def foresee(stages: Stages) -> list[Outlook]:
    """The outlook for every table; nothing is changed."""
    by_dataset: dict[str, Counter[str]] = {}
    for receipt in stages.receipts.receipts():
        if receipt.state == "committed" and receipt.dataset:
            by_dataset.setdefault(receipt.dataset, Counter())[receipt.contract or ""] += 1
    outlooks = []
    for dataset, files in sorted(by_dataset.items()):
        plan = stages.catalog.plan(Change(dataset, declared=declared(stages, dataset)))
        known = knows(stages, dataset)
        outlooks.append(
            Outlook(
                dataset=dataset,
                contract=stages.config.dataset(dataset).hash() if known else None,
                files=dict(files),
                changes=plan.changes,
                reread=len(plan.reread),
            )
        )
    return outlooks
