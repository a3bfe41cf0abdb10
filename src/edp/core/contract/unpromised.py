"""What a runtime does not promise though the other does, for the table format that was chosen."""

from typing import Final

from edp.core.contract.config import Config

_TYPES: Final = (
    "a column keeps the type that its first files made, and what does not fit is a reject; "
    "declare the columns whose types matter"
)
_COMMITS: Final = (
    "while a file is replaced, a reader may see its rows twice for a moment, never not at all"
)


def unpromised(config: Config) -> tuple[str, ...]:
    """What tables of plain Parquet do not promise on AWS; nothing where there is no AWS.

    >>> unpromised(Config())
    ()
    """
    return () if config.runtimes.aws is None else (_TYPES, _COMMITS)
