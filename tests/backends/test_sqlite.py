"""The state of a workspace: opened safely, changed whole or not at all, illegal states refused."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from itertools import product
from pathlib import Path

import apsw
import pytest

from edp.backends.sqlite import Database, database, load
from edp.backends.sqlite.database import SAFE_VERSION
from edp.core.errors import ConfigError, StoreUnavailable
from edp.core.receipts import STATES

STEPS = len([f for f in files("edp.backends.sqlite.migrations").iterdir() if f.name[-4:] == ".sql"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "state.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    db = Database(path)
    yield db
    db.close()


def python(code: str, *args: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


# settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("busy_timeout", 30_000),  # ms
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("mmap_size", 0),
        ("user_version", STEPS),
        ("quick_check", "ok"),
    ],
)
def test_a_connection_is_set_to_keep_its_word(db: Database, pragma: str, value: object) -> None:
    assert db.value(f"PRAGMA {pragma}") == value


def test_every_threads_connection_is_its_own_and_set_alike(db: Database) -> None:
    found: list[object] = []

    def look() -> None:
        found.extend([db.connection, db.value("PRAGMA synchronous")])
        db.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert found[0] is not db.connection
    assert found[1] == 2


def test_this_sqlite_does_not_have_the_wal_reset_bug() -> None:
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= SAFE_VERSION


def test_an_sqlite_with_the_wal_reset_bug_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(ConfigError, match="corrupt"):
        Database(path)

    assert not path.exists()


# opening -----------------------------------------------------------------------------------------


def test_opening_twice_finds_what_was_written(path: Path) -> None:
    first = Database(path)
    first.execute("INSERT INTO counter VALUES ('a', 1)")
    first.close()

    second = Database(path)

    assert second.rows("SELECT * FROM counter") == [{"name": "a", "n": 1}]
    second.close()


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    first = Database(path)
    first.execute(f"PRAGMA user_version = {STEPS + 1}")
    first.close()

    with pytest.raises(ConfigError, match="upgrade EDP"):
        Database(path)

    with apsw.Connection(str(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchall() == [(STEPS + 1,)]


def test_what_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)

    with pytest.raises(ConfigError, match="damaged"):
        Database(path)

    assert path.read_bytes() == b"no database at all" * 100


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(StoreUnavailable):
        Database(path)


def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(text: str, encoding: str) -> str:
        del text, encoding
        return "CREATE TABLE half (a) STRICT; CREATE TABLE half (b);"

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", cut_off)
        with pytest.raises(apsw.Error):
            Database(path)

    db = Database(path)
    assert db.value("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0
    assert db.value("PRAGMA user_version") == STEPS
    db.close()


KILLED = """
import os, signal, sys
from pathlib import Path
import apsw
from edp.backends.sqlite import Database, migrations
def version(connection, seen=[]):
    return 0
real = apsw.Connection.execute
class Dying(apsw.Connection):
    n = 0
    def execute(self, sql, *args):
        Dying.n += 1
        if Dying.n == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(sql, *args)
apsw.Connection = Dying
Database(Path(sys.argv[1]))
print("survived")
"""


@pytest.mark.kill
def test_a_kill_between_any_two_statements_of_a_first_opening_is_safe(path: Path) -> None:
    killed = 0
    for nth in range(1, 30):
        process = python(KILLED, path, nth)
        out, err = process.communicate(timeout=60)
        db = Database(path)
        assert db.value("PRAGMA user_version") == STEPS
        assert db.value("PRAGMA integrity_check") == "ok"
        db.close()
        for leftover in path.parent.iterdir():
            leftover.unlink()
        if out.strip() == "survived":
            break
        assert process.returncode == -signal.SIGKILL, err
        killed += 1

    assert killed >= 8, "the statements were never reached"
    assert out.strip() == "survived"


OPENING = """
import sys, time
from pathlib import Path
from edp.backends.sqlite import Database
go = Path(sys.argv[2])
while not go.exists():
    time.sleep(0.001)
