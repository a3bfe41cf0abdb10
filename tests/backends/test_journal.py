"""The journal gives back every commit: whatever happened, and wherever it was cut off."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edp.backends.sqlite import Database, journal
from edp.backends.sqlite.kept import KEPT, LOST, OWN
from edp.backends.sqlite.migrations import migrate
from edp.backends.sqlite.records import Damage, chain, last_number, segments
from edp.backends.sqlite.replay import merge, replay
from edp.catalog.local import LocalCatalog
from edp.catalog.port import Change
from edp.core.errors import StateOutdated, StoreUnavailable
from edp.core.files import DataFile, ProfileColumn
from edp.core.types import Admits
from edp.ledger.local import LocalLedger, LocalReceipts, LocalRuns
from edp.ledger.port import BatchLimits
from edp.queue.local import LocalDeadLetters
from edp.queue.port import DeadLetter
from tests.conformance.ledgers import BROKEN, BUCKET, RETRY, SHAKY, Custody, event, listing, outcome
from tests.states import assert_given_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.errors import Failure
    from edp.ledger.port import Claim

MEMORY = Path("/dev/shm")  # noqa: S108 (the folders in it get names nobody can guess)
PAIR = BatchLimits(max_files=2, max_bytes=1_000_000, max_wait_s=0)
KEYS = st.sampled_from(("a", "b", "c"))
CONTENTS = st.sampled_from(("x", "y", "z"))
FAILURES = st.sampled_from((None, BROKEN, SHAKY))


class Killed(Exception):
    """The process is gone."""


class Shop:
    """A state with its journal, and what a pipeline does to it; its data files are only told of."""

    def __init__(self, folder: Path) -> None:
        self.path, self.commits = folder / "state.db", folder / "commits"
        self.files = 0
        self.sequencer = 0
        self.open()

    def open(self) -> None:
        self.db = Database(self.path, journal=self.commits)
        runs = LocalRuns(self.db, retry=RETRY, jitter=lambda: 0.0)
        self.custody = Custody(LocalLedger(self.db), runs, LocalReceipts(self.db))
        self.catalog = LocalCatalog(self.db, "shop")
        self.letters = LocalDeadLetters(self.db, "etl")

    def put(self, key: str, content: str, *, late: bool = False) -> None:
        self.sequencer += 1
        sequencer = f"{self.sequencer:016X}" if not late else f"{self.sequencer:08X}FF"[-8:]
        with self.db.transaction():
            accepted = self.custody.accept(event(content, sequencer, key=key))
            if accepted.buried:
                self.letters.remove(f"{key} {accepted.buried}")

    def list(self, key: str, content: str) -> None:
        with self.db.transaction():
            accepted = self.custody.accept(listing(content, key=key))
            if accepted.buried:
                self.letters.remove(f"{key} {accepted.buried}")

    def work(self, failure: Failure | None) -> None:
        """One run; where there is a `failure`, it is the first file's."""
        self.db.execute("UPDATE version SET not_before = 0 WHERE state = 'queued'")
        claim = self.custody.claim(PAIR)
        if claim is None:
            return
        with self.db.transaction():
            self._settle(claim, failure)

    def _settle(self, claim: Claim, failure: Failure | None) -> None:
        held = list(self.custody.runs.held(claim))
        bad = {held[0].id} if failure and held else set()
        good = [one for one in held if one.head and one.id not in bad]
        self._replace({one.key for one in good}, set(), claim.run_id)
        for one in held:
            if one.id in bad and one.head and failure:
                state = self.custody.runs.failed(one, failure, None)
                if state == "dead":
                    self.letters.add(letter(one.key, one.version, failure))
            elif one.head:
                self.custody.runs.committed(claim, one, outcome(one))
            else:
                self.custody.runs.superseded(one, note="not the head")
        self.custody.runs.end(claim, "committed" if good else "failed")

    def _replace(self, come: set[str], go: set[str], run_id: str) -> None:
        if not come | go:
            return
        self.files += 1
        add: tuple[DataFile, ...] = ()
        if come:
            sources = dict.fromkeys(sorted(come), 4)
            rows = sum(sources.values())
            name = f"target/t/{self.files}.parquet"
            add = (DataFile(name, "data", rows, 100, name, {"id": "bigint"}, sources),)
        profile = (ProfileColumn("id", f"Id {self.files % 3}", Admits(frozenset({"string"}))),)
        plan = self.catalog.plan(
            Change("t", frozenset(go), add, profiles=dict.fromkeys(come, profile))
        )
        rewritten = []
        for one in plan.rewrite:
            self.files += 1
            sources = {key: n for key, n in one.file.sources.items() if key not in one.without}
            name = f"target/t/{self.files}.parquet"
            rewritten.append(
                DataFile(name, "data", sum(sources.values()), 100, name, {"id": "bigint"}, sources)
            )
        self.catalog.replace(plan, rewritten=rewritten, run_id=run_id, operation="ingest")

    def retract(self, key: str) -> None:
        with self.db.transaction():
            versions = self.custody.receipts.receipts(keys=[key])
            for one in versions:
                if one.state == "committed":
                    self._replace(set(), {key}, "retract")
                    self.custody.discard(one.version, key=key)

    def redrive(self) -> None:
        with self.db.transaction():
            for one in self.letters.list():
                self.letters.remove(one.id)
                key, version = one.key or "", one.version or ""
                self.custody.ledger.revive(BUCKET, key, version, dataset="orders")

    def discard(self) -> None:
        with self.db.transaction():
            for one in self.letters.list():
                self.letters.remove(one.id)
                self.custody.discard(one.version or "", key=one.key or "")

    def backfill(self, key: str) -> None:
        with self.db.transaction():
            version = self.custody.ledger.requeue(BUCKET, key, dataset="orders")
            if version:
                self.letters.remove(f"{key} {version}")

    def collect(self) -> None:
        self.catalog.retired(removed_for_s=0)

    def again(self, into: Path) -> None:
        into.unlink(missing_ok=True)
        replayed = replay(self.commits, into, whole=lambda _: True)
        assert replayed.damages == []
        assert not replayed.left_out


