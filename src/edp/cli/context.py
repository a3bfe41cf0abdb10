"""What every command starts from: the workspace that it is to work on."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edp.wiring import Workspace


class Runtime(enum.StrEnum):
    """Where the flow runs."""

    local = "local"
    aws = "aws"


class Engine(enum.StrEnum):
    """What schedules the work."""

    local = "local"
    spark = "spark"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@dataclass(frozen=True)
class State:
    """The options before the command."""

    path: Path
    on: Runtime
    environ: Mapping[str, str]

    def local(self) -> Path:
        """The workspace's folder.

        Raises: ConfigError when another runtime is asked for.
        """
        if self.on is Runtime.aws:
            raise ConfigError("--on aws is not available in this version; use --on local")
        return self.path

    def open(self, engine: str) -> Workspace:
        """The workspace, its work scheduled by `engine`.

        Raises: ConfigError when the contract is wrong or the runtime is not there yet.
        """
        from edp.wiring import open_workspace

        return open_workspace(self.local(), environ=self.environ, engine=engine)


def workspace(ctx: typer.Context, engine: str = "local") -> Workspace:
    """The workspace that the command is to work on."""
    state: State = ctx.obj
    return state.open(engine)
