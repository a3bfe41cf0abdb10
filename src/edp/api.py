"""The pipeline in a Python program: what the commands do, with values instead of text.

It is `from edp import Pipeline` to its users. Each method calls the function that the command of
that name calls, so both mean the same and can be mixed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edp.core.errors import ConfigError
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pyarrow as pa

    from edp.catalog.port import Table
    from edp.core.receipts import Receipt, State
    from edp.pipeline.foreground import Rest
    from edp.queue.port import DeadLetter
    from edp.wiring import Workspace

_CONTRACT = "edp.yaml"


class Pipeline:
    r"""A workspace, opened; `Pipeline.open` makes one.

    Opening starts no process and works on nothing: a call does that, until what it was asked for
    is done. Where an `edp up` works the workspace already, the call waits for that one.

    It may be used by several threads. Those that put do so at once, and share their waits for the
    disk. Of those that load one works at a time; the others wait, and go on where it leaves. A
    process that was forked opens a Pipeline of its own.

    Every error that is raised on purpose is an `edp.EdpError`. What a file or a row has against it
    raises nothing: it stands in receipts, rejects and dead letters.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Pipeline.open(folder) as pipeline:
    ...     _ = Path(folder, "monday.csv").write_text("id,amount\n1,350\n2,many\n")
    ...     (receipt,) = pipeline.ingest(Path(folder, "monday.csv"), dataset="orders")
    ...     print(receipt.state, receipt.counts.rows_written)
    ...     pipeline.rows("SELECT id, amount FROM orders ORDER BY id")
    committed 2
    [{'id': 1, 'amount': '350'}, {'id': 2, 'amount': 'many'}]
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace: Workspace | None = workspace

    @classmethod
    def open(
        cls, path: str | os.PathLike[str] = ".", *, environ: Mapping[str, str] | None = None
    ) -> Self:
        """The pipeline of an `edp.yaml`, or of the folder that it is in; the folder needs none.

        `environ` is where the contract's `${NAME}` come from, `os.environ` unless given.

        Raises: ConfigError when the contract is wrong, or nothing is there.
        """
        place = Path(path)
        if place.name == _CONTRACT and not place.is_dir():
            if not place.exists():
                raise ConfigError(
                    f"{place} is not there; open its folder, or `edp init` writes one"
                )
            place = place.parent
        elif place.is_file():
            raise ConfigError(f"{place}: a contract is called {_CONTRACT}; rename it")
        return cls(open_workspace(place, environ=os.environ if environ is None else environ))

    def close(self) -> None:
        """Let go of the state; what is queued stays queued. Closing twice is no error."""
        if self._workspace is not None:
            self._workspace.close()
        self._workspace = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _here(self) -> Workspace:
        if self._workspace is None:
            raise ConfigError("this Pipeline is closed; open it again")
        return self._workspace

    # --- files come in ----------------------------------------------------------------------------

    def put(self, *paths: str | os.PathLike[str], dataset: str) -> list[str]:
        """Put files, or the files of folders, into the source; their keys.

        A running `edp up` loads them, or `run_until_idle`.

        Raises: ConfigError when a path holds no file, or the files do not belong to `dataset`.
        """
        from edp.pipeline import feed
        from edp.pipeline.ingest import destinations

        files = destinations(self._here.config, [Path(path) for path in paths], dataset)
        return [stored.key for stored in feed.put_all(self._here.stages, files)]

    def ingest(
        self, *paths: str | os.PathLike[str], dataset: str, timeout: float | None = None
    ) -> list[Receipt]:
        """Put files, or the files of folders, and wait until each is settled; their receipts.

        The same bytes again change nothing: the receipt of then comes back, `unchanged`. What is
        not settled after `timeout` seconds stays queued.

        Raises: ConfigError when a path holds no file, or the files do not belong to `dataset`.
        """
        from edp.pipeline.foreground import Patience
        from edp.pipeline.ingest import destinations, ingest

        files = destinations(self._here.config, [Path(path) for path in paths], dataset)
        return list(ingest(self._here, files, patience=Patience(timeout)))

    def run_until_idle(self, *, timeout: float | None = None) -> Rest:
        """Work until nothing is left to do, `timeout` seconds at most.

        Files that others wrote into the source are found, too.
        """
        from edp.pipeline.foreground import Patience, until_idle

        return until_idle(self._here, patience=Patience(timeout))

    # --- questions --------------------------------------------------------------------------------

    def query(self, sql: str) -> pa.Table:
        """The answer to one SELECT as a pyarrow Table; times with an offset are in UTC.

        It reads whole commits over all tables. Needs pyarrow; `rows` does not.

        Raises: ConfigError when the SQL is wrong or wants to do more than read, or pyarrow is
        not installed; RetryableError when a table's files cannot be read.
        """
        from edp.pipeline.ask import arrow

        try:
            import pyarrow as pa
        except ImportError as error:
            raise ConfigError(
                "Pipeline.query needs pyarrow: pip install 'edp[arrow]'; or take Pipeline.rows"
            ) from error
        return arrow(self._here, sql, pa.table)

    def rows(self, sql: str) -> list[dict[str, object]]:
        """The answer to one SELECT as a list of dicts, with Python's own values.

        Of columns with one name the later ones are called `name_2`, `name_3` and so on.

        Raises: as `query` does.
        """
        from edp.pipeline.ask import answer

        return answer(self._here, sql).records()

    def export(self, sql: str, out: str | os.PathLike[str]) -> int:
        """Write the answer to one SELECT to `out` as Parquet, however large; how many rows.

        Raises: as `query` does.
        """
        from edp.pipeline.ask import export

        return export(self._here, sql, Path(out))

    # --- what there is ----------------------------------------------------------------------------

    def files(self, *, state: State | None = None, dataset: str | None = None) -> list[Receipt]:
        """The receipt of every object version, oldest first; only of that state or dataset."""
        return [
            receipt
            for receipt in self._here.stages.receipts.receipts()
            if state in (None, receipt.state) and dataset in (None, receipt.dataset)
        ]

    def tables(self) -> list[Table]:
        """The tables, by name, with columns and counts."""
        return list(self._here.stages.catalog.tables())

    def rejects(self, dataset: str) -> list[dict[str, object]]:
        """A dataset's rejected rows, by file and line, with `reason`, `value` and `raw`.

        Raises: ConfigError when there is no such table.
        """
        from edp.pipeline.ask import rejects_of

        return rejects_of(self._here, dataset)

    def dead_letters(self) -> list[DeadLetter]:
        """What nobody can do until a person changes something, oldest first."""
        return list(self._here.stages.dead_letters.list())

    # --- once more --------------------------------------------------------------------------------

    def redrive(self, letters: Iterable[DeadLetter | str] | None = None) -> int:
        """Send dead letters, or those with these ids, to the queue again; how many.

        All of them, unless told which. `run_until_idle` tries them.

        Raises: ConfigError when an id is not there.
        """
        from edp.pipeline.redrive import redrive

        return redrive(self._here.stages, self._chosen(letters))

    def discard(self, letters: Iterable[DeadLetter | str]) -> int:
        """Give dead letters, or those with these ids, up for good; how many.

        Raises: ConfigError when an id is not there.
        """
        from edp.pipeline.foreground import tell
        from edp.pipeline.redrive import discard

        n = discard(self._here.stages, self._chosen(letters))
        tell(self._here)
        return n

    def _chosen(self, letters: Iterable[DeadLetter | str] | None) -> list[DeadLetter]:
        from edp.pipeline.redrive import chosen

        if letters is None:
            return self.dead_letters()
        ids = [one if isinstance(one, str) else one.id for one in letters]
        return list(chosen(self._here.stages, ids=ids)) if ids else []

    def backfill(
        self, prefix: str = "", *, since: datetime | None = None, timeout: float | None = None
    ) -> list[Receipt]:
        """Read the source's files whose keys start with `prefix` again, and wait; their receipts.

        Only those modified at or after `since`, if given. Exactly their rows are replaced. A file
        that was retracted stays out.
        """
        from edp.pipeline.foreground import Patience
        from edp.pipeline.reprocess import again, chosen

        after = None if since is None else since.timestamp()
        keys = chosen(self._here.stages, prefix=prefix, since=after).again
        return list(again(self._here, keys, patience=Patience(timeout)))

    def retract(self, key: str) -> Receipt:
        """Take one file's rows out of its table; its receipt.

        It stays out until it is put again.

        Raises: ConfigError when the key has no rows in a table, or is being worked on.
        """
        from edp.core.identity import new_run_id
        from edp.pipeline.foreground import do
        from edp.pipeline.retract import retract

        stages = self._here.stages
        do(self._here, retract(stages, key, run_id=new_run_id(), memory=self._here.memory))
        return stages.receipts.heads([key])[key]
