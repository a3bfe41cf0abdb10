"""Proofs: what has to be true of a workspace, and what of it is not, found by comparing values.

Each proof is a function of the facts. It yields a finding for everything that speaks against it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from edp.core.files import ADOPTED
from edp.core.identity import named_by_a_run
from edp.core.receipts import STATES
from edp.crawler.port import Measured
from edp.pipeline.work import COMMIT_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from edp.catalog.port import Inventory
    from edp.core.files import DataFile, Kind
    from edp.core.receipts import Receipt
    from edp.crawler.port import Unreadable
    from edp.ledger.port import Seen
    from edp.queue.port import DeadLetter
    from edp.source.port import Listed

_RECONCILE: Final = "`edp reconcile` takes it in, and so does `edp up`"
_REBUILD: Final = "`edp rebuild` makes the state again from its commits"


@dataclass(frozen=True)
class Finding:
    """What is wrong with one thing, and the way out."""

    subject: str
    problem: str
    fix: str


@dataclass(frozen=True)
class Facts:
    """What there is.

    `changed` are keys whose bytes were touched since they were last looked at, and what these hash
    to now. `waiting` counts messages in the queue. `measured` and `there` map a path below the
    lake to what the file is, and to its age (seconds). `retracted` are keys that a person took
    out. `since` says when the live version of a key was committed (seconds). A file that no table
    names is garbage that is still owed for `garbage_s` seconds.
    """

    listed: Mapping[str, Listed]
    changed: Mapping[str, str]
    seen: Mapping[str, Seen]
    receipts: Sequence[Receipt]
    heads: Mapping[str, Receipt]
    waiting: int
    letters: Sequence[DeadLetter]
    runs: Mapping[str, str]
    inventory: Inventory
    measured: Mapping[str, Measured | Unreadable]
    there: Mapping[str, float]
    retracted: AbstractSet[str]
    since: Mapping[str, float]
    garbage_s: float

    @cached_property
    def versions(self) -> Mapping[str, Sequence[Receipt]]:
        """The versions of each key."""
        found: dict[str, list[Receipt]] = defaultdict(list)
        for receipt in self.receipts:
            found[receipt.key].append(receipt)
        return found

    @cached_property
    def committed(self) -> Sequence[Receipt]:
        """The versions whose rows are in a table."""
        return [receipt for receipt in self.receipts if receipt.state == "committed"]

    def held(self, kind: Kind) -> Counter[tuple[str, str]]:
        """Rows by dataset and key, as the files of all tables of one kind are said to hold them."""
        rows: Counter[tuple[str, str]] = Counter()
        for dataset, file in self.inventory.files:
            if file.kind == kind:
                rows.update({(dataset, key): n for key, n in file.sources.items()})
        return rows


def accepted(facts: Facts) -> Iterator[Finding]:
    """Every object of the source that is not in the ledger as it is now."""
    for key in facts.listed:
        seen = facts.seen.get(key)
        if seen is None:
            yield Finding(key, "it is in the source, and nobody has accepted it", _RECONCILE)
        elif facts.changed.get(key, seen.sha256) != seen.sha256:
            yield Finding(key, "its bytes have changed since they were accepted", _RECONCILE)
        elif key not in facts.heads and not facts.waiting:
            yield Finding(key, "its event is neither in the queue nor in the ledger", _RECONCILE)


def states(facts: Facts) -> Iterator[Finding]:
    """Every version whose state is none, or does not go with those of its key or its run."""
    for key, versions in facts.versions.items():
        for one in versions:
            if one.state not in STATES:
                yield Finding(_version(one), f"its state is {one.state!r}, which is none", _REBUILD)
            if one.state == "running" and facts.runs.get(one.run_id or "") != "running":
                problem = f"it is running, and its run {one.run_id} is not"
                yield Finding(_version(one), problem, "`edp run --until-idle` frees it")
        head = facts.heads.get(key)
        if head is None or head.state == "superseded":
            yield Finding(key, "none of its versions stands as the newest", _REBUILD)
        if sum(one.state == "committed" for one in versions) > 1:
            yield Finding(key, "two of its versions are committed", _REBUILD)


def letters(facts: Facts) -> Iterator[Finding]:
    """Every dead version without a dead letter and a reason, and every letter of none."""
    dead = {(one.key, one.version): one for one in facts.receipts if one.state == "dead"}
    told = {(one.key, one.version): one for one in facts.letters if one.kind == "object"}
    for which in sorted(dead.keys() - told.keys()):
        yield Finding(_version(dead[which]), "it is dead, and has no dead letter", _again(which[0]))
    for which, one in dead.items():
        if not (one.error and one.error.message):
            yield Finding(_version(one), "it is dead without a reason", _again(which[0]))
    for letter in facts.letters:
        if letter.kind == "object" and (letter.key or "", letter.version or "") not in dead:
            problem = f"it is of {letter.key} version {letter.version}, which is not dead"
            yield Finding(f"dead letter {letter.id}", problem, f"`edp dlq discard {letter.id}`")


def once(facts: Facts) -> Iterator[Finding]:
    """Every key whose rows are in no table, in two, or in one that should not have them."""
    live: dict[str, list[str]] = defaultdict(list)
    for dataset, keys in facts.inventory.sources.items():
        for key in keys:
            if not key.startswith(ADOPTED):
                live[key].append(dataset)
    for one in facts.committed:
        if one.dataset not in live.get(one.key, ()):
            problem = f"it is committed, and is not in the table {one.dataset}"
            yield Finding(_version(one), problem, _again(one.key))
    for key, datasets in live.items():
        yield from _out_of_place(facts, key, datasets)
    yield from _misnamed(facts)


def _out_of_place(facts: Facts, key: str, datasets: Sequence[str]) -> Iterator[Finding]:
    """A live key that is in two tables, or that no version justifies.

    One that is read again keeps its rows meanwhile, and when that fails.
    """
    if len(datasets) > 1:
        problem = f"its rows are in the tables {' and '.join(sorted(datasets))}"
        yield Finding(key, problem, _again(key))
    kept = {one.state for one in facts.versions.get(key, ())} - {"superseded"}
    if not kept or key in facts.retracted:
        problem = "its rows are in a table, and none of its versions is to be there"
        yield Finding(key, problem, f"`edp retract {key}`" if kept else _REBUILD)


def _misnamed(facts: Facts) -> Iterator[Finding]:
    """Files that hold rows of keys that are not live, and files that are named twice."""
    for dataset, file in facts.inventory.files:
        for key in file.sources.keys() - facts.inventory.sources.get(dataset, frozenset()):
            yield Finding(file.path, f"it holds rows of {key}, which is not in the table", _REBUILD)
    for path, n in Counter(file.path for _, file in facts.inventory.files).items():
        if n > 1:
            yield Finding(path, f"tables name it {n} times", _REBUILD)


def counted(facts: Facts) -> Iterator[Finding]:
    """Every committed version whose rows do not add up, or are not those of its files."""
    written, rejected = facts.held("data"), facts.held("rejects")
    for one in facts.committed:
        counts, place = one.counts, (one.dataset or "", one.key)
        if counts is None or not counts.conserved:
            problem = "rows_read is not the sum of rows written, duplicate, filtered and rejected"
            yield Finding(_version(one), problem, _again(one.key))
            continue
        for said, found, what in (
            (counts.rows_written, written[place], "written"),
            (counts.rows_rejected, rejected[place], "rejected"),
        ):
            if said != found and not (what == "rejected" and _expired(facts, one, found)):
                problem = f"its receipt says {said} rows {what}, the catalog has files with {found}"
                yield Finding(_version(one), problem, _again(one.key))


def _expired(facts: Facts, one: Receipt, found: int) -> bool:
    """Whether its rejects are gone because they were old: all of them at once, and after it."""
    last = facts.inventory.expired.get(one.dataset or "", 0.0)
    return not found and facts.since.get(one.key, last) < last


def files(facts: Facts) -> Iterator[Finding]:
    """Every data file that is not there, or not what the catalog says."""
    for _, file in facts.inventory.files:
        found = facts.measured[file.path]
        for problem in _wrong(file, found) if isinstance(found, Measured) else [found.reason]:
            yield Finding(file.path, problem, _restore(file))


def _wrong(file: DataFile, found: Measured) -> Iterator[str]:
    if found.bytes != file.bytes:
        yield f"it has {found.bytes} bytes, and was committed with {file.bytes}"
    elif found.sha256 not in (None, file.sha256):
        yield "its bytes are not those that were committed"
    if found.rows != file.rows:
        yield f"its footer says {found.rows} rows, the catalog {file.rows}"
    if sum(file.sources.values()) != file.rows:
        yield f"the catalog says {file.rows} rows, and {sum(file.sources.values())} by source"
    if found.sources is not None and not _adopted(file) and found.sources != file.sources:
        keys = sorted(
            key
            for key in found.sources.keys() | file.sources.keys()
            if found.sources.get(key) != file.sources.get(key)
        )
        yield f"it does not hold the rows that the catalog says of {', '.join(keys)}"


def named(facts: Facts) -> Iterator[Finding]:
    """Every file of the target that no table names, and that is no garbage still owed."""
    known = {file.path for _, file in facts.inventory.files} | facts.inventory.retired
    owed_s = max(facts.garbage_s, COMMIT_WITHIN_S) + COMMIT_WITHIN_S
    for path, age_s in facts.there.items():
        if path in known:
            continue
        if not named_by_a_run(path):
            yield Finding(path, "no table has it, and EDP did not write it", _adopt(path))
        elif age_s > owed_s:
            problem = "no table has it, and it should have been collected"
            yield Finding(path, problem, "`edp run --until-idle` collects it")


def _version(one: Receipt) -> str:
    return f"{one.key} version {one.version}"


def _again(key: str) -> str:
    return f"`edp backfill --prefix {key}` reads it again"


def _adopted(file: DataFile) -> bool:
    return any(key.startswith(ADOPTED) for key in file.sources)


def _restore(file: DataFile) -> str:
    if _adopted(file):
        return "put it back, or `edp crawl` takes it as it is"
    first, *others = sorted(file.sources) or ["nobody"]
    more = f" and {len(others)} more" if others else ""
    return f"put it back from a backup, or backfill what it holds rows of: {first}{more}"


def _adopt(path: str) -> str:
    if path.startswith("target/"):
        return "`edp crawl` adopts it; or take it away"
    return "take it away"


def _files_of(facts: Facts) -> int:
    return len(facts.inventory.files)


Proving = tuple[str, str, "Callable[[Facts], int]", "Callable[[Facts], Iterator[Finding]]"]
PROOFS: Final[Sequence[Proving]] = (
    ("accepted", "every object of the source is in the ledger",
     lambda facts: len(facts.listed), accepted),
    ("states", "every version is in one state, and one version of a key is the newest",
     lambda facts: len(facts.receipts), states),
    ("letters", "every dead version has a dead letter with the reason",
     lambda facts: sum(one.state == "dead" for one in facts.receipts), letters),
    ("once", "a table has the rows of every committed version once, and no others",
     lambda facts: len(facts.committed), once),
    ("counted", "every row read was written, duplicate, filtered or rejected",
     lambda facts: len(facts.committed), counted),
    ("files", "every data file of a table is there and holds what was committed",
     _files_of, files),
    ("named", "every data file on the disk is a table's, or garbage that is still owed",
     lambda facts: len(facts.there), named),
)  # fmt: skip
"""Every proof: its name, what it promises, how many things it looks at, and what it finds."""
