"""The verdict: every version has one end, and the table is the oracle's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.cli.torture import oracle
from edp.pipeline.ask import answer
from edp.pipeline.audit import audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edp.cli.torture.oracle import Expected, Rows
    from edp.cli.torture.plan import Put
    from edp.wiring import Workspace

TABLE: Final = "orders"
_ENDS: Final = ("committed", "superseded", "dead", "discarded")
_ROWS: Final = "SELECT id, version, amount, day FROM orders"
_CRASHED: Final = "crashed the parser"


@dataclass(frozen=True)
class Verdict:
    """What became of everything that was put, and what is wrong with it.

    `accepted` versions by how they ended; `lost` and `doubled` rows, against the oracle.
    """

    accepted: int
    ends: Mapping[str, int]
    parsers_killed: int
    rows: int
    table: str
    oracle: str
    lost: int
    doubled: int
    wrong: Sequence[str]


def judge(here: Workspace, puts: Sequence[Put]) -> Verdict:
    """Hold the workspace, in which nobody works, against what was put into it."""
    wanted = oracle.expected(puts)
    rows = oracle.table(wanted)
    found = _found(here)
    lost, more = rows - found, found - rows
    receipts = here.stages.receipts.receipts()
    states = Counter[str](one.state for one in receipts)
    runs = here.stages.receipts.runs()
    wrong = [
        *(f"lost: row {','.join(row)}, {n} times" for row, n in lost.items()),
        *(f"doubled, or of an older version: row {','.join(row)}" for row in more),
        *(
            f"{n} versions are {state} for good"
            for state, n in states.items()
            if state not in _ENDS
        ),
        *_keys(here, wanted),
        *(
            f"audit: {proof.promise}: {finding.subject}: {finding.problem}"
            for proof in audit(here, deep=True).proofs
            for finding in proof.findings
        ),
    ]
    return Verdict(
        accepted=len(receipts),
        ends={state: states[state] for state in _ENDS},
        parsers_killed=sum(1 for run in runs if run["error_code"] == _CRASHED),
        rows=found.total(),
        table=oracle.digest(found),
        oracle=oracle.digest(rows),
        lost=lost.total(),
        doubled=more.total(),
        wrong=wrong,
    )


def _found(here: Workspace) -> Rows:
    if all(table.name != TABLE for table in here.stages.catalog.tables()):
        return Counter()
    return Counter(tuple(map(str, row)) for row in answer(here, _ROWS).rows)


def _keys(here: Workspace, wanted: Mapping[str, Expected]) -> Iterator[str]:
    """Every key that has not the end that the oracle gives it, with the counts that it has."""
    heads = here.stages.receipts.heads(sorted(wanted))
    letters = {one.key for one in here.stages.dead_letters.list()}
    for key, one in wanted.items():
        head = heads.get(key)
        if head is None:
            yield f"{key}: it was put, and nobody has accepted it"
        elif head.state != (end := "dead" if one.dead else "committed"):
            yield f"{key}: its newest version is {head.state}, not {end}"
        elif one.dead != (key in letters):
            yield f"{key}: it is {head.state} and has {'no' if one.dead else 'a'} dead letter"
        elif head.counts and (head.counts.rows_read, head.counts.rows_rejected) != (
            one.read,
            one.rejected,
        ):
            yield f"{key}: {head.counts}, not {one.read} rows read and {one.rejected} rejected"
