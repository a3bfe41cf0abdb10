"""Propose: what sample files say a dataset's contract could be, with the evidence.

The files are read twice, as a run would read them: once for what their texts admit, once with
every column as text, to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import TYPE_CHECKING, Final

from edp.core import clock
from edp.core.contract import Dataset
from edp.core.errors import ConfigError, RetryableError
from edp.core.files import admits
from edp.core.formats import value_sql
from edp.core.sql import identifier
from edp.core.types import parted, public
from edp.etl.port import Input, Job, JobResult
from edp.query.port import Files, Snapshot, View

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from edp.core.files import DataFile, Profile
    from edp.etl.port import Finished, Task
    from edp.query.port import Query

_DAYS: Final = {
    "mdy": ("%m/%d/%Y", "%m/%d/%y"),
    "dmy": ("%d/%m/%Y", "%d/%m/%y"),
    "": ("%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
}
_TIMES: Final = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
_ALIKE: Final = 0.7
"""Two names that never stand in one file are proposed as aliases when they are this much alike."""
_TELLING: Final = 3
"""Letters that another name may start with to be proposed, too."""
_FEW_DAYS: Final = 400


@dataclass(frozen=True)
class ColumnProposal:
    """A column: its type, the formats that its dates need, and what was counted."""

    name: str
    type: str
    formats: tuple[str, ...]
    values: int
    empty: int
    distinct: int


@dataclass(frozen=True)
class Proposal:
    """A contract for a dataset.

    `keys` are columns that are different in every row of each file, `days` those whose date would
    part the table, `aliases` pairs of names that may be one column.
    """

    columns: tuple[ColumnProposal, ...]
    keys: tuple[str, ...]
    days: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    files: int
    rows: int


def propose(
    query: Query,
    paths: Sequence[Path],
    *,
    workdir: Path,
    memory: int,
) -> Generator[Sequence[Task], Sequence[Finished], Proposal]:
    """The steps from sample files to a proposal.

    Raises: ConfigError when a file cannot be read.
    """
    (workdir / "typed").mkdir()
    (workdir / "text").mkdir()
    inputs = [Input(f"sample/{n}/{path.name}", str(path.resolve())) for n, path in enumerate(paths)]
    typed = yield from _read(Dataset(), inputs, workdir / "typed", memory)
    for outcome in typed.outcomes:
        if outcome.failure is not None:
            raise ConfigError(outcome.failure.message)
    profiles = [outcome.profile for outcome in typed.outcomes]
    types = {name: found.resolved for name, found in admits(profiles).items()}
    text = Dataset.model_validate(
        {"columns": {name: {"type": "string"} for name in types}, "max_reject_ratio": 1}
    )
    read = yield from _read(text, inputs, workdir / "text", memory)
    samples = _Samples(query, [file for file in read.staged if file.kind == "data"], tuple(types))
    columns = tuple(samples.column(name, kind) for name, kind in types.items())
    days = [c.name for c in columns if c.type in ("date", "timestamp") and c.distinct]
    return Proposal(
        columns=columns,
        keys=tuple(c.name for c in columns if c.values and not c.empty and samples.unique(c.name)),
        days=tuple(name for name in days if samples.distinct_days(name) <= _FEW_DAYS),
        aliases=tuple(_aliases(profiles, types)),
        files=len(paths),
        rows=sum(outcome.counts.rows_read for outcome in typed.outcomes),
    )


def _read(
    contract: Dataset, inputs: Sequence[Input], workdir: Path, memory: int
) -> Generator[Sequence[Task], Sequence[Finished], JobResult]:
    job = Job(
        run_id="infer",
        fence=0,
        dataset="sample",
        contract=contract,
        inputs=inputs,
        workdir=str(workdir),
        loaded_at=clock.now(),
        memory=memory,
    )
    (done,) = yield [job]
    if not isinstance(done.result, JobResult):
        raise RetryableError(done.failure.message if done.failure else "no result")
    return done.result


class _Samples:
    """The samples' texts, as a table to count in."""

    def __init__(self, query: Query, files: Sequence[DataFile], columns: Sequence[str]) -> None:
        self._query = query
        groups = [Files(file.schema, [file.path]) for file in files]
        kinds = dict.fromkeys((*columns, "_source_file"), "string")
        self._snapshot = Snapshot({"samples": View("samples", kinds, groups)}, {})

    def _count(self, what: str) -> tuple[int, ...]:
        answer = self._query.ask(f"SELECT {what} FROM samples", self._snapshot)  # noqa: S608
        return tuple(int(str(n)) for n in answer.rows[0])

    def column(self, name: str, resolved: str) -> ColumnProposal:
        column = identifier(name)
        rows, values, distinct = self._count(f"count(*), count({column}), count(DISTINCT {column})")
        kind = public(resolved)
        formats: tuple[str, ...] = ()
        if values and resolved == "string":
            kind, formats = self._dated(column, values)
        elif ":" in resolved:
            formats = self._formats(column, values, list(_with_times(resolved)), iso=True)
        return ColumnProposal(name, kind, formats, values, rows - values, distinct)

    def _dated(self, column: str, values: int) -> tuple[str, tuple[str, ...]]:
        for kind, candidates in (
            ("date", list(_DAYS[""])),
            ("timestamp", [f"{day} {time}" for day in _DAYS[""] for time in _TIMES]),
        ):
            formats = self._formats(column, values, candidates, iso=False)
            if formats:
                return kind, formats
        return "string", ()

    def _formats(
        self, column: str, values: int, candidates: Sequence[str], *, iso: bool
    ) -> tuple[str, ...]:
        """As few of `candidates` as read every value, beside year-first dates if `iso`."""
        fits = [f"({value_sql(column, one, 'timestamp')}) IS NOT NULL" for one in candidates]
        counts = self._count(", ".join(f"count(*) FILTER ({fit})" for fit in fits))
        chosen: list[str] = []
        tests = [f"regexp_matches({column}, '^[0-9]{{4}}[-/]')"] if iso else []
        for n, count in sorted(enumerate(counts), key=lambda one: -one[1]):
            (left,) = self._count(f"count({column}) FILTER (NOT ({' OR '.join(tests) or 'false'}))")
            if not left or not count:
                break
            chosen.append(candidates[n])
            tests.append(fits[n])
        (left,) = self._count(f"count({column}) FILTER (NOT ({' OR '.join(tests) or 'false'}))")
        return tuple(chosen) if values and not left else ()

    def unique(self, name: str) -> bool:
        pair = f"({identifier(name)}, _source_file)"
        rows, distinct = self._count(f"count(*), count(DISTINCT {pair})")
        return rows == distinct

    def distinct_days(self, name: str) -> int:
        """Roughly: how many different first ten characters there are."""
        return self._count(f"count(DISTINCT left({identifier(name)}, 10))")[0]


def _with_times(resolved: str) -> Iterator[str]:
    kind, reading = parted(resolved)
    for day in _DAYS[reading]:
        yield day
        if kind == "timestamp":
            yield from (f"{day} {time}" for time in _TIMES)


def _aliases(profiles: Sequence[Profile], types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    together = {frozenset(c.name for c in profile) for profile in profiles}
    for one, other in combinations(types, 2):
        apart = not any({one, other} <= names for names in together)
        alike = SequenceMatcher(None, one, other).ratio() >= _ALIKE
        bare = sorted((one.strip("_"), other.strip("_")), key=len)
        begins = len(bare[0]) >= _TELLING and bare[1].startswith(bare[0])
        if apart and types[one] == types[other] and (alike or begins):
            yield one, other
