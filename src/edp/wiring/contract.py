"""The contract compiled by the engine that will carry it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.core.contract import Config


def compile_all(config: Config) -> None:
    """Compile every dataset's expressions and transforms, without reading any file.

    Raises: ConfigError that names the settings which do not compile, a line each.
    """
    from edp.etl.engine import compile_contract

    wrong = []
    for name, dataset in config.datasets.items():
        try:
            compile_contract(dataset)
        except ConfigError as error:
            wrong.append(f"datasets.{name}: {error}")
    if wrong:
        raise ConfigError("\n".join(wrong))
