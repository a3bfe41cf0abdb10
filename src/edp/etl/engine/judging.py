"""Judging: a group's records are read and get their verdicts, in one pass where that is enough.

The texts of all records are kept only for what has to look at them again: exact deduplication,
nested values, and records that nothing is declared of, which are texts. Else the texts of rejected
records are.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edp.etl.engine.columns import json_places, untrimmed
from edp.etl.engine.nesting import add_values, nested
from edp.etl.engine.reading import read
from edp.etl.engine.verdict import verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from edp.etl.engine.columns import Cell
    from edp.etl.engine.header import Source
    from edp.etl.engine.reading import Parsed
    from edp.etl.engine.verdict import Verdicts
    from edp.etl.port import Job


@dataclass(frozen=True)
class Judged:
    """The records of group `number`, in the order of files and lines.

    `texts` is a table with the standardised texts of at least the rejected records ($row, f, c0,
    c1, ...), `values` one with the judged records, or a query for them in brackets: the columns
    are those of `verdicts`. `parsed` says what became no record.
    """

    texts: str
    values: str
    verdicts: Verdicts
    parsed: Parsed


def judged(
    con: DuckDBPyConnection,
    number: int,
    sources: Sequence[Source],
    cells: Sequence[Cell],
    job: Job,
) -> Judged:
    """Read the records of files with one header, and judge them.

    Raises: UnfitExpression, and any error that DuckDB has with the files.
    """
    contract, width = job.contract, len(sources[0].header.names)
    texts, values = f"texts_{number}", f"values_{number}"
    found = verdicts(con, width, cells, contract)
    whole = found.plain or contract.deduplicate == "exact" or bool(nested(cells))
    records = f"records_{number}"
    parsed = read(
        con,
        number,
        records,
        sources,
        nulls=contract.nulls,
        untrimmed=untrimmed(cells),
        json=json_places(cells),
        judge=None if whole else found.of_unnumbered,
    )
    if not whole:
        con.execute(f'CREATE VIEW {values} AS SELECT rowid AS "$row", * FROM {records}')
        cell = ", ".join(f'"$texts"[{n + 1}] AS c{n}' for n in range(width))
        con.execute(
            f'CREATE VIEW {texts} AS SELECT "$row", "$f" AS f, {cell} FROM {values} '
            'WHERE "$code" >= 0'
        )
        return Judged(texts, values, found, parsed)
    surplus = contract.unknown_columns == "ignore"
    add_values(con, records, cells, Path(job.workdir), surplus=surplus)
    con.execute(f'CREATE VIEW {texts} AS SELECT rowid AS "$row", * FROM {records}')
    query = f'SELECT * EXCLUDE ("$texts") FROM ({found.of(f"FROM {texts}")})'
    if found.plain:
        return Judged(texts, f"({query})", found, parsed)
    con.execute(f"CREATE TABLE {values} AS {query}")
    return Judged(texts, values, found, parsed)
