"""A doorbell between processes: it is heard, it never blocks, and nobody has to be there."""

from __future__ import annotations

import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edp.backends.bell import Bell
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from edp.backends.bell import Listening

RING = """
import pathlib, sys
from edp.backends.bell import Bell
Bell(pathlib.Path(sys.argv[1])).ring()
"""


def rings(ear: Listening) -> bool:
    return bool(select.select([ear.handle], [], [], 0)[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".bell"


def test_a_ring_from_another_process_is_heard_until_it_is_taken(path: Path) -> None:
    with Bell(path).listening() as ear:
        before = rings(ear)
        subprocess.run([sys.executable, "-c", RING, str(path)], check=True, timeout=30)
        heard = rings(ear)
        ear.quiet()

        assert (before, heard, rings(ear)) == (False, True, False)


def test_a_wait_ends_with_the_ring(path: Path) -> None:
    bell = Bell(path)
    with bell.listening() as ear:
        bell.ring()
        ear.wait(60)

        assert rings(ear)


def test_it_can_be_rung_more_often_than_it_is_heard(path: Path) -> None:
    bell = Bell(path)
    with bell.listening() as ear:
        for _ in range(70_000):  # a pipe holds 65,536 bytes
            bell.ring()
        ear.quiet()

        assert not rings(ear)


def test_who_rings_where_nobody_listens_goes_on(path: Path) -> None:
    Bell(path).ring()
    with Bell(path).listening():
        pass

    Bell(path).ring()

    with Bell(path).listening() as ear:
        assert not rings(ear)


def test_what_is_no_bell_is_left_alone_by_a_ring_and_replaced_by_a_listener(path: Path) -> None:
    path.write_text("a file")

    Bell(path).ring()

    assert path.read_text() == "a file"
    with Bell(path).listening() as ear:
        Bell(path).ring()
        assert rings(ear)


def test_where_no_bell_can_be_made_that_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="local disk"),
        Bell(tmp_path / "nowhere" / ".bell").listening(),
    ):
        pass