def letter(key: str, version: str, failure: Failure) -> DeadLetter:
    return DeadLetter(
        f"{key} {version}",
        "cause",
        "object",
        failure.code,
        failure.message,
        "{}",
        1,
        "orders",
        key,
        version,
    )


class Histories(RuleBasedStateMachine):
    """Whatever happens to a state, its journal gives back what came to rest."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.shop = Shop(self.folder)
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(journal, "SEGMENT", 3000)

    def teardown(self) -> None:
        self.patched.undo()
        self.shop.db.close()
        shutil.rmtree(self.folder)

    @rule(key=KEYS, content=CONTENTS, late=st.booleans())
    def put(self, key: str, content: str, late: bool) -> None:  # noqa: FBT001 (drawn)
        self.shop.put(key, content, late=late)

    @rule(key=KEYS, content=CONTENTS)
    def list(self, key: str, content: str) -> None:
        self.shop.list(key, content)

    @rule(failure=FAILURES)
    def work(self, failure: Failure | None) -> None:
        self.shop.work(failure)

    @rule(key=KEYS)
    def retract(self, key: str) -> None:
        self.shop.retract(key)

    @rule(key=KEYS)
    def backfill(self, key: str) -> None:
        self.shop.backfill(key)

    @rule()
    def redrive(self) -> None:
        self.shop.redrive()

    @rule()
    def discard(self) -> None:
        self.shop.discard()

    @rule()
    def collect(self) -> None:
        self.shop.collect()

    @rule(failure=FAILURES)
    def work_and_be_killed_before_the_commit(self, failure: Failure | None) -> None:
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            patched.setattr(journal, "reach", _kill)
            self.shop.work(failure)
        # another commit follows, so that nobody takes the one that did not happen for the last
        self.shop.work(None)
        self.shop.put("d", f"{self.shop.sequencer}")
        self.shop.work(None)
        self.shop.work(None)

    @precondition(lambda self: len(segments(self.shop.commits)) > 1)
    @rule(cut=st.integers(1, 200))
    def be_killed_while_a_record_is_written(self, cut: int) -> None:
        newest = segments(self.shop.commits)[-1].path
        line = newest.read_bytes().splitlines()[-1][:cut]
        with newest.open("ab") as file:
            file.write(line)

    @rule(killed=st.booleans())
    def merge(self, killed: bool) -> None:  # noqa: FBT001 (drawn)
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            if killed:
                patched.setattr(sys.modules[merge.__module__], "reach", _kill)
            merge(self.shop.commits, self.folder / "merging.db", least=0)

    @rule()
    def lose_the_state(self) -> None:
        self.shop.db.close()
        if segments(self.shop.commits):
            self.shop.again(self.folder / "state.db")
        self.shop.open()

    @invariant()
    def the_journal_gives_the_state_back(self) -> None:
        if not segments(self.shop.commits):
            return
        again = self.folder / "again.db"
        self.shop.again(again)
        assert_given_back(again, self.shop.path)


def _kill(point: str) -> None:
    raise Killed(point)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.db.close()


def fed(shop: Shop, *keys: str) -> None:
    for key in keys:
        shop.put(key, f"{key} {shop.sequencer}")
        shop.work(None)


def written(shop: Shop) -> dict[str, bytes]:
    return {one.path.name: one.path.read_bytes() for one in segments(shop.commits)}


def test_every_table_is_kept_or_said_to_be_lost(shop: Shop) -> None:
    there = {row["name"] for row in shop.db.rows("PRAGMA table_list") if row["schema"] == "main"}
    tables = {name for name in there if not name.startswith("sqlite_")}

    assert sorted([*KEPT, *LOST, *OWN]) == sorted(tables)


# when a record is written -------------------------------------------------------------------------


def test_a_commit_adds_one_line(shop: Shop) -> None:
    fed(shop, "a", "b")
    before = written(shop)

    fed(shop, "c")

    (added,) = [
        text.removeprefix(before.get(name, b""))
        for name, text in written(shop).items()
        if text != before.get(name)
    ]
    assert added.count(b"\n") == 1


def test_what_only_waits_or_runs_writes_nothing(shop: Shop) -> None:
    fed(shop, "a")
    before = written(shop)

    shop.put("b", "x")
    claim = shop.custody.claimed()
    shop.custody.runs.extend([claim.run_id])

    assert written(shop) == before


def test_a_head_that_waits_is_written_with_the_version_it_buried(
    shop: Shop, tmp_path: Path
) -> None:
    fed(shop, "b")
    shop.put("a", "x")
    shop.work(BROKEN)

    shop.put("a", "x")  # the same bytes again: a listing would not tell them from the dead ones

    shop.again(tmp_path / "again.db")
    found = states(tmp_path / "again.db", "a")
    assert found == [("1", "superseded", False), ("2", "queued", True)]


def states(path: Path, key: str) -> list[tuple[object, ...]]:
    """Version, state, and whether it is the head."""
    with closing(apsw.Connection(str(path))) as connection:
        return [
            (version, state, bool(head))
            for version, state, head in connection.execute(
                "SELECT v.version, v.state, o.head = v.id FROM version v "
                "JOIN object o ON o.id = v.object_id WHERE o.key = ? ORDER BY v.id",
                (key,),
            )
        ]


def test_a_commit_whose_record_cannot_be_written_does_not_happen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(shop, "a")
    before = [one.state for one in shop.custody.receipts.receipts()]
    shop.put("b", "x")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", no_room)
        with pytest.raises(StoreUnavailable, match="No space left"):
            shop.work(None)

    assert [one.state for one in shop.custody.receipts.receipts()] == [*before, "running"]
    shop.custody.runs.lapsed(orphaned=True)


# what a journal is worth --------------------------------------------------------------------------


def test_a_journal_cut_off_anywhere_gives_back_the_commits_before(shop: Shop) -> None:
    fed(shop, "a", "b", "c")
    newest = segments(shop.commits)[-1].path
    whole = newest.read_bytes()
    ends = {at + near for at, byte in enumerate(whole) if byte == 10 for near in (0, 1, 2)}

    for cut in sorted({*range(0, len(whole), 97), *ends}):
        newest.write_bytes(whole[:cut])
        last = last_number(shop.commits)
        found = list(chain(shop.commits))
        assert not any(isinstance(one, Damage) for one in found), cut
        assert last == max(one.n for one in found if not isinstance(one, Damage))
        assert last == 1 + whole[:cut].count(b"\n")


def test_a_damaged_record_is_named_and_the_others_follow(shop: Shop) -> None:
    fed(shop, "a", "b", "c", "d")
    (path,) = [one.path for one in segments(shop.commits) if not one.base]
    text = bytearray(path.read_bytes())
    text[100] ^= 1
    path.write_bytes(text)

    found = list(chain(shop.commits))

    damages = [one for one in found if isinstance(one, Damage)]
    numbers = sorted({one.n for one in found if not isinstance(one, Damage)})
    assert [one.place for one in damages] == [f"{path.name}, line 1"]
    assert numbers == [1, 3, 4]


def test_a_file_that_is_gone_is_noticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 1)
    fed(shop, "a", "b", "c", "d")

    segments(shop.commits)[2].path.unlink()

    damages = [one for one in chain(shop.commits) if isinstance(one, Damage)]
    assert damages == [Damage("record 4", "it does not follow record 2")]


def test_no_byte_of_a_record_can_be_changed_unnoticed(shop: Shop) -> None:
    fed(shop, "a", "b", "c")
    (path,) = [one.path for one in segments(shop.commits) if not one.base]
    whole = path.read_bytes()

    for at in range(0, len(whole) - 1, 37):
        text = bytearray(whole)
        text[at] ^= 4
        path.write_bytes(text)
        assert any(isinstance(one, Damage) for one in chain(shop.commits)), at


# states and journals that do not fit --------------------------------------------------------------


def test_a_state_that_is_gone_while_its_journal_is_there_is_refused(shop: Shop) -> None:
    fed(shop, "a", "b")
    shop.db.close()
    shop.path.unlink()

    with pytest.raises(StateOutdated, match="edp rebuild"):
        shop.open()

    assert not shop.path.exists()


def test_a_state_that_is_older_than_its_journal_is_refused(shop: Shop, tmp_path: Path) -> None:
    fed(shop, "a")
    shop.db.close()
    shutil.copy(shop.path, tmp_path / "old.db")
    shop.open()
    fed(shop, "b", "c")
    shop.db.close()

    shutil.copy(tmp_path / "old.db", shop.path)

    with pytest.raises(StateOutdated, match="knows 1 commits, and commits/ holds 3"):
        shop.open()


def test_a_record_whose_commit_did_not_happen_is_no_reason_to_refuse(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(shop, "a")
    shop.put("b", "x")
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(journal, "reach", _kill)
        shop.work(None)
    shop.db.close()

    shop.open()

    assert last_number(shop.commits) == 2
    assert journal.standing(shop.db.connection).n == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("loss", ["everything", "the base", "the last file", "its end"])
def test_a_journal_that_is_not_whole_is_begun_anew(shop: Shop, tmp_path: Path, loss: str) -> None:
    fed(shop, "a", "b", "c")
    files = [one.path for one in segments(shop.commits)]
    if loss == "its end":
        files[-1].write_bytes(files[-1].read_bytes()[:-1])
    elif loss == "everything":
        shutil.rmtree(shop.commits)
    else:
        files[0 if loss == "the base" else -1].unlink()

    fed(shop, "d")

    shop.again(tmp_path / "again.db")
    assert_given_back(tmp_path / "again.db", shop.path)


FIRST = """
INSERT INTO run (id, dataset, state, engine, contract, started_at)
VALUES ('r', 't', 'committed', 'local', 'c', 1);
INSERT INTO object (id, bucket, key) VALUES (1, 'source', 'a');
INSERT INTO version (id, object_id, version, dataset, arrived_at, changed_at, state, run_id,
                     rows_read, rows_written, rows_duplicate, rows_filtered, rows_rejected)
