"""Audit: proves that nothing is lost, nothing is there twice, and every row is counted.

What the ledger and the catalog say is held against each other, against the listing of the source
and against the files of the target. Nothing is changed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from edp.core.names import is_ignored
from edp.pipeline.proofs import PROOFS, Facts
from edp.pipeline.retract import RETRACTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edp.core.holder import Holder
    from edp.core.receipts import Receipt
    from edp.pipeline.proofs import Finding
    from edp.pipeline.stages import Stages

_LATER_S: Final = 2.0
"""Until a second look at a workspace that is being worked, beside the time that files settle in."""


class Place(Protocol):
    """A workspace as an audit needs it."""

    @property
    def stages(self) -> Stages:
        """The stages over the workspace's state."""

    def holder(self) -> Holder | None:
        """The process that works the workspace, if one does."""


@dataclass(frozen=True)
class Proof:
    """What was to be proved, of how many things, and what speaks against it."""

    name: str
    promise: str
    checked: int
    findings: tuple[Finding, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.findings


@dataclass(frozen=True)
class Audit:
    """Every proof; `deep` says whether each data file was read as a whole."""

    deep: bool
    proofs: tuple[Proof, ...]

    @property
    def holds(self) -> bool:
        """Whether all of them hold."""
        return all(proof.holds for proof in self.proofs)


def audit(place: Place, *, deep: bool = False) -> Audit:
    """Prove the invariants of a workspace; `deep` reads every data file, and hashes it.

    Where somebody works it, or did when the look began, what is on its way looks as if it were
    lost: then only what a second look finds, too, is told.
    """
    stages = place.stages
    worked = place.holder() is not None
    first = _proofs(facts(stages, deep=deep))
    worked = worked or place.holder() is not None
    if all(proof.holds for proof in first) or not worked:
        return Audit(deep, first)
    time.sleep(stages.config.runtimes.local.settle.total_seconds() + _LATER_S)
    return Audit(deep, tuple(map(_both, first, _proofs(facts(stages, deep=deep)))))


def _both(one: Proof, other: Proof) -> Proof:
    again = tuple(finding for finding in other.findings if finding in one.findings)
    return Proof(other.name, other.promise, other.checked, again)


def _proofs(found: Facts) -> tuple[Proof, ...]:
    return tuple(
        Proof(name, promise, checked(found), tuple(prove(found)))
        for name, promise, checked, prove in PROOFS
    )


def facts(stages: Stages, *, deep: bool = False) -> Facts:
    """What there is: the state of one moment, and the folders around it."""
    listed = {entry.key: entry for entry in stages.source.list() if not is_ignored(entry.key)}
    with stages.reading():
        receipts = stages.receipts.receipts()
        seen = stages.ledger.seen()
        heads = stages.receipts.heads(sorted({receipt.key for receipt in receipts}))
        inventory = stages.catalog.inventory()
        committed = stages.receipts.committed(sorted(heads))
        waiting = stages.queue.depth()
        letters = stages.dead_letters.list()
        runs = {str(run["id"]): str(run["state"]) for run in stages.receipts.runs()}
    measured = stages.crawler().measure([file for _, file in inventory.files], deep=deep)
    changed = {
        key: stored.sha256
        for key, entry in listed.items()
        if key in seen and seen[key].stat != entry.stat and (stored := stages.source.read(key))
    }
    return Facts(
        listed=listed,
        changed=changed,
        seen=seen,
        receipts=receipts,
        heads=heads,
        waiting=waiting,
        letters=letters,
        runs=runs,
        inventory=inventory,
        measured=measured,
        there=dict(stages.target.list()),
        retracted=frozenset(_retracted(stages, heads, inventory.sources)),
        since={key: one.at for key, one in committed.items()},
        garbage_s=stages.config.retention.superseded.total_seconds(),
    )


def _retracted(
    stages: Stages, heads: Mapping[str, Receipt], sources: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """Live keys that a person took out; one that was given up as a dead letter keeps its rows."""
    for key in set().union(*sources.values()):
        if key in heads and heads[key].state == "discarded":
            changes = stages.receipts.history(key)
            if changes and changes[-1]["note"] == RETRACTED:
                yield key
