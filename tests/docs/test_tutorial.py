"""What the pages show is what happens: their console blocks are run, in order, in a new folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import DOCS, PAGES, PATIENCE_S, ROOT, run, says, steps

if TYPE_CHECKING:
    from pathlib import Path

PLAYED = [page for page in PAGES if steps(page)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.timeout(PATIENCE_S + 30)
@pytest.mark.parametrize("page", PLAYED, ids=name)
def test_commands_of_a_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    """A command may fail only where the next one is `echo $?`, and only with what that shows."""
    shown = steps(page)
    statuses = [int(after.printed) if after.command == "echo $?" else 0 for after in shown[1:]] + [
        0
    ]

    played = run(page, tmp_path)

    for (step, output, status), expected in zip(played, statuses, strict=True):
        assert says(step.printed, output), f"$ {step.command}\n{output}"
        assert status == expected, f"$ {step.command}\n{output}"


def test_readme_tutorial_and_how_tos_are_played() -> None:
    wanted = {ROOT / "README.md", DOCS / "tutorial" / "first-files.md"}

    assert wanted <= set(PLAYED)
