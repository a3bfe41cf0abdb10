"""A group: files with equal headers, read, judged and counted together.

Every record gets the first outcome that applies: rejected, filtered, duplicate, written.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edp.core.names import normalise
from edp.core.receipts import Counts
from edp.core.sql import value_sql
from edp.etl.engine.columns import missing
from edp.etl.engine.deduplicate import duplicates_sql, same_key_sql
from edp.etl.engine.failing import checked, over_limit, too_parted, unusable
from edp.etl.engine.infer import infer
from edp.etl.engine.judging import judged
from edp.etl.engine.locating import locate_all
from edp.etl.engine.offering import offered
from edp.etl.engine.transforming import Room, transform
from edp.etl.engine.verdict import FILTERED, Verdicts, key_names, rejects_sql, table_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Column, Dataset
    from edp.core.errors import Failure
    from edp.core.types import Admits
    from edp.etl.engine.columns import Cell
    from edp.etl.engine.header import Source
    from edp.etl.port import Job


@dataclass(frozen=True)
class Group:
    """What was found in files with one header; mappings are by number of the file.

    `texts` is the table with the standardised texts of rejected records at least ($row, f, c0, c1,
    ...), `rejects` that of rows which columns or checks reject, `located` that of every rejected
    record, as `locate_all` fills it. `kept` is the query for rows that are written (row, f, c0,
    ...): values of the columns in `cells` that have a type, texts of the others and of masked ones.
    `read` are the columns as the files have them. `warnings` are by number of the file, then by
    check.
    """

    sources: Sequence[Source]
    cells: Sequence[Cell]
    read: Sequence[Cell]
    texts: str
    rejects: str
    kept: str
    located: str
    counts: Mapping[int, Counts]
    admits: Mapping[int, Mapping[str, Admits]]
    failures: Mapping[int, Failure]
    warnings: Mapping[int, Mapping[str, int]]


def judge(
    con: DuckDBPyConnection,
    number: int,
    sources: Sequence[Source],
    cells: Sequence[Cell],
    job: Job,
) -> Group:
    """Group `number`: its files' records as text, each with its outcome.

    Raises: UnfitExpression, and any error that DuckDB has with the files.
    """
    contract, width = job.contract, len(sources[0].header.names)
    rejects, duplicates = f"rejects_{number}", f"duplicates_{number}"
    found = judged(con, number, sources, cells, job)
    texts, values, verdicts, parsed = found.texts, found.values, found.verdicts, found.parsed
    con.execute(f"CREATE TABLE {rejects} AS {rejects_sql(texts, values, verdicts.rules)}")
    con.execute(
        f"CREATE TABLE {duplicates} AS SELECT row, f "
        f"FROM ({_duplicates(texts, values, width, verdicts, contract)}) d "
        f'ANTI JOIN (SELECT "$row" FROM {values} WHERE "$code" IS NOT NULL) j ON d.row = j."$row"'
    )
    kept, columns = _kept(con, values, duplicates, verdicts), _columns(verdicts.cells)
    rows, by_rule = _rows(con, f'(SELECT "$f" AS f FROM {values})'), _rows(con, rejects)
    first = f'SELECT "$f" AS f, min("$row") AS start FROM {values} GROUP BY 1'
    located = f"located_{number}"
    failures = locate_all(
        con,
        located,
        sources,
        parsed.rejected,
        wanted=f"SELECT f, row - start AS place, row FROM {rejects} JOIN ({first}) USING (f)",
        rows=rows,
        hidden=any(cell.mask for cell in cells),
        path=Path(job.workdir) / f"{located}.jsonl",
    )
    failures = {**checked(con, sources, verdicts.rules, located, rejects), **failures}
    filtered = _rows(con, f'(SELECT "$f" AS f FROM {values} WHERE "$code" = {FILTERED})')
    good = _rows(con, f"({kept})")
    if contract.transform is not None:
        room = Room(job.workdir, job.memory // 2, job.threads)
        alive = [source for source in sources if source.snapshot.number not in failures]
        made = transform(
            con, kept, verdicts.cells, alive, contract, table=f"transformed_{number}", room=room
        )
        kept, columns = made.kept, _columns(made.cells, contract)
        failures = {**made.failures, **failures}
    kept = f"SELECT row, f, {_outgoing(columns)} FROM ({kept})"
    written = good
    if contract.transform is not None:
        written = _rows(con, f"({kept})")
        filtered += good - written
    counts = _counts(
        sources,
        rows=rows,
        unparsed=_rows(con, f"(SELECT f FROM {located} WHERE row IS NULL)"),
        written=written,
        duplicate=_rows(con, duplicates),
        filtered=filtered,
        rejected=by_rule,
    )
    over = over_limit(con, sources, counts, contract, located=located, rejects=rejects)
    failures = {**unusable(sources, counts, missing(cells, contract)), **over, **failures}
    parted = too_parted(con, sources, f"({kept})", _parted_by(columns, contract), job)
    cells_out = tuple(replace(c, type="string") if c.mask else c for c in columns)
    admits = infer(con, kept, cells_out)
    if contract.transform is None:
        own = [cell for cell in cells_out if cell in cells]
        admits = offered(sources, own, admits)
    return Group(
        sources=sources,
        cells=cells_out,
        read=cells,
        texts=texts,
        rejects=rejects,
        kept=kept,
        located=located,
        counts=counts,
        admits=admits,
        failures={**parted, **failures, **parsed.failures},
        warnings=_warnings(con, values, verdicts.warnings),
    )


def _columns(cells: Sequence[Cell], contract: Dataset | None = None) -> tuple[Cell, ...]:
    """The table's columns; those of a transform are masked by their names."""
    if contract is not None:
        rules = {column.rename or key: column for key, column in _named(contract)}
        cells = [replace(c, rules=rules[c.name]) if c.name in rules else c for c in cells]
    return tuple(cell for cell in cells if cell.stays)


