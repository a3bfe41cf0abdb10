"""The settings that a contract's text gives, as plain values that know their lines.

Merge keys (`<<`), aliases and `${NAME}` are resolved here. Scalars are texts; None stands for a
setting without a value (`~`, `null` or nothing), which in a list is just a word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from edp.core.contract.environment import expand
from edp.core.contract.nodes import MAX_DEPTH, Entries, Items, Node, Scalar, Unreadable, root
from edp.core.contract.problems import Problem

MAX_VALUES: Final = 200_000

Path = tuple[str | int, ...]
Value = str | None | list["Value"] | dict[str, "Value"]

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class Document:
    """`settings`, where each path of them stands, and what was wrong on the way.

    `hidden` are the paths of values that hold a `${NAME}`: no error may quote them.
    """

    settings: dict[str, Value] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    hidden: set[Path] = field(default_factory=set)
    findings: list[tuple[Path, str]] = field(default_factory=list)

    def problem(self, path: Path, message: str) -> Problem:
        """The problem `message` of the setting at `path`, with the nearest line there is."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.lines.get(known, 1), dotted(path), message)


def dotted(path: Path) -> str:
    """How a path is written: `datasets.orders.checks[0].expr`.

    >>> dotted(("datasets", "orders", "checks", 0, "expr"))
    'datasets.orders.checks[0].expr'
    """
    out = ""
    for part in path:
        text = str(part) if str(part).isprintable() else ascii(part)
        out += f"[{part}]" if isinstance(part, int) else f".{text}"
    return out.removeprefix(".")


def read(text: str, environ: Mapping[str, str]) -> Document:
    """The settings in `text`.

    Raises: Unreadable when there is no telling what the settings are.
    """
    tree = root(text)
    document = Document()
    if tree is None:
        return document
    if not isinstance(tree, Entries):
        raise Unreadable(
            tree.line, "the settings are a mapping; write `name: value` lines, e.g. name: shop"
        )
    document.settings = _Reading(environ, document).settings(tree, ())
    return document


class _Reading:
    """One pass over the tree; what aliases multiply is counted, and refused when it is too much."""

    def __init__(self, environ: Mapping[str, str], document: Document) -> None:
        self.environ = environ
        self.document = document
        self.count = 0

    def settings(self, node: Entries, path: Path) -> dict[str, Value]:
        return {
            key: self._entry(line, child, (*path, key))
            for key, (line, child) in self._merged(node, path).items()
        }

    def _value(self, node: Node, path: Path) -> Value:
        self._spend(node, depth=len(path))
        match node:
            case Entries():
                return self.settings(node, path)
            case Items():
                return [self._item(child, (*path, n)) for n, child in enumerate(node.items)]
            case Scalar():
                return self._scalar(node, path)

    def _entry(self, line: int, node: Node, path: Path) -> Value:
        self.document.lines[path] = line
        if isinstance(node, Scalar) and node.plain and node.text in _NOTHING:
            return None
        return self._value(node, path)

    def _item(self, node: Node, path: Path) -> Value:
        self.document.lines[path] = node.line
        if isinstance(node, Scalar) and node.plain and not node.text:
            return None
        return self._value(node, path)

    def _scalar(self, node: Scalar, path: Path) -> str:
        if "${" in node.text:
            self.document.hidden.add(path)
        text, wrong = expand(node.text, self.environ)
        self.document.findings += ((path, message) for message in wrong)
        return text

    def _merged(self, node: Entries, path: Path) -> dict[str, tuple[int, Node]]:
        """The entries by key, own ones over those that `<<` brings in, earlier over later."""
        merged: dict[str, tuple[int, Node]] = {}
        own: dict[str, tuple[int, Node]] = {}
        for key, child in node.entries:
            if key.plain and key.text == "<<":
                for source in self._sources(child):
                    self._spend(source, depth=len(path))
                    merged = self._merged(source, (*path, "<<")) | merged
            elif key.text in own:
                lines = f"lines {own[key.text][0]} and {key.line}"
                self.document.lines.setdefault((*path, key.text), key.line)
                self.document.findings.append(
                    ((*path, key.text), f"given twice, on {lines}; remove one")
                )
            else:
                own[key.text] = key.line, child
        return merged | own

    def _sources(self, node: Node) -> Iterator[Entries]:
        for source in node.items if isinstance(node, Items) else [node]:
            if not isinstance(source, Entries):
                raise Unreadable(
                    source.line, "'<<' takes a mapping, or a list of them, e.g. <<: *common"
                )
            yield source

    def _spend(self, node: Node, *, depth: int) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise Unreadable(
                node.line, f"aliases make more than {MAX_VALUES:,} values; write them out"
            )
        if depth > MAX_DEPTH:
            raise Unreadable(
                node.line, f"aliases nest more than {MAX_DEPTH} levels deep; write them out"
            )
