"""Ingest: files are put into the source, loaded, and answered for by a receipt each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edp.core.errors import ConfigError
from edp.core.names import check_key, is_ignored
from edp.core.receipts import Receipt
from edp.pipeline import feed
from edp.pipeline.foreground import FOREVER, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from edp.core.contract import Config
    from edp.pipeline.foreground import Patience, Place


def ingest(
    place: Place,
    files: Mapping[str, Path],
    *,
    patience: Patience = FOREVER,
    shown: Callable[[int], object] = lambda _settled: None,
) -> Sequence[Receipt]:
    """Put each of `files` (key to path) and wait until all are settled; a receipt for each.

    Where the same bytes were committed before, that is the receipt of then, marked `unchanged`.
    What is not settled when `patience` is over stays queued, and its receipt says so.
    """
    stages = place.stages
    keys = list(files)
    before = stages.receipts.heads(keys)
    settle(place, keys, first=lambda: feed.put_all(stages, files), patience=patience, shown=shown)
    now = stages.receipts.heads(keys)
    return [
        _compared(now.get(key), before.get(key))
        or Receipt(key, "", stages.config.dataset_for(key), "queued")  # still a message
        for key in keys
    ]


def _compared(now: Receipt | None, before: Receipt | None) -> Receipt | None:
    same = now and before and before.state == "committed" and before.version == now.version
    return replace(now, unchanged=True) if now and same else now


def destinations(config: Config, paths: Sequence[Path], dataset: str) -> dict[str, Path]:
    """The key of each file: `D/<name>` of a file, `D/<path below it>` of a folder's files.

    Raises: ConfigError when a path holds no file, two files would have one key, or a key would
    not belong to `dataset`; BadKey when it cannot be one.
    """
    if config.datasets:
        config.dataset(dataset)
    keys: dict[str, Path] = {}
    for path in paths:
        found = list(_files(path, dataset))
        if not found:
            raise ConfigError(f"{path}: there is no file to load")
        for key, file in found:
            check_key(key)
            if key in keys:
                raise ConfigError(f"{file} and {keys[key]} would both become {key!r}")
            goes = config.dataset_for(key)
            if goes != dataset:
                raise ConfigError(_astray(config, key, dataset, goes))
            keys[key] = file
    return keys


def _astray(config: Config, key: str, dataset: str, goes: str | None) -> str:
    where = "no dataset" if goes is None else repr(goes)
    if config.datasets:
        return f"{key!r} would belong to {where}, not to {dataset!r}: the paths of edp.yaml decide"
    wanted = repr(goes) if goes else "with small letters, digits and _, and not edp in front"
    return f"no table can be called {dataset!r}; name the dataset {wanted}"


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
