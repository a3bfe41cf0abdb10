"""From the file `edp.yaml` to its Config."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from edp.core.contract.config import Config
from edp.core.contract.dataset import Dataset
from edp.core.contract.document import read
from edp.core.contract.environment import dotenv
from edp.core.contract.findings import checked
from edp.core.contract.later import unavailable
from edp.core.contract.nodes import Unreadable
from edp.core.contract.problems import ContractError, Problem
from edp.core.errors import ConfigError

MASK_KEY: Final = "EDP_MASK_KEY"


def load(path: Path, *, environ: Mapping[str, str]) -> Config:
    """The contract in the file at `path`.

    `${NAME}` is looked up in `environ`, then in a `.env` file beside the contract.

    Raises: ContractError with every problem; ConfigError when a file cannot be read.
    """
    text = _text(path)
    config = parse(text, environ={**variables(path), **environ}, name=path.name)
    return config.model_copy(
        update={
            "datasets": {
                name: _with_transform(dataset, name, path)
                for name, dataset in config.datasets.items()
            }
        }
    )


def mask_key(path: Path, environ: Mapping[str, str]) -> str:
    """What masked columns are hashed with, for the contract at `path`; empty where it is not set.

    `EDP_MASK_KEY` in `environ`, then in the `.env` file beside the contract.
    """
    return {**variables(path), **environ}.get(MASK_KEY, "")


def variables(path: Path) -> Mapping[str, str]:
    """The variables that a `.env` file beside the contract at `path` sets, if there is one.

    Raises: ContractError, ConfigError when it cannot be read.
    """
    beside = path.parent / ".env"
    return dotenv(_text(beside)) if beside.is_file() else {}


def _with_transform(dataset: Dataset, name: str, path: Path) -> Dataset:
    if dataset.transform is None:
        return dataset
    file = path.parent / dataset.transform.partition(".py:")[0]
    file = file.with_name(f"{file.name}.py") if ".py:" in dataset.transform else file
    try:
        return dataset.with_transform(file.read_bytes().decode())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"{path.name}: datasets.{name}.transform: {dataset.transform} cannot be read: {why}; "
            "its path is relative to edp.yaml"
        ) from error


def parse(text: str, *, environ: Mapping[str, str], name: str = "edp.yaml") -> Config:
    """The contract in `text`; `name` is what errors call it.

    >>> parse("batch: {max_files: 10}", environ={}).batch.max_files
    10

    Raises: ContractError with every problem.
    """
    try:
        document = read(text, environ)
    except Unreadable as error:
        raise ContractError([Problem(error.line, "", str(error))], name=name) from None
    config, findings = checked(document)
    findings += unavailable(config)
    if not environ.get(MASK_KEY):
        findings += _unkeyed(config)
    if findings:
        raise ContractError([document.problem(*finding) for finding in findings], name=name)
    return config


def _unkeyed(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, dataset in config.datasets.items():
        for key, column in dataset.columns.items():
            if column.mask == "sha256":
                way_out = f"set {MASK_KEY} in the environment or in .env, or take drop or last4"
                yield ("datasets", name, "columns", key, "mask"), f"there is no key; {way_out}"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `edp init` writes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8; save it as UTF-8") from None
