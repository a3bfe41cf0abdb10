"""A group: files with equal headers, read, judged and counted together.

Every record gets the first outcome that applies: rejected, duplicate, written.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core.errors import Failure, UnreadableFile
from edp.core.receipts import Counts
from edp.etl.engine.check import rejects_sql
from edp.etl.engine.columns import missing
from edp.etl.engine.deduplicate import duplicates_sql
from edp.etl.engine.failing import over_limit, unusable
from edp.etl.engine.infer import infer
from edp.etl.engine.lines import locate
from edp.etl.engine.reading import drop_blank_lines, parse_rejects, read_sql
from edp.etl.engine.standardise import standardise_sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.contract import Dataset
    from edp.core.types import Admits
    from edp.etl.engine.columns import Cell
    from edp.etl.engine.header import Source
    from edp.etl.engine.lines import Reject


@dataclass(frozen=True)
class Group:
    """What was found in files with one header; mappings are by number of the file.

    `texts` is the table of standardised records (c0, c1, ..., f), `rejects` that of rows which
    columns reject, `kept` the query for rows that are written (row, f, c0, ...). `located` has
    every rejected record.
    """

    sources: Sequence[Source]
    cells: Sequence[Cell]
    texts: str
    rejects: str
    kept: str
    located: Mapping[int, Sequence[Reject]]
    counts: Mapping[int, Counts]
    admits: Mapping[int, Mapping[str, Admits]]
    failures: Mapping[int, Failure]


def judge(
    con: DuckDBPyConnection,
    number: int,
    sources: Sequence[Source],
    cells: Sequence[Cell],
    contract: Dataset,
) -> Group:
    """Group `number`: its files' records as text, each with its outcome.

    Raises: any error that DuckDB has with the files.
    """
    header = sources[0].header
    texts, rejects, duplicates = f"texts_{number}", f"rejects_{number}", f"duplicates_{number}"
    parser = _read(con, number, texts, sources, contract)
    con.execute(f"CREATE TABLE {rejects} AS {rejects_sql(texts, cells)}")
    con.execute(
        f"CREATE TABLE {duplicates} AS SELECT row, f "
        f"FROM ({_duplicates(texts, len(header.names), contract)}) "
        f"WHERE row NOT IN (SELECT row FROM {rejects})"
    )
    kept = _kept(con, texts, rejects, duplicates)
    rows, by_column = _rows(con, texts), _rows(con, rejects)
    located, failures = _locate(con, sources, parser, texts=texts, rejects=rejects, rows=rows)
    counts = _counts(
        sources,
        rows=rows,
        unparsed=Counter({n: sum(r.row is None for r in found) for n, found in located.items()}),
        written=_rows(con, f"({kept})"),
        duplicate=_rows(con, duplicates),
        rejected=by_column,
    )
    over = over_limit(con, sources, counts, contract, located=located, rejects=rejects)
    failures = {**unusable(sources, counts, missing(cells, contract)), **over, **failures}
    return Group(
        sources=sources,
        cells=cells,
        texts=texts,
        rejects=rejects,
        kept=kept,
        located=located,
        counts=counts,
        admits=infer(con, kept, cells),
        failures=failures,
    )


def _locate(
    con: DuckDBPyConnection,
    sources: Sequence[Source],
    parser: Mapping[int, Mapping[int, str]],
    *,
    texts: str,
    rejects: str,
    rows: Mapping[int, int],
) -> tuple[dict[int, list[Reject]], dict[int, Failure]]:
    """Every rejected record by number of its file, and why files have failed over it."""
    first = f"SELECT f, min(rowid) AS start FROM {texts} GROUP BY f"
    query = f"SELECT f, row - start, row FROM {rejects} JOIN ({first}) USING (f)"
    wanted: dict[int, dict[int, int]] = defaultdict(dict)
    for number, place, row in con.execute(query).fetchall():
        wanted[number][place] = row
    located, failures = {}, {}
    for source in sources:
        n = source.snapshot.number
        if n in parser or n in wanted:
            try:
                located[n] = locate(source, parser.get(n, {}), wanted[n], rows[n])
            except UnreadableFile as error:
                failures[n] = Failure.of(error)
    return located, failures


def _read(
    con: DuckDBPyConnection,
    number: int,
    texts: str,
    sources: Sequence[Source],
    contract: Dataset,
) -> Mapping[int, Mapping[int, str]]:
    """Fill the table `texts`, and say what the parser rejected."""
    header = sources[0].header
    width = len(header.names)
    errors, scans = f"errors_{number}", f"scans_{number}"
    records = read_sql(sources, header, errors, scans)
    con.execute(f"CREATE TABLE {texts} AS {standardise_sql(records, width, contract.nulls)}")
    parser = parse_rejects(con, sources, errors, scans)
    if width == 1:
        drop_blank_lines(con, texts, sources, parser)
    return parser


def _duplicates(texts: str, width: int, contract: Dataset) -> str:
    if contract.deduplicate == "none":
        return f"SELECT rowid AS row, f FROM {texts} WHERE false"
    return duplicates_sql(texts, width)


def _kept(con: DuckDBPyConnection, texts: str, rejects: str, duplicates: str) -> str:
    rows = f"SELECT rowid AS row, * FROM {texts}"
    dropped = f"SELECT row FROM {rejects} UNION ALL SELECT row FROM {duplicates}"
    if con.execute(f"SELECT 1 FROM ({dropped}) LIMIT 1").fetchall():
        return f"SELECT t.* FROM ({rows}) t ANTI JOIN ({dropped}) d ON t.row = d.row"
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
    rejected: Counter[int],
) -> dict[int, Counts]:
    found = {}
    for source in sources:
        n = source.snapshot.number
        counts = Counts(
            rows_read=rows[n] + unparsed[n],
            rows_written=written[n],
            rows_duplicate=duplicate[n],
            rows_rejected=rejected[n] + unparsed[n],
        )
        if not counts.conserved:
            raise RuntimeError(f"{source.key}: rows were lost or doubled: {counts}")
        found[n] = counts
    return found
