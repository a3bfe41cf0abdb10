"""YAML text as a tree whose nodes know their lines.

Every scalar stays the text that was written: YAML 1.1's types (`no`, `1e3`, `1:30`, `2025-09-02`)
never apply. The tree is built from the parser's events, so that depth is bounded before recursion.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

MAX_DEPTH: Final = 32
MAX_CHARACTERS: Final = 8_000_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_TAGS = frozenset({None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))})
_HINTS = (
    ("cannot start any token", "put the value in quotes, and indent with spaces"),
    ("mapping values are not allowed", "put the value in quotes, or check the indentation"),
    ("end of stream", "close the quote"),
    ("node content", "write the value that is missing, and close the bracket"),
    ("expected ',' or", "close the bracket, or put a comma between its entries"),
)


class Unreadable(Exception):
    """The text is no YAML that a contract can be; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, eq=False, slots=True)
class Scalar:
    """A text; `plain` when it stands without quotes."""

    line: int
    text: str
    plain: bool


@dataclass(frozen=True, eq=False, slots=True)
class Items:
    """A list."""

    line: int
    items: list["Node"]


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """A mapping as written: keys may come twice, and `<<` is a key."""

    line: int
    entries: list[tuple[Scalar, "Node"]]


Node = Scalar | Items | Entries


def root(text: str) -> Node | None:
    """The tree of the one document in `text`; None when there is nothing but comments.

    Raises: Unreadable for what is not YAML, for a tag, an unknown alias, a second document,
    nesting below MAX_DEPTH, and more than MAX_CHARACTERS.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(1, f"longer than {MAX_CHARACTERS:,} characters; split the workspace")
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        line = _lines(text[: forbidden.start()])
        raise Unreadable(line, f"holds the character {forbidden[0]!a}; remove it")
    try:
        return _document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except yaml.YAMLError:
        raise Unreadable(1, "not YAML; check that it is a text file in UTF-8") from None


def _lines(text: str) -> int:
    return len(_LINE_BREAK.findall(text)) + 1


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    lines = _LINE_BREAK.split(text.rstrip())
    line = min(mark.line + 1, len(lines)) if mark else 1
    problem = error.problem or "cannot be read"
    where = f"{error.context}, " if error.context else ""
    if error.context_mark and error.context_mark.line + 1 < line:
        where = f"{error.context} that starts on line {error.context_mark.line + 1}, "
    hints = [hint for part, hint in _HINTS if part in problem]
    if "${" in lines[line - 1]:
        hints = ['put "${NAME}" in quotes']
    way_out = (*hints, "check the indentation and the quotes")[0]
    return Unreadable(line, f"not YAML: {where}{problem}; {way_out}")


def _document(events: Iterator[yaml.Event]) -> Node | None:
    tree: Node | None = None
    anchors: dict[str, Node] = {}
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
            raise Unreadable(_line(event), "a second document starts; remove the '---'")
        if isinstance(event, yaml.NodeEvent):
            tree = _node(event, events, anchors, depth=1)
    return None if isinstance(tree, Scalar) and tree.plain and not tree.text else tree


def _node(
    event: yaml.Event, events: Iterator[yaml.Event], anchors: dict[str, Node], *, depth: int
) -> Node:
    if depth > MAX_DEPTH:
        raise Unreadable(_line(event), f"nested more than {MAX_DEPTH} levels deep; no setting is")
    if isinstance(event, yaml.AliasEvent):
        return _anchored(event, anchors)
    if getattr(event, "tag", None) not in _TAGS:
        raise Unreadable(_line(event), "tags ('!...') are not used here; remove it")
    node = _made(event, events, anchors, depth=depth)
    anchor = getattr(event, "anchor", None)
    if anchor:
        anchors[anchor] = node
    return node


def _anchored(event: yaml.AliasEvent, anchors: dict[str, Node]) -> Node:
    name = event.anchor
    if name not in anchors:
        raise Unreadable(_line(event), f"*{name} stands for nothing; put &{name} before it")
    return anchors[name]


def _made(
    event: yaml.Event, events: Iterator[yaml.Event], anchors: dict[str, Node], *, depth: int
) -> Node:
    line = _line(event)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(line, event.value, event.implicit[0] and not event.tag)
    nodes = (_node(e, events, anchors, depth=depth + 1) for e in _up_to_its_end(events))
    if isinstance(event, yaml.SequenceStartEvent):
        return Items(line, list(nodes))
    return Entries(line, [(_key(node), next(nodes)) for node in nodes])


def _key(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        message = "a setting's name is a text; quote it if it starts with [ or {"
        raise Unreadable(node.line, message)
    return node


def _up_to_its_end(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """The events that start the nodes of a list or mapping; each node takes its own."""
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1
