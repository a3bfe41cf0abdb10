"""Commands for a new workspace: init, validate, version, demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import Json
from edp.cli.show import print_json, say
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.cli.context import State

_CONTRACT: Final = """\
# The contract of this workspace. Every line that is commented out shows what could be said;
# without any, each first-level folder of lake/source/ is a dataset and types are inferred.

# name: shop

# runtimes:
#   local: {root: lake, workers: 2, memory: 4GB, settle: 1s}
# batch: {max_files: 1000, max_bytes: 256MB, max_wait: 1s}
# retry: {max_attempts: 5, base: 2s, cap: 5min}

# datasets:
#   orders:
#     path: "orders/**"               # which keys; the first dataset that matches takes the file
#     nulls: ["", "NULL", "N/A"]      # texts that mean nothing is there
#     columns:                        # a value that does not fit is a reject with a reason
#       order_id: {type: bigint, required: true}
#       order_date: {type: timestamp}
#     max_reject_ratio: 0.5           # above it nothing of the file is published
"""
_IGNORE: Final = "lake/\n.env\n"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, validate, demo, version):
        app.command()(command)


def init(ctx: typer.Context) -> None:
    """Write a commented edp.yaml and a .gitignore into the workspace."""
    state: State = ctx.obj
    try:
        state.path.mkdir(parents=True, exist_ok=True)
        contract = state.path / "edp.yaml"
        if contract.exists():
            raise ConfigError(f"{contract} is there already; nothing was changed")
        contract.write_text(_CONTRACT, "utf-8")
        ignore = state.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE, "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot make a workspace in {state.path}: {error}") from error
    say(f"wrote {contract}; next: edp ingest FILE --dataset NAME")


def validate(ctx: typer.Context, json: Json = False) -> None:
    """Check the contract."""
    from edp.core.contract import load, unpromised
    from edp.wiring.contract import compile_all

    state: State = ctx.obj
    path = state.path / "edp.yaml"
    if not path.exists():
        raise ConfigError(
            f"{path} is not there; `edp init` writes one, and none is needed to start"
        )
    config = load(path, environ=state.environ)
    compile_all(config)
    datasets = {name: dataset.hash() for name, dataset in config.datasets.items()}
    if json:
        told = {"valid": True, "datasets": datasets, "not_promised": unpromised(config)}
        print_json(told)
        return
    say(f"{path} is valid")
    for name, digest in datasets.items():
        say(f"dataset {name}: {config.datasets[name].path}, contract {digest}")
    for one in unpromised(config):
        say(f"not promised on AWS with tables of Parquet: {one}")


def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where to make the demo's workspace.")] = Path(
        "edp-demo"
    ),
    orders: Annotated[int, typer.Option(min=1000, help="How many orders, roughly.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Which orders: a seed makes the same ones.")] = 7,
) -> None:
    """Show the whole flow on generated orders, ending in SQL."""
    from edp.cli.demo import play

    state: State = ctx.obj
    if not play(folder, count=orders, seed=seed, environ=state.environ):
        raise typer.Exit(1)


def version(json: Json = False) -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    if json:
        print_json({"version": installed("edp")})
    else:
        say(installed("edp"))
