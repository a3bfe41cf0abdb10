"""What a contract's author is told."""

import pytest

from edp.core.contract import ContractError, parse


def refused(text: str, **environ: str) -> list[str]:
    """The lines of the error for `text`, without the file's name before each."""
    with pytest.raises(ContractError) as caught:
        parse(text, environ=environ)
    lines = str(caught.value).split("\n")
    assert len(lines) == len(caught.value.problems)
    assert all(line.startswith("edp.yaml:") for line in lines)
    return [line.removeprefix("edp.yaml:") for line in lines]
