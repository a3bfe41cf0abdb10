"""What is wrong with a contract: every problem of the file at once, each with its line."""

from collections.abc import Sequence
from dataclasses import dataclass

from edp.core.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """One thing to change: `setting` (a dotted path, may be empty) on `line` (1 is the first)."""

    line: int
    setting: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.line}: {self.setting}: {self.message}"
            if self.setting
            else f"{self.line}: {self.message}"
        )


class ContractError(ConfigError):
    """The contract cannot be used; the message has one line for each of `problems`."""

    code = "config"

    def __init__(self, problems: Sequence[Problem], *, name: str = "edp.yaml") -> None:
        """`name` is the file's, as each line of the message starts with it."""
        self.name = name
        self.problems = tuple(sorted(problems, key=lambda p: p.line))
        super().__init__("\n".join(f"{name}:{problem}" for problem in self.problems))

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.problems, self.name)


def _again(problems: Sequence[Problem], name: str) -> ContractError:
    return ContractError(problems, name=name)
