"""Foresee: what the contract as it stands now would do to the tables as they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core.types import public
from edp.pipeline.replace import knows
from edp.pipeline.run import declared

if TYPE_CHECKING:
    from edp.pipeline.stages import Stages


@dataclass(frozen=True)
class Outlook:
    """One table: its files by the contract they were read with, and the types that are to come.

    `contract` is the hash of the contract as it is now, None where no dataset has that name any
    more. `types` maps column to its type now and the declared one, where these differ: it changes
    when the files that say otherwise are read again.
    """

    dataset: str
    contract: str | None
    files: dict[str, int]
    types: dict[str, tuple[str, str]]

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
    tables = {table.name: table for table in stages.catalog.tables()}
    outlooks = []
    for dataset, files in sorted(by_dataset.items()):
        known = knows(stages, dataset)
        wanted = declared(stages, dataset)
        now = {c.name: public(c.resolved) for c in tables[dataset].columns}
        outlooks.append(
            Outlook(
                dataset=dataset,
                contract=stages.config.dataset(dataset).hash() if known else None,
                files=dict(files),
                types={n: (now[n], kind) for n, kind in wanted.items() if now.get(n, kind) != kind},
            )
        )
    return outlooks
