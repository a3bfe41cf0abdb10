"""`${NAME}` in settings, and the `.env` file that may say what it stands for."""

import re
from collections.abc import Iterator, Mapping

from edp.core.contract.problems import ContractError, Problem

_REFERENCE = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:\#.*)?""", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t"}


def expand(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """`text` with its references replaced, and what is wrong with those that could not be.

    `${NAME:-default}` takes the default where NAME is unset or empty, as a shell does; `$$`
    is one `$`.

    >>> expand("${A}/${B:-b} costs $$5 and $5", {"A": "a"})
    ('a/b costs $5 and $5', [])
    >>> expand("${A}", {})
    ('${A}', ['${A} is not set; set A in the environment or in .env, or write ${A:-default}'])
    """
    wrong: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        named = _NAMED.fullmatch(match[1] or "")
        if not named:
            wrong.append("a '${' that names nothing; write ${NAME} or ${NAME:-default}, or $${")
            return match[0]
        name, default = named.groups()
        if name not in environ and default is None:
            where = f"set {name} in the environment or in .env"
            wrong.append(f"${{{name}}} is not set; {where}, or write ${{{name}:-default}}")
            return match[0]
        return environ.get(name) or default or ""

    return _REFERENCE.sub(value, text), wrong


def references(text: str) -> Iterator[tuple[str, bool]]:
    """The variables that `text` names, and whether each has a default.

    >>> list(references("${A}/${B:-b} costs $$5"))
    [('A', False), ('B', True)]
    """
    for match in _REFERENCE.finditer(text):
        if named := _NAMED.fullmatch(match[1] or ""):
            yield named[1], named[2] is not None


def dotenv(text: str) -> dict[str, str]:
    r"""The variables that the text of a `.env` file sets.

    A line is `NAME=value`, with or without `export`; `#` starts a comment, at the start of a
    line or after a space. In single quotes a value is as it stands, in double quotes `\n`, `\t`,
    `\"` and `\\` are understood.

    Raises: ContractError naming every line that is none of these, without its text.

    >>> dotenv("A=1 # one\nexport B='x # y'\n")
    {'A': '1', 'B': 'x # y'}
    """
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    for n, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(stripped)
        value = _unquoted(match[2]) if match else None
        if match and value is not None:
            variables[match[1]] = value
        else:
            problems.append(Problem(n, "", "not a variable; write NAME=value or NAME='value'"))
    if problems:
        raise ContractError(problems, name=".env")
    return variables


def _unquoted(text: str) -> str | None:
    if not text.startswith(("'", '"')):
        return "" if text.startswith("#") else re.split(r"\s+#", text, maxsplit=1)[0]
    match = _QUOTED.fullmatch(text)
    if not match:
        return None
    if match[1] is not None:
        return match[1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match[2], flags=re.DOTALL)
