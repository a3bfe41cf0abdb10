"""Commands that bring files in: put, ingest, replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edp.cli.context import Json, workspace
from edp.cli.settle import report, settle
from edp.cli.show import counted, print_json, say
from edp.core.errors import ConfigError
from edp.core.names import check_key, is_ignored
from edp.core.receipts import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edp.wiring import Workspace

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

    here = workspace(ctx)
    keys = _keys(here, paths, dataset)
    stored = [feed.put(here.stages, key, path) for key, path in keys.items()]
    if json:
        print_json({"files": [{"key": s.key, "bytes": s.size, "sha256": s.sha256} for s in stored]})
    else:
        say(f"{counted(len(stored), 'file')} put; a running `edp up` loads them, or `edp run`")


def ingest(
    ctx: typer.Context,
    paths: Paths,
    dataset: Dataset,
    engine: Annotated[str, typer.Option(help="local, or spark (not yet available)")] = "local",
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Put files, load them, and print their receipts."""
    from edp.pipeline import feed

    if engine != "local":
        raise ConfigError(f"--engine {engine} is not available in this version; use local")
    here = workspace(ctx)
    keys = _keys(here, paths, dataset)
    before = here.stages.receipts.heads(list(keys))

    def put_all() -> None:
        for key, path in keys.items():
            feed.put(here.stages, key, path)

    stopped = settle(here, list(keys), first=put_all, timeout=timeout)
    heads = here.stages.receipts.heads(list(keys))
    receipts = [_compared(key, dataset, heads.get(key), before.get(key)) for key in keys]
    report(receipts, stopped=stopped, json=json)


def _compared(key: str, dataset: str, now: Receipt | None, before: Receipt | None) -> Receipt:
    if now is None:  # its message is still in the queue
        return Receipt(key, "", dataset, "queued")
    same = before is not None and before.state == "committed" and before.version == now.version
    return replace(now, unchanged=True) if same else now


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
    from edp.cli.work import until_idle
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


def _keys(here: Workspace, paths: Sequence[Path], dataset: str) -> dict[str, Path]:
    """Where each file goes: a file as `D/<name>`, a folder's files as `D/<path below it>`."""
    if here.config.datasets:
        here.config.dataset(dataset)
    keys: dict[str, Path] = {}
    for path in paths:
        found = list(_files(path, dataset))
        if not found:
            raise ConfigError(f"{path}: there is no file to load")
        for key, file in found:
            check_key(key)
            if key in keys:
                raise ConfigError(f"{file} and {keys[key]} would both become {key!r}")
            goes = here.config.dataset_for(key)
            if goes != dataset:
                raise ConfigError(_astray(here, key, dataset, goes))
            keys[key] = file
    return keys


def _astray(here: Workspace, key: str, dataset: str, goes: str | None) -> str:
    where = "no dataset" if goes is None else repr(goes)
    if here.config.datasets:
        return f"{key!r} would belong to {where}, not to {dataset!r}: the paths of edp.yaml decide"
    wanted = goes or "NAME in small letters, digits and _, not starting with edp"
    return f"no table can be called {dataset!r}; say --dataset {wanted}"


def _files(path: Path, dataset: str) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and not file.is_symlink() and not is_ignored(file.name):
                yield f"{dataset}/{file.relative_to(path).as_posix()}", file
    elif path.is_file():
        if is_ignored(path.name):
            raise ConfigError(f"{path}: names that start with '.' or '_' are not loaded; rename it")
        yield f"{dataset}/{path.name}", path
    else:
        raise ConfigError(f"{path}: there is no such file or folder")