def _named(contract: Dataset) -> list[tuple[str, Column]]:
    return [(normalise(key), column) for key, column in contract.columns.items()]


def _outgoing(cells: Sequence[Cell]) -> str:
    return ", ".join(
        f"{value_sql(cell.type or 'string', 'string', cell.text)} AS {cell.text}"
        if cell.mask
        else cell.text
        for cell in cells
    )


def _parted_by(cells: Sequence[Cell], contract: Dataset) -> list[str]:
    wanted = [table_name(name, contract) for name in contract.partition_by]
    return [cell.text for cell in cells if cell.name in wanted]


def _warnings(
    con: DuckDBPyConnection, values: str, checks: Sequence[str]
) -> Mapping[int, Mapping[str, int]]:
    """Rows that are not rejected and for which a check that warns is false."""
    if not checks:
        return {}
    counted = ", ".join(f'count_if("$warn{n}")' for n in range(len(checks)))
    good = f'coalesce("$code", {FILTERED}) < 0'
    query = f'SELECT "$f", {counted} FROM {values} WHERE {good} GROUP BY 1'
    return {
        number: {name: n for name, n in zip(checks, counts, strict=True) if n}
        for number, *counts in con.execute(query).fetchall()
    }


def _duplicates(texts: str, values: str, width: int, verdicts: Verdicts, contract: Dataset) -> str:
    if contract.deduplicate == "none":
        return f'SELECT "$row" AS row, f FROM {texts} WHERE false'
    if contract.deduplicate == "exact":
        return duplicates_sql(texts, width)
    places = {cell.name: cell.text for cell in verdicts.cells}
    order = [table_name(name, contract) for name in contract.deduplicate.order_by]
    return same_key_sql(
        values,
        [places[name] for name in key_names(contract) if name in places],
        [places[name] for name in order if name in places],
        contract.deduplicate.keep,
    )


def _kept(con: DuckDBPyConnection, values: str, duplicates: str, verdicts: Verdicts) -> str:
    names = "".join(f", {cell.text}" for cell in verdicts.cells)
    rows = f'SELECT "$row" AS row, "$f" AS f{names} FROM {values} WHERE "$code" IS NULL'
    if con.execute(f"SELECT 1 FROM {duplicates} LIMIT 1").fetchall():
        return f"SELECT t.* FROM ({rows}) t ANTI JOIN {duplicates} d ON t.row = d.row"
    return rows


def _rows(con: DuckDBPyConnection, table: str) -> Counter[int]:
    return Counter(dict(con.execute(f"SELECT f, count(*) FROM {table} GROUP BY f").fetchall()))


def _counts(
    sources: Sequence[Source],
    *,
    rows: Counter[int],
    unparsed: Counter[int],
    written: Counter[int],
    duplicate: Counter[int],
    filtered: Counter[int],
    rejected: Counter[int],
) -> dict[int, Counts]:
    found = {}
    for source in sources:
        n = source.snapshot.number
        counts = Counts(
            rows_read=rows[n] + unparsed[n],
            rows_written=written[n],
            rows_duplicate=duplicate[n],
            rows_filtered=filtered[n],
            rows_rejected=rejected[n] + unparsed[n],
        )
        if not counts.conserved:
            raise RuntimeError(f"{source.key}: rows were lost or doubled: {counts}")
        found[n] = counts
    return found
