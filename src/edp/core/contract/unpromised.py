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

_COLUMNS: Final = (
    "{}: a crawler finds the columns of `partition_by` in the files as well as in the folders, and "
    "may make a table of them that Athena refuses; set runtimes.aws.catalog: direct"
)


def unpromised(config: Config) -> tuple[str, ...]:
    """What tables of plain Parquet do not promise on AWS; nothing where there is no AWS.

    >>> unpromised(Config())
    ()
    """
    aws = config.runtimes.aws
    if aws is None:
        return ()
    parted = [name for name, dataset in config.datasets.items() if dataset.partition_by]
    columns = [_COLUMNS.format(name) for name in parted if aws.catalog == "crawler"]
    return (_TYPES, _COMMITS, *columns)
