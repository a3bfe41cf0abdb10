"""A job: its files are opened, judged, typed together and staged.

A file that cannot be read is left out with its failure. What no file can be blamed for is
raised, so that the pipeline can split the job and find out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from edp.core.errors import Failure, UnreadableFile
from edp.core.faults import reach
from edp.core.files import Outcome, ProfileColumn
from edp.core.types import Admits, intersection
from edp.etl.engine.columns import columns
from edp.etl.engine.group import Group, judge
from edp.etl.engine.header import Header, Source
from edp.etl.engine.opening import Unopened, open_source
from edp.etl.engine.session import session
from edp.etl.engine.staging import stage_data, stage_rejects
from edp.etl.port import JobResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.port import Job


def run(job: Job) -> JobResult:
    """Read the job's inputs and stage their rows and rejects.

    Raises: any error that no single input can be blamed for.
    """
    opened = [
        open_source(given, number, job.workdir, job.contract)
        for number, given in enumerate(job.inputs)
    ]
    reach("engine.snapshot")
    outcomes = {
        number: Outcome(given.key, found.sha256, found.size, failure=found.failure)
        for number, (given, found) in enumerate(zip(job.inputs, opened, strict=True))
        if isinstance(found, Unopened)
    }
    sources = [found for found in opened if isinstance(found, Source)]
    with session(job.workdir, memory=job.memory, threads=job.threads) as con:
        groups = _groups(con, job, sources, outcomes)
        failures = {n: why for group in groups for n, why in group.failures.items()}
        types = resolve(job.live, groups, failures)
        data = stage_data(con, job, groups, types, failures)
        rejects = stage_rejects(con, job, groups, failures)
    reach("engine.staged")
    for group in groups:
        outcomes.update(_outcomes(group, failures))
    return JobResult([outcomes[number] for number in range(len(job.inputs))], [*data, *rejects])


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
            cells = columns(header.names, job.contract)
        except UnreadableFile as error:
            for source in members:
                why = UnreadableFile(f"{source.key}: {error}")
                outcomes[source.snapshot.number] = _outcome(source, failure=Failure.of(why))
            continue
        groups.append(judge(con, number, members, cells, job.contract))
    return groups


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


def _outcomes(group: Group, failures: Mapping[int, Failure]) -> dict[int, Outcome]:
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
        )
    return found
