"""The guards of the promise, each with what it is without it and the tests that notice.

A guard is a piece of the code that nothing needs until something goes wrong: a sync, a fence, an
index. Whoever adds one adds it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Mutant:
    """In `file` (below `src/edp`), `guard` becomes `without`; `tests` (pytest's) have to notice."""

    name: str
    file: str
    guard: str
    without: str
    tests: str

    @property
    def path(self) -> Path:
        """The file that it changes."""
        return SOURCE / "edp" / self.file


DURABLE: Final = "tests/kill/test_durability.py"
RUNS: Final = "tests/conformance/test_runs.py"
LEDGER: Final = "tests/conformance/test_ledger.py"
QUEUE: Final = "tests/conformance/test_queue.py"
CATALOG: Final = "tests/conformance/test_catalog.py"
JOURNAL: Final = "tests/backends/test_journal.py"
SQLITE: Final = "tests/backends/test_sqlite.py"
RACES: Final = "tests/pipeline/test_interleavings.py"

MUTANTS: Final = (
    # --- what is on the disk ----------------------------------------------------------------------
    Mutant(
        "sync of a put file's bytes",
        "source/local.py",
        "            os.fsync(out.fileno())\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a put file's name",
        "source/local.py",
        "            fsync_folder(target.parent)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a new folder of the source",
        "source/local.py",
        "                fsync_folder(made.parent)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a data file's bytes",
        "etl/engine/write.py",
        "        os.fsync(file.fileno())\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of published names",
        "target/local.py",
        "            fsync_folders(folders)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a new table's folder",
        "target/local.py",
        "        return changed | {folder.parent}",
        "        return changed",
        DURABLE,
    ),
    Mutant(
        "sync of a folder, at all",
        "backends/folder.py",
        "        os.fsync(handle)\n",
        "        pass\n",
        DURABLE,
    ),
    Mutant(
        "sync of the journal's record",
        "backends/sqlite/journal.py",
        "            os.fdatasync(handle)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a new file of the journal",
        "backends/sqlite/journal.py",
        "        if new:\n            fsync_folder(self.folder)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of the journal's base",
        "backends/sqlite/journal.py",
        "            os.fsync(file.fileno())\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of the base's name",
        "backends/sqlite/journal.py",
        "        raise\n    fsync_folder(folder)\n",
        "        raise\n",
        DURABLE,
    ),
    Mutant(
        "sync of SQLite's commits",
        "backends/sqlite/database.py",
        '"synchronous=FULL", ',
        '"synchronous=NORMAL", ',
        SQLITE,
    ),
    Mutant(
        "sync of a backup",
        "wiring/backup.py",
        "            sync(part)\n",
        "",
        DURABLE,
    ),
    Mutant(
        "sync of a backup's name",
        "wiring/backup.py",
        "            fsync_folder(to.parent)\n",
        "",
        DURABLE,
    ),
    # --- who may commit ---------------------------------------------------------------------------
    Mutant(
        "the fence of a version that is committed",
        "ledger/runs.sql",
        "error_code = NULL, error_message = NULL\nWHERE id = :id AND fence = :fence AND state",
        "error_code = NULL, error_message = NULL\nWHERE id = :id AND :fence > 0 AND state",
        RUNS,
    ),
    Mutant(
        "the fence of a version that failed",
        "ledger/runs.sql",
        "rows_rejected = :rows_rejected\nWHERE id = :id AND fence = :fence",
        "rows_rejected = :rows_rejected\nWHERE id = :id AND :fence > 0",
        RUNS,
    ),
    Mutant(
        "the fence of a version that is given back",
        "ledger/runs.sql",
        "not_before = :not_before\nWHERE id = :id AND fence = :fence",
        "not_before = :not_before\nWHERE id = :id AND :fence > 0",
        RUNS,
    ),
    Mutant(
        "the fence of what a run holds",
        "ledger/runs.sql",
        "v.run_id = m.run_id AND v.fence = m.fence AND v.state",
        "v.state",
        f"{RUNS} {RACES}",
    ),
    Mutant(
        "a greater fence for each claim",
        "ledger/runs.sql",
        "fence = fence + 1",
        "fence = 1",
        RUNS,
    ),
    Mutant(
        "the check that a run still holds what it was planned with",
        "pipeline/run.py",
        "        if list(stages.runs.held(claim)) != list(held):",
        "        if False:",
        RACES,
    ),
    Mutant(
        "the check that the table is as it was planned for",
        "catalog/local.py",
        "if plan.base != (data.version, rejects.version) or plan.reread:",
        "if plan.reread:",
        f"{CATALOG} {RACES}",
    ),
    Mutant(
        "one transaction for catalog, ledger and receipts",
        "pipeline/run.py",
        '    reach("commit.before")\n    with stages.atomically():\n',
        '    reach("commit.before")\n    if True:\n',
        "tests/kill/test_durability.py tests/kill/test_kill_points.py tests/pipeline",
    ),
    # --- what is newer, and what is known ---------------------------------------------------------
    Mutant(
        "the order of two events of a key",
        "ledger/order.py",
        "        return sequencer_newer(arrival.sequencer, head.sequencer)",
        "        return True",
        LEDGER,
    ),
    Mutant(
        "sequencers are compared at one length",
        "core/events.py",
        '    return a.upper().ljust(width, "0") > b.upper().ljust(width, "0")',
        "    return width > 0 and a > b",
        "tests/core/test_events.py",
    ),
    Mutant(
        "an event that was heard before is a duplicate",
        "ledger/accept.py",
        '            if known:\n                return _heard(arrival, known, "duplicate")\n',
        "",
        LEDGER,
    ),
    Mutant(
        "a version is in an object once",
        "backends/sqlite/migrations/0001_initial.sql",
        "    UNIQUE (object_id, version),\n",
        "",
        SQLITE,
    ),
    Mutant(
        "one committed version of an object",
        "backends/sqlite/migrations/0001_initial.sql",
        "CREATE UNIQUE INDEX one_committed_version_per_object ON version (object_id) "
        "WHERE state = 'committed';\n",
        "",
        SQLITE,
    ),
    Mutant(
        "one live file of a path",
        "backends/sqlite/migrations/0001_initial.sql",
        "CREATE UNIQUE INDEX data_file_path ON data_file (path) WHERE removed_in IS NULL;\n",
        "",
        SQLITE,
    ),
    Mutant(
        "only legal changes of a version's state",
        "backends/sqlite/migrations/0001_initial.sql",
        "    SELECT RAISE(ABORT, 'illegal change of an object version''s state');",
        "    SELECT 1;",
        SQLITE,
    ),
    Mutant(
        "an older version that commits is superseded",
        "ledger/runs.sql",
        "WHERE object_id = (SELECT object_id FROM version WHERE id = :id) AND state = 'committed'",
        "WHERE object_id = (SELECT object_id FROM version WHERE id = :id) AND state = 'none'",
        f"{RUNS} {LEDGER}",
    ),
    Mutant(
        "a version overtaken while it was read is not committed",
        "pipeline/run.py",
        "    if not member.head:\n",
        "    if False:\n",
        RACES,
    ),
    # --- what is asked of the queue ---------------------------------------------------------------
    Mutant(
        "a message is forgotten once what it says is kept",
        "pipeline/intake.py",
        "        with stages.atomically():\n"
        "            leases = stages.queue.receive(limit=limit)\n",
        "        if True:\n"
        "            leases = stages.queue.receive(limit=limit)\n"
        "            for lease in leases:\n"
        "                stages.queue.ack(lease)\n",
        RACES,
    ),
    Mutant(
        "an older delivery cannot ack",
        "queue/local.sql",
        "-- name: ack\nDELETE FROM message WHERE id = :id AND receipt = :receipt",
        "-- name: ack\nDELETE FROM message WHERE id = :id AND :receipt <> ''",
        QUEUE,
    ),
    # --- the bytes --------------------------------------------------------------------------------
    Mutant(
        "the bytes are those that the version was accepted with",
        "etl/engine/snapshot.py",
        "    if sha256 is not None and sha256 != snapshot.sha256:",
        "    if False:",
        "tests/pipeline/test_versions.py tests/etl/test_engine.py",
    ),
    Mutant(
        "a copy of the source's bytes is no hard link",
        "etl/engine/snapshot.py",
        "        if not reflink(origin, copy):\n"
        "            shutil.copyfileobj(origin, copy, CHUNK)\n",
        "        pass\n    path.unlink()\n    os.link(origin.name, path)\n",
        "tests/etl/test_engine.py tests/etl/test_reading.py",
    ),
    Mutant(
        "the footers of written files are read back",
        "etl/engine/write.py",
        "        if found.get(file.path) != file.rows:",
        "        if False:",
        "tests/etl/test_write.py",
    ),
    # --- what may go ------------------------------------------------------------------------------
    Mutant(
        "a file that a query may read is not removed",
        "catalog/local.py",
        "until=clock.now() - removed_for_s",
        "until=clock.now()",
        CATALOG,
    ),
    Mutant(
        "only what no table names is removed",
        "target/local.py",
        "if path not in named and age_s",
        "if age_s",
        "tests/conformance/test_target.py",
    ),
    Mutant(
        "a new data file is not taken for garbage",
        "target/local.py",
        "if path not in named and age_s >= older_than_s and named_by_a_run(path)",
        "if path not in named and named_by_a_run(path)",
        "tests/conformance/test_target.py",
    ),
    Mutant(
        "what EDP did not write is not removed",
        "target/local.py",
        " and named_by_a_run(path)\n",
        "\n",
        "tests/conformance/test_target.py",
    ),
    # --- a state that is not the newest -----------------------------------------------------------
    Mutant(
        "a state older than its journal is refused",
        "backends/sqlite/journal.py",
        "elif last > known + 1 or (at and at.copied_at and last > known):",
        "elif False:",
        JOURNAL,
    ),
    Mutant(
        "one process works a workspace",
        "backends/lock.py",
        "_locked(handle, fcntl.LOCK_EX, tries=_TRIES)",
        "_locked(handle, fcntl.LOCK_SH, tries=_TRIES)",
        "tests/backends/test_lock.py",
    ),
    # --- the same on AWS --------------------------------------------------------------------------
    Mutant(
        "the fence of a version in DynamoDB",
        "ledger/dynamo/runs.py",
        "(version.state, version.fence) != (RUNNING, member.fence)",
        "version.state != RUNNING",
        RUNS,
    ),
    Mutant(
        "an item in DynamoDB changes only as it was read",
        "backends/dynamo.py",
        '"ConditionExpression": "rev = :rev"',
        '"ConditionExpression": "rev = :rev OR rev <> :rev"',
        "tests/backends/test_dynamo.py",
    ),
    Mutant(
        "a new item in DynamoDB takes no other's place",
        "backends/dynamo.py",
        '        return found | {"ConditionExpression": "attribute_not_exists(pk)"}',
        "        return found",
        "tests/backends/test_dynamo.py",
    ),
)
"""All of them, in the order of the flow."""
