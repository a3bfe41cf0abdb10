"""Files that fail as a whole: nothing of them is published, and the others go on."""

# ruff: noqa: S608 (names are the engine's own)

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.core.errors import (
    CheckFailed,
    Failure,
    PartitionLimitExceeded,
    RejectLimitExceeded,
    UnreadableFile,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.core.receipts import Counts
    from edp.etl.engine.check import Rule
    from edp.etl.engine.header import Source
    from edp.etl.port import Job


def unusable(
    sources: Sequence[Source],
    counts: Mapping[int, Counts],
    lacking: Sequence[str],
) -> dict[int, Failure]:
    """Files without a record that can be read, or without a required column."""
    found: dict[int, Failure] = {}
    for source in sources:
        read = counts[source.snapshot.number].rows_read
        if source.body and not read:
            why = "no record can be read behind its header"
        elif read and lacking:
            why = f"the required column {lacking[0]!r} is not in its header"
        else:
            continue
        found[source.snapshot.number] = Failure.of(UnreadableFile(f"{source.key}: {why}"))
    return found


def checked(
    con: DuckDBPyConnection,
    sources: Sequence[Source],
    rules: Sequence[Rule],
    located: str,
    rejects: str,
) -> dict[int, Failure]:
    """Files with a row for which a check that fails files is false."""
    if not any(rule.fatal for rule in rules):
        return {}
    query = f"SELECT f, min(row), count(*) FROM {rejects} WHERE fatal GROUP BY f"
    keys = {source.snapshot.number: source.key for source in sources}
    found: dict[int, Failure] = {}
    for number, first, rows in con.execute(query).fetchall():
        ((reason,),) = con.execute(f"SELECT reason FROM {rejects} WHERE row = {first}").fetchall()
        lines = con.execute(f"SELECT line FROM {located} WHERE row = {first}").fetchall()
        where = f"; the first is line {lines[0][0]}" if lines else ""
        found[number] = Failure.of(
            CheckFailed(f"{keys[number]}: {reason} is false for {rows} of its rows{where}")
        )
    return found


def too_parted(
    con: DuckDBPyConnection,
    sources: Sequence[Source],
    rows: str,
    columns: Sequence[str],
    job: Job,
) -> dict[int, Failure]:
    """Files whose `rows` (a query) have more different values in `columns` than is allowed."""
    if not columns:
        return {}
    values = f"SELECT DISTINCT f, {', '.join(columns)} FROM {rows}"
    query = f"SELECT f, count(*) FROM ({values}) GROUP BY f HAVING count(*) > {job.max_partitions}"
    keys = {source.snapshot.number: source.key for source in sources}
    return {
        number: Failure.of(
            PartitionLimitExceeded(
                f"{keys[number]}: its rows belong into {count} partitions, and "
                f"batch.max_partitions is {job.max_partitions}; partition by something coarser, "
                "or raise that"
            )
        )
        for number, count in con.execute(query).fetchall()
    }


def over_limit(
    con: DuckDBPyConnection,
    sources: Sequence[Source],
    counts: Mapping[int, Counts],
    contract: Dataset,
    *,
    located: str,
    rejects: str,
) -> dict[int, Failure]:
    """Files of which more rows were rejected than the contract allows, and the first reason."""
    found: dict[int, Failure] = {}
    for source in sources:
        n = source.snapshot.number
        read, rejected = counts[n].rows_read, counts[n].rows_rejected
        if not read or rejected / read <= contract.max_reject_ratio:
            continue
        found[n] = Failure.of(
            RejectLimitExceeded(
                f"{source.key}: {rejected} of {read} rows were rejected, more than "
                f"max_reject_ratio {contract.max_reject_ratio} allows; mend it, or raise that"
                f"{_first_reason(con, n, located, rejects)}"
            )
        )
    return found


def _first_reason(con: DuckDBPyConnection, number: int, located: str, rejects: str) -> str:
    said = "coalesce(p.reason, coalesce(r.column_name || ' is ', '') || r.reason)"
    found = con.execute(
        f"SELECT p.line, {said} FROM {located} p LEFT JOIN {rejects} r ON p.row = r.row "
        f"WHERE p.f = {number} ORDER BY p.line LIMIT 1"
    ).fetchall()
    return "".join(f"; the first one, line {line}: {reason}" for line, reason in found)
