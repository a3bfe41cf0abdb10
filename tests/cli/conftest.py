"""The command line as a user runs it, in this process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from edp.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Edp = "Callable[..., Ran]"


@dataclass(frozen=True)
class Ran:
    """What a command did: exit status, standard output and error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever the command printed)
        return json.loads(self.out)


@pytest.fixture
def edp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run `edp ARGUMENTS` in a workspace of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edp.yaml").write_text("runtimes: {local: {settle: 0s}}\n", "utf-8")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["edp", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return Ran(int(stop.value.code or 0), out, err)

    return run
