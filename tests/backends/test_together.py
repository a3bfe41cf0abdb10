"""Group commit: threads share transactions, each hears its own error, and none waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw
import pytest

from edp.backends.sqlite import Database, Together
from edp.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 20.0
THREADS = 6


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(tmp_path / "state.db")
    yield db
    db.close()


@pytest.fixture
def commits(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The thread of each commit from now on."""
    seen: list[int] = []
    db.close()  # what it did at its opening does not count

    def committing() -> bool:
        seen.append(threading.get_ident())
        return False

    def hook(connection: apsw.Connection) -> None:
        connection.set_commit_hook(committing)

    monkeypatch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, hook])
    return seen


class Callers:
    """Threads that each bring one piece of work; `errors` has what they heard, by name."""

    def __init__(self, together: Together) -> None:
        self.together = together
        self.errors: dict[str, BaseException] = {}
        self.threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], object]) -> None:
        def call() -> None:
            try:
                self.together(work)
            except BaseException as error:  # noqa: BLE001 (it is what is asked about)
                self.errors[name] = error

        self.threads.append(threading.Thread(target=call))
        self.threads[-1].start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "it waits for ever"


@contextmanager
def gathering(callers: Callers) -> Iterator[None]:
    """One thread is at work; whoever comes before the end of the block shares the next commit."""
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)

    callers.start("first", hold)
    assert begun.wait(PATIENCE_S)
    before = len(callers.threads)
    yield
    deadline = time.monotonic() + PATIENCE_S
    while callers.together.waiting < len(callers.threads) - before:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    go_on.set()
    callers.join()


def add(db: Database, name: str) -> Callable[[], object]:
    return lambda: db.execute("INSERT INTO counter VALUES (:name, 1)", name=name)


def names(db: Database) -> str:
    return "".join(row["name"] for row in db.rows("SELECT name FROM counter ORDER BY name"))


def test_what_one_thread_writes_is_there_when_it_goes_on(db: Database, commits: list[int]) -> None:
    Together(db)(add(db, "a"))

    assert (names(db), commits) == ("a", [threading.get_ident()])


def test_what_gathers_while_one_commits_is_one_commit(db: Database, commits: list[int]) -> None:
    callers = Callers(Together(db))

    with gathering(callers):
        for name in "abcdef":
            callers.start(name, add(db, name))

    assert (names(db), callers.errors) == ("abcdef", {})
    assert len(commits) == 2, "that of the first, and that of all others"


def test_within_a_transaction_it_is_part_of_that_one(db: Database) -> None:
    def undone() -> None:
        with db.transaction():
            Together(db)(add(db, "a"))
            raise KeyError

    with pytest.raises(KeyError):
        undone()

    assert names(db) == ""


def test_an_error_of_one_is_heard_by_that_one_and_undoes_only_its_own(
    db: Database, commits: list[int]
) -> None:
    callers = Callers(Together(db))

    def fail() -> None:
        add(db, "x")()
        raise KeyError("x")

    with gathering(callers):
        callers.start("a", add(db, "a"))
        callers.start("x", fail)
        callers.start("b", add(db, "b"))

    assert (names(db), len(commits)) == ("ab", 2)
    assert {name: type(error) for name, error in callers.errors.items()} == {"x": KeyError}


def test_one_for_which_the_disk_has_no_room_takes_nobody_with_it(db: Database) -> None:
    """SQLite gives the whole transaction up then, not only the statement."""
    callers = Callers(Together(db))

    def too_much() -> None:
        pages = db.value("PRAGMA page_count")
        db.value(f"PRAGMA max_page_count = {pages + 5}")
        try:
            add(db, "x" * 1_000_000)()
        finally:
            db.value(f"PRAGMA max_page_count = {pages + 5000}")

    with gathering(callers):
        callers.start("a", add(db, "a"))
        callers.start("x", too_much)
        callers.start("b", add(db, "b"))

    assert names(db) == "ab"
    assert {name: type(error) for name, error in callers.errors.items()} == {"x": StoreUnavailable}


def test_a_commit_that_fails_is_heard_by_all_that_were_in_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = threading.Event()

    def hook(connection: apsw.Connection) -> None:
        connection.set_commit_hook(failing.is_set)  # True refuses it

    monkeypatch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, hook])
    callers = Callers(Together(db))

    def fail_later() -> None:
        add(db, "a")()
        failing.set()

    with gathering(callers):
        callers.start("a", fail_later)
        callers.start("b", add(db, "b"))
    failing.clear()
    callers.start("c", add(db, "c"))
    callers.join()

    assert names(db) == "c"
    assert set(callers.errors) == {"a", "b"}


def test_a_thread_that_is_interrupted_while_it_commits_for_others_keeps_nobody_waiting(
    db: Database,
) -> None:
    callers = Callers(Together(db))
    interrupts = iter([True])

    def work(name: str) -> Callable[[], None]:
        def do() -> None:
            add(db, name)()
            if next(interrupts, False):
                raise KeyboardInterrupt

        return do

    with gathering(callers):
        for name in "abc":
            callers.start(name, work(name))

    ((interrupted, error),) = callers.errors.items()
    assert isinstance(error, KeyboardInterrupt)
    assert set("abc") - {interrupted} <= set(names(db))


PUTTING = f"""
import sys, threading
from pathlib import Path
from edp.backends.sqlite import Database, Together
db = Database(Path(sys.argv[1]))
together = Together(db)
saying = threading.Lock()

def put(thread):
    n = 0
    while True:
        n += 1
        def do():
            db.execute("INSERT INTO counter VALUES (:a, 1)", a=f"a{{thread}}-{{n}}")
            db.execute("INSERT INTO counter VALUES (:b, 1)", b=f"b{{thread}}-{{n}}")
        together(do)
        with saying:
            print(f"{{thread}}-{{n}}", flush=True)

for thread in range({THREADS}):
    threading.Thread(target=put, args=(thread,)).start()
"""


@pytest.mark.kill
def test_what_was_acknowledged_before_a_kill_is_there_and_whole(db: Database) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PUTTING, str(db.path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(100)]

        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)

    said = [line.strip() for line in (*said, *rest) if line.endswith("\n")]
    a, b = (
        {row["name"][1:] for row in db.rows("SELECT name FROM counter WHERE name LIKE :x", x=like)}
        for like in ("a%", "b%")
    )
    assert a == b
    assert a >= set(said)
    assert len(a) - len(said) <= THREADS, "more than what was under way"
