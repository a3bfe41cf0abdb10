"""The demo shows what happened: its numbers are those that the generator wrote down."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp import Pipeline
from edp.cli.demo import orders, place
from edp.cli.demo.account import differences
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.cli.conftest import Ran

ORDERS = 2000
SEED = 11
EDP = Path(sys.executable).parent / "edp"
VOLATILE = (r" *\d+\n", r"\d{8}T\d{6}-[0-9a-f]{8}")


def demo(folder: Path, *, seed: int = SEED) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PATH": f"{EDP.parent}:{os.environ['PATH']}"}
    arguments = ["demo", "--orders", str(ORDERS), "--seed", str(seed)]
    return subprocess.run(
        [EDP, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo was played, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    ran = demo(folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    return folder, ran.stdout


def chapters(said: str) -> list[str]:
    """What the demo said under each heading."""
    return re.split(r"(?m)^(?:\d\. .*|Try next)$", said)


def numbers(text: str, *beginning: str) -> list[int]:
    """The whole numbers of the one line that begins with these words, behind them."""
    (line,) = [one for one in text.splitlines() if one.split()[: len(beginning)] == [*beginning]]
    return [int(word) for word in line.split()[len(beginning) :] if word.isdigit()]


MADE = orders.deliveries(ORDERS, SEED)
BEFORE = [one for one in MADE if one.day < orders.HOPELESS]


def total(made: Sequence[orders.Delivery], what: str) -> int:
    return sum(getattr(one.counts, what) for one in made)


def read(terminal: int) -> bytes:
    """What a terminal shows next; nothing at its end, which Linux tells by an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


# --- what it shows --------------------------------------------------------------------------------


def test_every_receipt_is_the_one_that_was_foreseen(played: tuple[Path, str]) -> None:
    _, _, _, receipts, _, mended, *_ = chapters(played[1])
    versions = dict.fromkeys(range(1, 8), "1") | {8: "corrected", 9: "only", 10: "1"}

    shown = {
        one.key: numbers(
            mended if one in MADE[9:] else receipts, one.key, versions[one.day], "committed"
        )
        for one in MADE
    }

    assert {key: tuple(line[:5]) for key, line in shown.items()} == {
        one.key: tuple(vars(one.counts).values()) for one in MADE
    }
    assert re.search(r"orders/day-08.csv +first +superseded\n", receipts)
    assert re.search(r"orders/day-10.csv +1 +dead\n", receipts)


def test_the_stages_show_what_went_through_them(played: tuple[Path, str]) -> None:
    _, _, flow, *_ = chapters(played[1])

    assert numbers(flow, "source") == [10]
    assert numbers(flow, "topic")[0] == 8
    assert numbers(flow, "queue") == [8 + 2 * 3]
    assert numbers(flow, "ledger") == [11, 9, 1, 1]
    assert numbers(flow, "catalog")[0] == numbers(flow, "query")[0]
    assert numbers(flow, "query") == [total(BEFORE, "rows_written")]


def test_rejects_are_told_by_reason(played: tuple[Path, str]) -> None:
    rejects = chapters(played[1])[4]
    wanted: Counter[tuple[str, str]] = Counter()
    for one in BEFORE:
        wanted += one.rejects

    shown = re.findall(r"(?m)^ +(\d+)   (\w*) +(\w[^:]*):", rejects)

    assert {(column, reason): int(n) for n, column, reason in shown} == wanted


def test_the_dead_letter_says_how_many_rows_it_is_about(played: tuple[Path, str]) -> None:
    mended = " ".join(chapters(played[1])[5].split())
    read = MADE[9].counts.rows_read

    assert f"orders/day-10.csv: {read} of {read} rows were rejected" in mended


def test_sql_finds_every_order_and_cent(played: tuple[Path, str]) -> None:
    asked = chapters(played[1])[6]
    sold: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    for one in MADE:
        sold += one.orders
        cents += one.cents

    shown = re.findall(r"(?m)^ ([A-Z]+) +(\d+) +(\d+\.\d\d)", asked)

    assert {s: (int(n), int(amount.replace(".", ""))) for s, n, amount in shown} == {
        s: (sold[s], cents[s]) for s in sold
    }
    assert "every file, row and cent agrees" in " ".join(asked.split())


def test_the_same_seed_tells_the_same_story_and_another_one_another(
    played: tuple[Path, str], tmp_path: Path
) -> None:
    def steady(said: str) -> str:
        for pattern in VOLATILE:
            said = re.sub(pattern, "#", said)
        return said

    again, other = demo(tmp_path), demo(tmp_path, seed=SEED + 1)  # the second in the first's folder

    assert steady(again.stdout) == steady(played[1])
    assert (other.returncode, steady(other.stdout) == steady(played[1])) == (0, False)


def test_what_to_try_next_works(played: tuple[Path, str], edp: Callable[..., Ran]) -> None:
    folder, said = played
    os.chdir(folder)
    commands = [line.strip() for line in chapters(said)[-1].splitlines() if " edp " in line]

    outcomes = [(command, edp(*shlex.split(command)[1:]).status) for command in commands[:-1]]

    assert commands[-1] == "edp --workspace edp-demo up"
    assert len(outcomes) == 6
    assert {status for _, status in outcomes} == {0}, outcomes


def test_it_fits_a_narrow_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "-c", f"stty cols 80; exec {EDP} demo --orders {ORDERS}"],  # noqa: S607 (any bash)
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{EDP.parent}:{os.environ['PATH']}"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b"".join(iter(lambda: read(ours), b""))
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode()).replace("\r", "\n")

    assert process.returncode == 0
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "query   SELECT count(*) FROM orders: " in text


# --- the oracle -----------------------------------------------------------------------------------


@given(st.integers(1, orders.FILES), st.integers(0, 200), st.integers())
def test_every_record_of_a_file_is_accounted_for(day: int, share: int, seed: int) -> None:
    made = orders.delivery(day, share, seed)

    assert made.counts.rows_read == len(made.text.splitlines()) - 1
    assert made.counts.conserved
    assert made.orders.total() == made.written
    assert made == orders.delivery(day, share, seed)


def test_what_differs_from_the_account_is_told(tmp_path: Path) -> None:
    made = MADE[:2]
    for one in made:
        (tmp_path / one.name).write_text(one.text, "utf-8")
    place.furnish(tmp_path / "w", MADE, count=ORDERS, seed=SEED)
    with Pipeline.open(tmp_path / "w") as pipeline:
        pipeline.ingest(*(tmp_path / one.name for one in made), dataset="orders")
        here = open_workspace(tmp_path / "w", environ={})
        assert list(differences(here, made)) == []

        pipeline.retract(made[0].key)

    told = " ".join(differences(here, made))
    assert all(word in told for word in (made[0].key, "OPEN", next(iter(made[0].rejects))[1]))


# --- the folder -----------------------------------------------------------------------------------


def test_a_folder_that_is_no_demo_is_left_alone(edp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "edp-demo").mkdir()
    (tmp_path / "edp-demo" / "mine.csv").touch()

    ran = edp("demo")

    assert (ran.status, ran.out) == (2, "")
    assert "is no demo" in ran.err
    assert (tmp_path / "edp-demo" / "mine.csv").exists()


def test_a_demo_that_somebody_works_in_is_left_alone(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    place.furnish(tmp_path / "edp-demo", orders.deliveries(10, 1), count=10, seed=1)
    here = open_workspace(tmp_path / "edp-demo", environ={})

    with here.working("edp up"):
        ran = edp("demo")

    assert ran.status == 2
    assert "(edp up) works edp-demo" in ran.err
