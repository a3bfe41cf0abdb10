"""Writing: rows become Parquet, durable and read back before anyone is told of them.

A file's metadata says which run wrote it, from which sources, with which types; no attempt
writes over another's file, because the name has run and fence.
"""

# ruff: noqa: S608 (names are the engine's own or quoted by `identifier`, values by `literal`)

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edp.core.files import DataFile
from edp.core.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from edp.core.files import Kind

FOLDERS: Mapping[Kind, str] = {"data": "staged", "rejects": "staged-rejects"}
_FORMAT = 1


@dataclass(frozen=True)
class Writer:
    """The task that files are written for."""

    workdir: str
    run_id: str
    fence: int
    dataset: str

    def write(
        self,
        con: DuckDBPyConnection,
        query: str,
        *,
        kind: Kind,
        name: str,
        schema: Mapping[str, str],
        sources: Mapping[str, int],
        partition: str = "",
    ) -> DataFile:
        """The rows of `query` as the Parquet file `<run>-<fence>-<name>.parquet`.

        `sources` maps object key to rows and must add up to the rows of the query. `partition`
        is the folder that the file lies in. Within `in_order` only; `durable` and `check_rows`
        follow.
        """
        folder = Path(self.workdir) / FOLDERS[kind] / partition
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.run_id}-{self.fence}-{name}.parquet"
        path.unlink(missing_ok=True)  # read-only, from an attempt before
        rows = sum(sources.values())
        note = {
            "format": _FORMAT,
            "run": self.run_id,
            "fence": self.fence,
            "dataset": self.dataset,
            "kind": kind,
            "schema": dict(schema),
            "sources": dict(sources),
        }
        con.execute(
            f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, "
            f"KV_METADATA {{edp: {literal(json.dumps(note))}}})"
        )
        path.chmod(0o444)
        return DataFile(
            str(path),
            kind,
            rows,
            bytes=0,
            sha256="",
            schema=dict(schema),
            sources=dict(sources),
            partition=partition,
        )


@contextmanager
def in_order(con: DuckDBPyConnection) -> Iterator[None]:
    """Queries keep the order of rows: joins do so in one thread only."""
    ((threads,),) = con.execute("SELECT current_setting('threads')").fetchall()
    if threads > 1:
        con.execute("SET threads = 1")
    yield
    if threads > 1:
        con.execute(f"SET threads = {threads}")


def check_rows(con: DuckDBPyConnection, written: Sequence[DataFile]) -> None:
    """Read the footers of written files back.

    Raises: RuntimeError when one does not hold as many rows as it should.
    """
    if not written:
        return
    paths = ", ".join(literal(file.path) for file in written)
    footers = f"SELECT file_name, num_rows FROM parquet_file_metadata([{paths}])"
    found = dict(con.execute(footers).fetchall())
    for file in written:
        if found.get(file.path) != file.rows:
            raise RuntimeError(
                f"{Path(file.path).name} holds {found.get(file.path)} rows instead of {file.rows}"
            )


def durable(written: DataFile) -> DataFile:
    """The file with its size and hash, once its bytes are on the disk.

    Its name is not: publishing gives it another one, and that is made durable.
    """
    with Path(written.path).open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(written, bytes=file.tell(), sha256=digest)
