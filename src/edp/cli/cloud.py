"""Commands that make what is deployed, and deploy it: build, synth, diff, deploy, destroy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, State
from edp.cli.show import counted, print_json, print_table, say
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.core.contract import Config
    from edp.infra.deployment import Deployment

Out = Annotated[Path, typer.Option(help="Folder for what is built.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(build)
    app.command()(synth)
    app.command()(diff)
    app.command()(deploy)
    app.command()(destroy)


def build(ctx: typer.Context, out: Out = Path("build"), json: Json = False) -> None:
    """Package this EDP for AWS: the Glue job, and the functions with this workspace's contract."""
    from edp.infra import glue, layer, packages
    from edp.infra.functions import CONTRACT

    state: State = ctx.obj
    job = glue.build(out / "glue")
    paths = {"wheel": job.wheel, "script": job.script, "requirements": job.requirements}
    if not json:
        for path in paths.values():
            say(f"{path}  {path.stat().st_size:,} bytes")
    there = (state.path / CONTRACT).exists()
    made = packages.build(_contract(state), state.path, out / "lambda") if there else ()
    unpacked = sum(package.unpacked for package in made)
    if json:
        named = dict(zip(("functions", "layer"), map(vars, made), strict=False))
        glues = {name: str(path) for name, path in paths.items()}
        lambdas = {**named, "unpacked": unpacked, "room": layer.ROOM} if made else None
        print_json({"glue": glues, "lambda": lambdas})
        return
    for package in made:
        say(f"{package.path}  {package.size:,} bytes, unpacked {package.unpacked:,}")
    if made:
        say(f"The functions take {unpacked / 1e6:.1f} MB of {layer.ROOM / 1e6:.0f} MB.")
    else:
        say(f"There is no {state.path / CONTRACT}, which the functions work by: `edp init`.")


def synth(ctx: typer.Context, out: Out = Path("build/cdk"), json: Json = False) -> None:
    """Write the CloudFormation template of this workspace's pipeline, without an account."""
    from edp.infra import app, artefacts, functions

    state: State = ctx.obj
    config = _contract(state)
    made = app.synthesise(config, artefacts.stage(config, state.path, out / "artefacts"), out)
    resources = made.template["Resources"]
    missing = functions.missing()
    if json:
        print_json(
            {
                "stack": made.stack,
                "template": str(made.path),
                "resources": len(resources),
                "missing_handlers": missing,
            }
        )
        return
    say(f"{made.path}  {counted(len(resources), 'resource')}")
    if missing:
        say(f"This EDP has no {', '.join(missing)} yet: the template can be read, not deployed.")


Cdk = Annotated[Path, typer.Option(help="Folder for the template and what it deploys.")]


def diff(ctx: typer.Context, out: Cdk = Path("build/cdk"), json: Json = False) -> None:
    """Say what deploy would change in the account; changes no resource."""
    changes = _deployment(ctx, quiet=json).diff(out)
    if json:
        print_json({"changes": [vars(change) for change in changes]})
        return
    if not changes:
        say("Nothing would change.")
        return
    print_table(
        ("action", "resource", "type", "made anew"),
        [(c.action, c.resource, c.kind, "yes" if c.replaced else "") for c in changes],
    )


def deploy(ctx: typer.Context, out: Cdk = Path("build/cdk"), json: Json = False) -> None:
    """Deploy this workspace's pipeline to AWS, or make it what the contract says now."""
    outputs = _deployment(ctx, quiet=json).deploy(out)
    named = {name.removesuffix("Output"): value for name, value in outputs.items()}
    if json:
        print_json({"outputs": named})
        return
    print_table(("output", "value"), list(named.items()))


def destroy(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete the pipeline from AWS; buckets and the ledger stay, with all that is in them."""
    deployment = _deployment(ctx, quiet=json)
    stack, account = deployment.config.name, deployment.account
    if not yes:
        typer.confirm(
            f"Delete the stack {stack} in {account.number}, {account.region}?", abort=True
        )
    kept = deployment.destroy()
    if json:
        print_json({"deleted": stack, "kept": kept})
        return
    say(f"Deleted {stack}. What stays: {', '.join(kept)}")


def _deployment(ctx: typer.Context, *, quiet: bool) -> Deployment:
    from edp.core.resources import NO_AWS
    from edp.infra import account, deployment

    state: State = ctx.obj
    config = _contract(state)
    aws = config.runtimes.aws
    if aws is None:
        raise ConfigError(NO_AWS)
    tell = (lambda _: None) if quiet else say
    return deployment.Deployment(
        config, state.path, account.connect(aws.region), state.environ, tell
    )


def _contract(state: State) -> Config:
    from edp.core.contract import load

    return load(state.path / "edp.yaml", environ=state.environ)
