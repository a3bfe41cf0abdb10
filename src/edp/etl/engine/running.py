"""A job: its files are opened, judged, typed together and staged.

A file that cannot be read is left out with its failure. What no file can be blamed for is
raised, so that the pipeline can split the job and find out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import duckdb

from edp.core.errors import (
    CheckFailed,
    ConfigError,
    Failure,
    PoisonError,
    RejectLimitExceeded,
    RetryableError,
    UnreadableFile,
)
from edp.core.faults import reach
from edp.core.files import Outcome, ProfileColumn
from edp.core.types import Admits, intersection
from edp.etl.engine.columns import columns
from edp.etl.engine.compiling import compile_contract
from edp.etl.engine.group import Group, judge
from edp.etl.engine.header import Header, Source
from edp.etl.engine.masking import keyed, masked
from edp.etl.engine.opening import Unopened, open_source
from edp.etl.engine.partitions import values
from edp.etl.engine.rejects import samples
from edp.etl.engine.session import session
from edp.etl.engine.staging import stage_data, stage_rejects
from edp.etl.engine.write import check_rows
from edp.etl.port import JobResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.port import Job


_OVER_ROWS: Final = frozenset({RejectLimitExceeded.code, CheckFailed.code})
"""Failures of a file that are about some of its rows."""
_SMALL: Final = 4_000_000
"""Bytes that one thread has read before a second one is of use."""


class TooLittleMemory(PoisonError):
    """DuckDB could not do with its share of the memory, spilled as far as it can."""

    code = "too little memory"


class TooManyPartitions(RetryableError):
    """The files of a run have too many partitions together; each may go with fewer others."""

    code = "too many partitions"


def check_partitions(found: int, most: int) -> None:
    """Raises: TooManyPartitions when the files of a run belong into more than `most`."""
    if found > most:
        raise TooManyPartitions(
            f"the run's files belong into {found} partitions, and batch.max_partitions is {most}"
        )


def run(job: Job) -> JobResult:
    """Read the job's inputs and stage their rows and rejects.

    Raises: any error that no single input can be blamed for.
    """
    try:
        compile_contract(job.contract)
    except ConfigError as error:
        why = Failure(ConfigError.code, f"edp.yaml: datasets.{job.dataset}.{error}", permanent=True)
        return JobResult([Outcome(given.key, "", 0, failure=why) for given in job.inputs], [])
    if job.contract.transform is not None:
        job = replace(job, fixed={})  # the table's columns are the transform's, not the files'
    try:
        return _run(job)
    except duckdb.OutOfMemoryException as error:
        told = str(error).partition("\n")[0]
        raise TooLittleMemory(
            f"the run took more than its {job.memory / 1e6:,.0f} MB of memory ({told}); raise "
            "runtimes.local.memory, let fewer workers share it, or split the file"
        ) from error
    except duckdb.Error as error:
        if not masked(job.contract):
            raise
        why_not = f"{type(error).__name__} in DuckDB (its text is withheld: columns are masked)"
        raise RuntimeError(why_not) from None


def _run(job: Job) -> JobResult:
    opened = [
        open_source(given, number, job.workdir, job.contract, job.fixed)
        for number, given in enumerate(job.inputs)
    ]
    reach("engine.snapshot")
    outcomes = {
        number: Outcome(given.key, found.sha256, found.size, failure=found.failure)
        for number, (given, found) in enumerate(zip(job.inputs, opened, strict=True))
        if isinstance(found, Unopened)
    }
    sources = [found for found in opened if isinstance(found, Source)]
    small = sum(source.snapshot.size for source in sources) <= _SMALL
    with session(job.workdir, memory=job.memory, threads=1 if small else job.threads) as con:
        if job.trace:
            con.execute("CALL enable_logging('QueryLog')")
        groups = _groups(con, job, sources, outcomes)
        failures = {n: why for group in groups for n, why in group.failures.items()}
        types = resolve(job.live, groups, failures)
        _check_partitions(con, job, groups, failures)
        with keyed(con, job.mask_key):
            data = stage_data(con, job, groups, types, failures)
            rejects = stage_rejects(con, job, groups, failures)
            quoted = _samples(con, job, groups, failures)
        check_rows(con, [*data, *rejects])
        statements = _statements(con) if job.trace else []
    reach("engine.staged")
    for group in groups:
        outcomes.update(_outcomes(group, failures, quoted))
    in_order = [outcomes[number] for number in range(len(job.inputs))]
    return JobResult(in_order, [*data, *rejects], statements)


def _statements(con: DuckDBPyConnection) -> list[str]:
    log = "SELECT message FROM duckdb_logs WHERE type = 'QueryLog' ORDER BY timestamp"
    ran = [text for (text,) in con.execute(log).fetchall()]
    # a variable holds the mask key in another form
    return [text for text in ran if not text.startswith(("SET VARIABLE", "RESET VARIABLE"))]


def _groups(
    con: DuckDBPyConnection,
    job: Job,
    sources: Sequence[Source],
    outcomes: dict[int, Outcome],
) -> list[Group]:
    """Files with one header together; the outcome of a file that is in none is noted."""
    alike: dict[Header, list[Source]] = defaultdict(list)
    for source in sources:
        if source.header.names:
            alike[source.header].append(source)
        else:
            outcomes[source.snapshot.number] = _outcome(source)
    groups = []
    for number, (header, members) in enumerate(alike.items()):
        try:
            cells = columns(header.names, job.contract, job.fixed)
        except UnreadableFile as error:
            for source in members:
                why = UnreadableFile(f"{source.key}: {error}")
                outcomes[source.snapshot.number] = _outcome(source, failure=Failure.of(why))
            continue
        try:
            groups.append(judge(con, number, members, cells, job))
        except ConfigError as error:
            for source in members:
                unfit = Failure(ConfigError.code, f"{source.key}: {error}", permanent=True)
                outcomes[source.snapshot.number] = _outcome(source, failure=unfit)
    return groups


def _check_partitions(
    con: DuckDBPyConnection, job: Job, groups: Sequence[Group], failures: Mapping[int, Failure]
) -> None:
    """Raises: TooManyPartitions when files that may go alone are too many partitions together."""
    if not job.contract.partition_by:
        return
    found: set[tuple[object, ...]] = set()
    for group in groups:
        found |= values(con, group, job.contract, sorted(failures))
    check_partitions(len(found), job.max_partitions)


def resolve(
    live: Mapping[str, Admits], groups: Iterable[Group], failures: Mapping[int, Failure]
) -> dict[str, str]:
    """The type of each inferred column: what the live files and the job's good ones all admit."""
    found: dict[str, list[Admits]] = defaultdict(list)
    for group in groups:
        for cell in group.cells:
            admits = found[cell.name]
            admits += [
                by_column[cell.name]
                for number, by_column in group.admits.items()
                if number not in failures
            ]
    return {
        name: intersection([live.get(name, Admits()), *admits]).resolved
        for name, admits in found.items()
    }


