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
    from edp.wiring.deployed import Deployed


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
            raise ConfigError(
                "this command is for a workspace on this machine; on AWS there are status, files, "
                "runs, explain, query, tables, table, dlq, reconcile, events, alarms, alerts and "
                "doctor"
            )
        return self.path

    def deployed(self) -> Deployed:
        """The pipeline of the workspace's contract, as it is deployed on AWS.

        Raises: ConfigError when the contract is wrong, nobody is logged in, or it is not there.
        """
        from edp.core.contract import load
        from edp.core.resources import NO_AWS
        from edp.infra.account import connect
        from edp.wiring.deployed import of_account

        config = load(self.path / "edp.yaml", environ=self.environ)
        if config.runtimes.aws is None:
            raise ConfigError(NO_AWS)
        account = connect(config.runtimes.aws.region)
        return of_account(
            config,
            account.service,
            account=account.number,
            partition=account.partition,
            filled=account.filled,
        )

    def open(self, engine: str) -> Workspace:
        """The workspace, its work scheduled by `engine`.

        Raises: ConfigError when the contract is wrong or the runtime is not there yet.
        """
        from edp.wiring import open_workspace

        return open_workspace(self.local(), environ=self.environ, engine=engine)


def pipeline(ctx: typer.Context) -> Workspace | Deployed:
    """The pipeline that the command is to look at, wherever it runs."""
    state: State = ctx.obj
    return state.deployed() if state.on is Runtime.aws else state.open("local")


def workspace(ctx: typer.Context, engine: str = "local") -> Workspace:
    """The workspace that the command is to work on."""
    state: State = ctx.obj
    return state.open(engine)
