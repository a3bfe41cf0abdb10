"""Commands that bring files in: put, ingest, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edp.cli.context import Engine, Json, workspace
from edp.cli.progress import progress
from edp.cli.settle import report, until_idle
from edp.cli.show import counted, print_json, say
from edp.cli.stopping import stopping
from edp.core.errors import ConfigError

Paths = Annotated[list[Path], typer.Argument(help="Files, or folders whose files are meant.")]
Dataset = Annotated[str, typer.Option(help="The dataset that the files belong to.")]
Timeout = Annotated[float | None, typer.Option(help="Give up waiting after so many seconds.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(put)
    app.command()(ingest)
    app.command()(replay)


def put(ctx: typer.Context, paths: Paths, dataset: Dataset, json: Json = False) -> None:
    """Put files into the source; `edp up`, `run` or `ingest` loads them."""
    from edp.pipeline import feed
    from edp.pipeline.ingest import destinations

    here = workspace(ctx)
    files = destinations(here.config, paths, dataset)
    stored = feed.put_all(here.stages, files)
    if json:
        print_json({"files": [{"key": s.key, "bytes": s.size, "sha256": s.sha256} for s in stored]})
    else:
        say(f"{counted(len(stored), 'file')} put; a running `edp up` loads them, or `edp run`")


def ingest(
    ctx: typer.Context,
    paths: Paths,
    dataset: Dataset,
    engine: Annotated[Engine, typer.Option(help="What schedules the work.")] = Engine.local,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Put files, load them, and print their receipts."""
    from edp.pipeline.foreground import Patience
    from edp.pipeline.ingest import destinations
    from edp.pipeline.ingest import ingest as sentence

    here = workspace(ctx, engine)
    if engine is not Engine.local and (holder := here.holder()):
        raise ConfigError(f"{holder} would do the work, on its own engine; stop it first")
    files = destinations(here.config, paths, dataset)
    with progress(len(files)) as shown, stopping() as stop:
        receipts = sentence(here, files, patience=Patience(timeout, stop), shown=shown)
        stopped = stop()
    report(receipts, stopped=stopped, json=json)


def replay(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A message body a line, or JSON with `body`.")],
    objects: Annotated[
        Path | None, typer.Option(help="Folder that `local_path` of a line is below.")
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="Which bucket of the events stands for the source.")
    ] = None,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Feed captured SQS messages to the queue and work them off."""
    from edp.pipeline import feed

    here = workspace(ctx)
    aws = here.config.runtimes.aws
    own = aws.source if aws else None
    name = bucket or (own.bucket if own else None)
    if name is None:
        raise ConfigError(
            "which bucket of the events stands for the source? say --bucket NAME, "
            "or set runtimes.aws.source in edp.yaml"
        )
    prefix = own.prefix if own and own.bucket == name else ""
    if objects is not None and not objects.is_dir():
        raise ConfigError(f"--objects {objects} is not a folder")
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
    messages = [feed.captured(line) for line in lines if line.strip()]

    def send() -> None:
        sent = feed.replay(here.stages, messages, bucket=name, prefix=prefix, objects=objects)
        if not json:
            say(f"{counted(sent, 'message')} sent")
            if objects is None:
                say("without --objects the bytes must be in lake/source/ already")

    until_idle(here, json=json, timeout=timeout, first=send)