def _outcome(source: Source, *, failure: Failure | None = None) -> Outcome:
    snapshot = source.snapshot
    return Outcome(snapshot.key, snapshot.sha256, snapshot.size, failure=failure)


def _samples(
    con: DuckDBPyConnection,
    job: Job,
    groups: Sequence[Group],
    failures: Mapping[int, Failure],
) -> dict[int, tuple[str, ...]]:
    """Some rejected rows of each file that failed over such rows, if that was asked for."""
    if not job.samples:
        return {}
    return {
        n: tuple(samples(con, group, n, job.samples))
        for group in groups
        for n in group.counts
        if n in failures and failures[n].code in _OVER_ROWS
    }


def _outcomes(
    group: Group, failures: Mapping[int, Failure], quoted: Mapping[int, tuple[str, ...]]
) -> dict[int, Outcome]:
    found = {}
    for source in group.sources:
        snapshot = source.snapshot
        admits = group.admits.get(snapshot.number, {})
        profile = tuple(
            ProfileColumn(
                cell.name, cell.original, admits.get(cell.name, Admits()), cell.type is not None
            )
            for cell in group.cells
        )
        found[snapshot.number] = Outcome(
            snapshot.key,
            snapshot.sha256,
            snapshot.size,
            group.counts[snapshot.number],
            profile,
            failures.get(snapshot.number),
            group.warnings.get(snapshot.number, {}),
            quoted.get(snapshot.number, ()),
        )
    return found
