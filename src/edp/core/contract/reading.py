"""From the file `edp.yaml` to its Config."""

from collections.abc import Mapping
from pathlib import Path

from edp.core.contract.config import Config
from edp.core.contract.document import read
from edp.core.contract.environment import dotenv
from edp.core.contract.findings import checked
from edp.core.contract.later import unavailable
from edp.core.contract.nodes import Unreadable
from edp.core.contract.problems import ContractError, Problem
from edp.core.errors import ConfigError


def load(path: Path, *, environ: Mapping[str, str]) -> Config:
    """The contract in the file at `path`.

    `${NAME}` is looked up in `environ`, then in a `.env` file beside the contract.

    Raises: ContractError with every problem; ConfigError when a file cannot be read.
    """
    text = _text(path)
    beside = path.parent / ".env"
    variables = dotenv(_text(beside)) if beside.is_file() else {}
    return parse(text, environ={**variables, **environ}, name=path.name)


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
    if findings:
        raise ContractError([document.problem(*finding) for finding in findings], name=name)
    return config


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