db = Database(Path(sys.argv[1]))
print(db.value("PRAGMA user_version"), db.value("PRAGMA journal_mode"))
"""


def test_opening_waits_for_another_process_that_is_switching_to_wal(path: Path) -> None:
    path.parent.mkdir()
    other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.2, other.execute, ["COMMIT"])
    ending.start()

    try:
        db = Database(path)
    finally:
        ending.join()
        other.close()

    assert db.value("PRAGMA user_version") == STEPS
    db.close()


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_open_a_new_workspace_at_once_all_find_it_ready(
    path: Path, tmp_path: Path, attempt: int
) -> None:
    go = tmp_path / f"go-{attempt}"
    processes = [python(OPENING, path, go) for _ in range(6)]
    time.sleep(0.3)  # s, for all of them to be waiting
    go.touch()

    assert [ended(process) for process in processes] == [f"{STEPS} wal"] * 6


# transactions ------------------------------------------------------------------------------------


def count(db: Database, name: str = "a") -> object:
    return db.value("SELECT n FROM counter WHERE name = :name", name=name)


def test_what_is_written_in_a_transaction_is_there_after_it(db: Database) -> None:
    with db.transaction():
        db.execute("INSERT INTO counter VALUES ('a', 1)")

    assert count(db) == 1


def test_an_error_undoes_the_transaction(db: Database) -> None:
    with suppress(KeyError), db.transaction():
        db.execute("INSERT INTO counter VALUES ('a', 1)")
        raise KeyError

    assert count(db) is None
    assert not db.connection.in_transaction


def test_an_inner_transaction_is_part_of_the_outer_one(db: Database) -> None:
    with suppress(KeyError), db.transaction():
        with db.transaction():
            db.execute("INSERT INTO counter VALUES ('a', 1)")
        assert db.connection.in_transaction
        raise KeyError

    assert count(db) is None


def test_nobody_sees_what_is_not_committed(db: Database, path: Path) -> None:
    other = Database(path)
    with db.transaction():
        db.execute("INSERT INTO counter VALUES ('a', 1)")
        during = count(other)

    assert (during, count(other)) == (None, 1)
    other.close()


def test_what_is_read_together_is_of_one_moment(db: Database, path: Path) -> None:
    other = Database(path)
    other.execute("INSERT INTO counter VALUES ('a', 1)")
    with db.reading():
        before = count(db)
        other.execute("UPDATE counter SET n = 2")
        during = count(db)

    assert (before, during, count(db)) == (1, 1, 2)
    other.close()


def test_reading_ends_also_when_something_goes_wrong(db: Database) -> None:
    with suppress(KeyError), db.reading():
        count(db)
        raise KeyError

    assert not db.connection.in_transaction


def test_a_database_that_stays_busy_is_said_to_be_unavailable(
    db: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    impatient = Database(path)
    with db.transaction():
        with pytest.raises(StoreUnavailable, match="busy"), impatient.transaction():
            pytest.fail("two writers at once")
        with pytest.raises(StoreUnavailable, match="busy"):
            impatient.execute("INSERT INTO counter VALUES ('b', 1)")

    impatient.execute("INSERT INTO counter VALUES ('b', 1)")
    assert count(impatient, "b") == 1
    impatient.close()


def test_a_full_disk_undoes_the_transaction_and_is_said_to_be_unavailable(db: Database) -> None:
    pages = db.value("PRAGMA page_count")
    db.value(f"PRAGMA max_page_count = {pages + 5}")

    def too_much() -> None:
        with db.transaction():
            db.execute("INSERT INTO counter VALUES ('a', 1)")
            db.execute("INSERT INTO counter VALUES (:big, 1)", big="x" * 1_000_000)

    with pytest.raises(StoreUnavailable):
        too_much()

    db.value(f"PRAGMA max_page_count = {pages + 5000}")
    assert count(db) is None
    db.execute("INSERT INTO counter VALUES ('a', 1)")
    assert count(db) == 1


COUNTING = """
import sys
from pathlib import Path
from edp.backends.sqlite import Database
db = Database(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    with db.transaction():
        n = db.value("SELECT n FROM counter WHERE name = 'a'")
        db.execute("UPDATE counter SET n = :n WHERE name = 'a'", n=n + 1)
"""


def test_no_update_of_eight_processes_at_once_is_lost(db: Database, path: Path) -> None:
    db.execute("INSERT INTO counter VALUES ('a', 0)")

    for process in [python(COUNTING, path, 200) for _ in range(8)]:
        ended(process)

    assert count(db) == 8 * 200
    assert db.value("PRAGMA integrity_check") == "ok"


WRITING = """
import sys
from pathlib import Path
from edp.backends.sqlite import Database
db = Database(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    with db.transaction():
        db.execute("INSERT INTO counter VALUES (:a, :n)", a=f"a{n}", n=n)
        db.execute("INSERT INTO counter VALUES (:b, :n)", b=f"b{n}", n=n)
    print(n, flush=True)
"""


@pytest.mark.kill
def test_what_was_committed_before_a_kill_is_there_and_whole(path: Path) -> None:
    process = python(WRITING, path)
    assert process.stdout is not None
    said = 0
    while said < 50:
        said = int(process.stdout.readline())

    process.kill()
    out, _ = process.communicate()

    said = max([said, *map(int, out.split("\n")[:-1])])
    db = Database(path)
    a, b = (
        {row["n"] for row in db.rows("SELECT n FROM counter WHERE name LIKE :like", like=like)}
        for like in ("a%", "b%")
    )
    assert a == b
    assert a >= set(range(1, said + 1))
    db.close()


# statements --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("edp.queue", "local.sql"),
        ("edp.catalog", "local.sql"),
        ("edp.events", "local.sql"),
        ("edp.ledger", "accept.sql"),
        ("edp.ledger", "runs.sql"),
        ("edp.ledger", "receipts.sql"),
    ],
)
def test_every_named_statement_is_one_that_the_schema_knows(
    db: Database, package: str, name: str
) -> None:
    statements = vars(load(package, name))

    assert statements
    for sql in statements.values():
        db.connection.execute(f"EXPLAIN {sql}", _Anything())


class _Anything(dict[str, object]):
    """Binds NULL to every name."""

    def __missing__(self, name: str) -> None:
        return None


def test_values_are_bound_and_never_part_of_the_statement(db: Database) -> None:
    name = "'); DROP TABLE counter; --"

    db.execute("INSERT INTO counter VALUES (:name, 1)", name=name)

    assert db.rows("SELECT name FROM counter") == [{"name": name}]


# states ------------------------------------------------------------------------------------------

LEGAL = {
    "queued": {"running", "committed", "superseded", "dead", "discarded"},
    "running": {"queued", "committed", "superseded", "dead"},
    "committed": {"superseded", "discarded", "queued"},
    "superseded": set[str](),
    "dead": {"queued", "superseded", "discarded"},
    "discarded": {"queued", "superseded"},
}


def version(db: Database, state: str, number: str = "1") -> int:
    """A version in `state`, of the object `k`."""
    db.execute("INSERT INTO object (bucket, key) VALUES ('b', 'k') ON CONFLICT DO NOTHING")
    return db.insert(
        "INSERT INTO version (object_id, version, arrived_at, changed_at, state, error_code, "
        "rows_read, rows_written, rows_duplicate, rows_filtered, rows_rejected) "
        "VALUES (1, :number, 1.0, 1.0, :state, 'why', 0, 0, 0, 0, 0)",
        number=number,
        state=state,
    )


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_only_legal_changes_of_state_are_accepted(db: Database, before: str, after: str) -> None:
    version(db, before)
    sql = "UPDATE version SET state = :after, changed_at = 2.0"

    if after == before or after in LEGAL[before]:
        db.execute(sql, after=after)
    else:
        with pytest.raises(apsw.ConstraintError, match="illegal change"):
            db.execute(sql, after=after)

    history = [
        (row["before"], row["after"]) for row in db.rows("SELECT * FROM ledger_event ORDER BY id")
    ]
    changed = after in LEGAL[before]
    assert history == [(None, before), *([(before, after)] if changed else [])]
    assert db.value("SELECT state FROM version") == (after if changed else before)


def test_an_unknown_state_is_refused(db: Database) -> None:
    with pytest.raises(apsw.ConstraintError):
        version(db, "lost")


def test_two_committed_versions_of_an_object_are_impossible(db: Database) -> None:
    version(db, "committed", "1")

    with pytest.raises(apsw.ConstraintError):
        version(db, "committed", "2")
    version(db, "queued", "3")
    with pytest.raises(apsw.ConstraintError):
        db.execute("UPDATE version SET state = 'committed' WHERE version = '3'")


def test_two_versions_of_one_name_are_impossible(db: Database) -> None:
    version(db, "queued", "1")

    with pytest.raises(apsw.ConstraintError):
        version(db, "queued", "1")


def test_a_path_that_two_live_files_have_is_impossible(db: Database) -> None:
    db.execute("INSERT INTO catalog_table VALUES (1, 't', 'data', 't', 1, 0.0, 0.0)")
    db.execute("INSERT INTO file_schema (id, columns) VALUES (1, '{}')")
    add = (
        "INSERT INTO data_file (table_id, path, rows, bytes, sha256, schema_id, origin, added_in) "
        "VALUES (1, 'target/t/a.parquet', 1, 1, '', 1, 'edp', 1)"
    )
    db.execute(add)

    with pytest.raises(apsw.ConstraintError):
        db.execute(add)
    db.execute("UPDATE data_file SET removed_in = 2")
    db.execute(add)


def test_a_commit_whose_rows_are_not_conserved_is_impossible(db: Database) -> None:
    version(db, "queued")

    with pytest.raises(apsw.ConstraintError):
        db.execute("UPDATE version SET state = 'committed', rows_read = 1")


def test_a_commit_without_counts_is_impossible(db: Database) -> None:
    version(db, "queued")

    with pytest.raises(apsw.ConstraintError):
        db.execute("UPDATE version SET state = 'committed', rows_read = NULL")


def test_a_death_without_a_reason_is_impossible(db: Database) -> None:
    version(db, "queued")

    with pytest.raises(apsw.ConstraintError):
        db.execute("UPDATE version SET state = 'dead', error_code = NULL")


def test_the_history_can_name_no_version_that_is_not_there(db: Database) -> None:
    with pytest.raises(apsw.ConstraintError):
        db.execute(
            "INSERT INTO ledger_event (at, version_id, after, attempts) VALUES (1.0, 9, 'dead', 0)"
        )


def test_every_state_has_its_row_in_the_legal_changes(db: Database) -> None:
    rows = db.rows("SELECT * FROM legal_transition")

    assert {(row["before"], row["after"]) for row in rows} == {
        (before, after) for before, ends in LEGAL.items() for after in ends
    }


def test_the_database_is_where_it_was_asked_to_be(db: Database, path: Path) -> None:
    assert (db.path, path.exists()) == (path, True)
    assert os.access(path, os.W_OK)
