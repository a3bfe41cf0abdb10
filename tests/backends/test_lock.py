"""One process at a time works a workspace, and others are told which."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edp.backends.lock import Lock
from edp.core.holder import Holder

UP = Holder(4711, "edp up", 1.0)
RUN = Holder(4712, "edp run", 2.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lake" / ".lock"


def test_one_holder_at_a_time(path: Path) -> None:
    with Lock(path).held(UP) as first, Lock(path).held(RUN) as second:
        held = (first, second)
    with Lock(path).held(RUN) as third:
        assert (*held, third) == (True, False, True)


def test_others_are_told_who_holds_it(path: Path) -> None:
    before = Lock(path).holder()
    with Lock(path).held(UP), Lock(path).held(RUN):
        during = Lock(path).holder()

    assert (before, during, Lock(path).holder()) == (None, UP, None)


def test_a_look_at_the_holder_keeps_nobody_from_holding_it(path: Path) -> None:
    with Lock(path).held(UP):
        pass

    Lock(path).holder()

    with Lock(path).held(RUN) as held:
        assert held


def test_the_holder_says_why_it_pauses_and_when_it_goes_on(path: Path) -> None:
    mine, theirs = Lock(path), Lock(path)
    with mine.held(UP):
        mine.pause("the disk is full " * 1000)
        paused = theirs.holder()
        mine.pause("")
        going = theirs.holder()

    assert paused is not None
    assert paused.paused.startswith("the disk is full")
    assert going == UP


def test_words_about_a_pause_take_no_further_space(path: Path) -> None:
    lock = Lock(path)
    with lock.held(UP):
        before = path.stat().st_size
        lock.pause("ü" * 5000)

        assert path.stat().st_size == before


def test_a_holder_that_has_not_said_a_word_yet_is_there_all_the_same(path: Path) -> None:
    lock = Lock(path)
    with lock.held(UP):
        path.write_text("")

        holder = Lock(path).holder()

    assert str(holder) == "another process"


HOLDING = """
import sys, time
from pathlib import Path
from edp.backends.lock import Lock
from edp.core.holder import Holder
with Lock(Path(sys.argv[1])).held(Holder(1, "test", 0.0)) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.mark.kill
def test_the_holders_death_frees_the_lock(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with Lock(path).held(UP) as during:
        pass

    process.send_signal(signal.SIGKILL)
    process.communicate()

    with Lock(path).held(UP) as after:
        assert (during, after) == (False, True)
