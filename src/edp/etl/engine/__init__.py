"""The engine: source files in, staged Parquet out, in DuckDB.

    snapshot     private copies of the bytes; what is no CSV stops here
    header       each file's dialect and header; files with equal ones are a group
    read         a group's records as text, and what the parser rejects
    standardise  outer white space off, null tokens to NULL
    deduplicate  which records repeat another of their file
    check        which records a declared column rejects (`cast` has the reasons)
    infer        what each column's texts admit; the job's types follow from it
    lines        line and raw text of each rejected record
    write        typed rows and rejects to Parquet

Every record of a file ends as written, duplicate or rejected, and the counts say so. A file
that cannot be read has a failure and leaves no trace; the others go on.
"""

from edp.etl.engine.rewriting import rewrite
from edp.etl.engine.running import run

__all__ = ["rewrite", "run"]
