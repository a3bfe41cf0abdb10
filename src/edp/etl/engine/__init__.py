"""The engine: source files in, staged Parquet out, in DuckDB.

    snapshot     private copies of the bytes
    unpacking    what is compressed is expanded, within limits; `encoding` makes text UTF-8
    kind         CSV, JSON or Parquet; `objects` and `parquet` open the latter two
    header       each file's dialect and header; files with equal ones are a group
    read         a group's records as text, and what the parser rejects
    standardise  outer white space off, null tokens to NULL
    deduplicate  which records repeat another of their file
    check        which records a declared column rejects (`cast` has the reasons)
    infer        what each column's texts admit; the job's types follow from it
    locating     line and raw text of each rejected record
    write        typed rows and rejects to Parquet

Every record of a file ends as written, duplicate or rejected, and the counts say so. A file
that cannot be read has a failure and leaves no trace; the others go on.
"""

from edp.etl.engine.compiling import compile_contract
from edp.etl.engine.rewriting import rewrite
from edp.etl.engine.running import check_partitions, run
from edp.etl.engine.session import prepare

__all__ = ["check_partitions", "compile_contract", "prepare", "rewrite", "run"]
