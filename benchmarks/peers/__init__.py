"""The peers: programs that do the work on their own, each a process.

    duckdb_sql     SQL as somebody writes it who knows DuckDB well; the measure of all others
    polars_script  lazy frames on the streaming engine
    pandas_script  the script that pipelines begin as
    edp            `edp ingest`, with the contract and without, and on a Spark of this machine

`python -m benchmarks.peers.<name> OUT PATH` reads a file, or those of a folder, and writes
`OUT/data` and `OUT/rejects`; rows are deduplicated within their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Peer:
    """A program that is measured: its name in tables, and the module that is run.

    EDP has no module, but a way to be told of the work.
    """

    title: str
    module: str = ""
    edp: Literal["", "contract", "inferred", "spark"] = ""
    bounded: bool = False
    """Whether it can keep to a limit of memory."""


LIMIT: Final = "sql"
"""The peer that all others are divided by."""
PEERS: Final = {
    LIMIT: Peer("hand-written SQL", "benchmarks.peers.duckdb_sql", bounded=True),
    "edp": Peer("EDP, contract", edp="contract", bounded=True),
    "inferred": Peer("EDP, inferred", edp="inferred", bounded=True),
    "polars": Peer("Polars", "benchmarks.peers.polars_script"),
    "pandas": Peer("pandas", "benchmarks.peers.pandas_script"),
    "spark": Peer("EDP on Spark", edp="spark"),
}
USUAL: Final = [name for name in PEERS if name != "spark"]
"""The peers that are measured when none is named; Spark is for the question of how work scales."""