VALUES (1, 1, '1', 't', 1, 1, 'committed', 'r', 2, 2, 0, 0, 0);
UPDATE object SET head = 1;
INSERT INTO heard VALUES (1, 'AA', 1);
"""


def test_a_state_of_the_version_before_gets_a_journal_that_gives_back_all_of_it(
    tmp_path: Path,
) -> None:
    with closing(apsw.Connection(str(tmp_path / "state.db"))) as connection:
        migrate(connection, to=1)
        connection.execute(FIRST)

    shop = Shop(tmp_path)
    fed(shop, "b")

    shop.again(tmp_path / "again.db")
    assert_given_back(tmp_path / "again.db", shop.path)
    assert states(tmp_path / "again.db", "a") == [("1", "committed", True)]
    shop.db.close()


# merging ------------------------------------------------------------------------------------------


def test_files_are_merged_once_they_have_as_many_bytes_as_the_base(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 1)
    scratch = tmp_path / "scratch.db"
    fed(shop, "a", "b", "c")
    base, *later = [one.path.stat().st_size for one in segments(shop.commits)]

    done = [
        merge(shop.commits, scratch, least=later[0] + 1),
        merge(shop.commits, scratch, least=0),
        merge(shop.commits, scratch, least=0),
    ]

    assert later[0] < base
    assert done == [False, False, False]
    fed(shop, "d", "e", "f")
    assert merge(shop.commits, scratch, least=0)
    assert [one.path.name for one in segments(shop.commits)] == [
        "000000000005.base.jsonl",
        "000000000006.jsonl",
    ]
    shop.again(tmp_path / "again.db")
    assert_given_back(tmp_path / "again.db", shop.path)
    assert not scratch.exists()


def test_a_journal_that_is_damaged_is_not_merged(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 1)
    fed(shop, "a", "b", "c", "d", "e", "f")
    damaged = segments(shop.commits)[2].path
    damaged.write_bytes(damaged.read_bytes().replace(b"committed", b"comnitted"))
    before = written(shop)

    done = merge(shop.commits, tmp_path / "scratch.db", least=0)

    assert not done
    assert written(shop) == before


# a full disk --------------------------------------------------------------------------------------


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk on which no file of this process grows beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_state_that_finds_no_room_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    fed(shop, "a")
    again = tmp_path / "again.db"

    with files_of_at_most(16_384), pytest.raises(StoreUnavailable, match=r"again\.db"):
        replay(shop.commits, again, whole=lambda _: True)

    assert not again.exists()


@pytest.mark.parametrize("part", ["the database", "the base"])
def test_a_merge_that_finds_no_room_leaves_the_journal_as_it_was(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 1)
    fed(shop, "a", "b", "c", "d", "e", "f")
    before = written(shop)
    scratch = tmp_path / "scratch.db"
    if part == "the base":
        monkeypatch.setattr(os, "fsync", no_room)

    with (
        files_of_at_most(16_384 if part == "the database" else resource.RLIM_INFINITY),
        pytest.raises(StoreUnavailable),
    ):
        merge(shop.commits, scratch, least=0)

    assert written(shop) == before
    assert not scratch.exists()


def no_room(_handle: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
