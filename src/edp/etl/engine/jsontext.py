r"""JSON as text: where the objects of a file are, and the text of each member, unchanged.

Python's json would lose how a number is written, take NaN, and die of deep nesting. The grammar
is RFC 8259's, strict; an object names no member twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

MOST_DEPTH: Final = 256
"""Arrays and objects inside each other; readers of JSON give up between 500 and 1,000."""
MOST_RECORD: Final = 16 << 20
"""Bytes of one object; a row that long is a file by itself."""

CODES: Final = (
    "not JSON",
    "not an object",
    "repeated name",
    "bad character",
    "bad encoding",
    "too deep",
    "record too long",
)
"""How the reason for each bad record starts."""

_WS: Final = rb"[ \t\r\n]*+"
_STRING: Final = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_SCALAR: Final = rb"(?:%b|%b|true|false|null)" % (_STRING, _NUMBER)
_SPACE: Final = re.compile(_WS)
_MEMBER: Final = re.compile(
    rb"%b(%b)%b:%b(?:(%b)%b([,}]))?+" % (_WS, _STRING, _WS, _WS, _SCALAR, _WS)
)
_AFTER: Final = re.compile(rb"%b([,}])" % _WS)
_EMPTY: Final = re.compile(rb"\{%b\}" % _WS)
_ELEMENT: Final = re.compile(rb"%b(?:(%b)%b([,\]]))?+" % (_WS, _SCALAR, _WS))
_NEXT: Final = re.compile(rb"%b([,\]])" % _WS)
_EMPTY_ARRAY: Final = re.compile(rb"\[%b\]" % _WS)
_BRACKET: Final = re.compile(
    rb'[^"\[\]{}]*+(?:"(?:[^"\\]|\\.)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL
)
_BARE: Final = re.compile(rb'%b|[^ \t\r\n,\[\]{}"]++' % _STRING)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CONSTANT: Final = re.compile(rb"NaN|-?Infinity")
_OPENS: Final = b"[{"
_MOST_SHAPES: Final = 64
_WIDEST_SHAPE: Final = 256


class BadText(ValueError):
    """Why a record is no JSON object: `<code>: <sentence>`, which quotes no value of it."""


@dataclass(frozen=True)
class Found:
    """A value in a file: the line (1 for the first) and byte it starts at, its bytes, its members.

    Members are texts by name, both as they stand; `reason` says why there are none.
    """

    line: int
    start: int
    raw: bytes
    members: dict[bytes, bytes] | None = None
    reason: str | None = None


class Broken(ValueError):
    """From here on nothing can be told apart; `line` is where."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


class Shapes:
    """Objects with the same names in the same order are taken apart by one pattern."""

    def __init__(self) -> None:
        self._patterns: dict[tuple[bytes, ...], re.Pattern[bytes] | None] = {}
        self._last: tuple[tuple[bytes, ...], re.Pattern[bytes]] | None = None

    def object_at(self, text: bytes | mmap, at: int) -> tuple[dict[bytes, bytes], int]:
        """The members of the object that starts `at`, and where it ends.

        Raises: BadText.
        """
        if self._last:
            names, pattern = self._last
            if match := pattern.match(text, at):
                return dict(zip(names, match.groups(), strict=True)), match.end()
        members, end = object_at(text, at)
        if len(members) <= _WIDEST_SHAPE:
            names = tuple(members)
            if names not in self._patterns and len(self._patterns) < _MOST_SHAPES:
                self._patterns[names] = _shape(names)
            if found := self._patterns.get(names):
                self._last = names, found
        return members, end


def _shape(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    colon = rb"%b:%b(%b)%b" % (_WS, _WS, _SCALAR, _WS)
    inside = (rb",%b" % _WS).join(re.escape(name) + colon for name in names)
    return re.compile(rb"\{%b%b\}" % (_WS, inside))


def object_at(text: bytes | mmap, at: int) -> tuple[dict[bytes, bytes], int]:
    r"""The members of the object that starts `at`, and where it ends.

    >>> object_at(b'{"a": 2.50, "b": [1, {}]}', 0)
    ({b'"a"': b'2.50', b'"b"': b'[1, {}]'}, 25)

    Raises: BadText where there is none.
    """
    if text[at : at + 1] != b"{":
        raise BadText("not an object: a record is a JSON object, as {...}")
    if empty := _EMPTY.match(text, at):
        return {}, empty.end()
    members: dict[bytes, bytes] = {}
    seen = set()
    at += 1
    while True:
        found = _MEMBER.match(text, at)
        if not found:
            raise _bad(text, at)
        name, value, mark = found.groups()
        at = found.end()
        if value is None:
            end = _checked(text, at)
            value = text[at:end]
            after = _AFTER.match(text, end)
            if not after:
                raise _bad(text, end)
            at, mark = after.end(), after[1]
        plain = string(name)
        if plain in seen:
            raise BadText(f"repeated name: the object has {plain!r} twice; which one counts?")
        seen.add(plain)
        members[name] = value
        if mark == b"}":
            return members, at


def elements_at(text: bytes | mmap, at: int) -> tuple[list[bytes], int]:
    """The elements of the array that starts `at`, and where it ends.

    >>> elements_at(b'[2.50, [1, {}], "a"]', 0)
    ([b'2.50', b'[1, {}]', b'"a"'], 20)

    Raises: BadText where there is none.
    """
    if text[at : at + 1] != b"[":
        raise BadText("not an array: it does not start with [")
    if empty := _EMPTY_ARRAY.match(text, at):
        return [], empty.end()
    elements: list[bytes] = []
    at += 1
    while True:
        found = _ELEMENT.match(text, at)
        assert found  # it matches nothing, too
        value, mark = found.groups()
        at = found.end()
        if value is None:
            end = _checked(text, at)
            value = text[at:end]
            after = _NEXT.match(text, end)
            if not after:
                raise _bad(text, end)
            at, mark = after.end(), after[1]
        elements.append(value)
        if mark == b"]":
            return elements, at


def string(token: bytes) -> str:
    r"""The text that a JSON string stands for.

    >>> string(rb'"\u00e9"')
    'é'

    Raises: BadText when it is not UTF-8, or has half of a surrogate pair.
    """
    try:
        text = token[1:-1].decode()
    except UnicodeDecodeError:
        raise BadText("bad encoding: the record is not UTF-8") from None
    if "\\" not in text:
        return text
    text = str(json.loads(token))
    _check_characters(text)
    return text


def _check_characters(text: str) -> None:
    """Raises: BadText for half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadText(r"bad character: half of a surrogate pair, as \ud800, is no text") from None


def _checked(text: bytes | mmap, at: int) -> int:
    """Where the array or object that starts `at` ends, if it is one.

    Raises: BadText.
    """
    if text[at : at + 1] not in (b"[", b"{"):
        raise _bad(text, at)
    end = extent(text, at)
    if end is None:
        raise BadText("not JSON: an array or object is not closed")
    try:
        inside = text[at:end].decode()
    except UnicodeDecodeError:
        raise BadText("bad encoding: the record is not UTF-8") from None
    try:
        value = _CHECKING.decode(inside)
    except ValueError as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise BadText(f"not JSON: {why}") from None
    if _SURROGATE.search(text, at, end):
        _check_characters(json.dumps(value, ensure_ascii=False))
    return end


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value; write null")


_CHECKING: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=len, parse_float=len)
"""Made once: a decoder for each document costs more than most documents."""


def extent(text: bytes | mmap, at: int) -> int | None:
    """Where the brackets that open `at` are all closed; None where they never are.

    Raises: BadText when there are too many inside each other.
    """
    depth = 0
    while found := _BRACKET.match(text, at):
        at = found.end()
        if found[1] in _OPENS:
            depth += 1
            if depth > MOST_DEPTH:
                raise BadText(f"too deep: more than {MOST_DEPTH} arrays or objects in each other")
        else:
            depth -= 1
            if not depth:
                return at
    return None


def _bad(text: bytes | mmap, at: int) -> BadText:
    at = _after_space(text, at)
    if constant := _CONSTANT.match(text, at):
        return BadText(f"not JSON: {constant[0].decode()} is no JSON value; write null")
    if at >= len(text):
        return BadText("not JSON: the object is not closed")
    return BadText("not JSON: something else stands where a name, a value, or , : ] or } belongs")


def _after_space(text: bytes | mmap, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


class _Lines:
    """Which line a byte is in, asked for in rising order."""

    def __init__(self, text: bytes | mmap) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def of(self, at: int) -> int:
        while (end := self._text.find(b"\n", self._at, at)) >= 0:
            self._at, self._line = end + 1, self._line + 1
        return self._line


def values(text: bytes | mmap) -> Iterator[Found]:
    """Every record of a file: the elements of an array, the objects in a row, or its lines.

    Raises: Broken where an array's elements cannot be told apart any more.
    """
    at = 3 if text[:3] == b"\xef\xbb\xbf" else 0
    at = _after_space(text, at)
    if at == len(text):
        return iter(())
    if text[at : at + 1] == b"[":
        return _elements(text, at)
    return _in_a_row(text, at) if _has_no_lines(text, at) else _by_line(text)


def _has_no_lines(text: bytes | mmap, at: int) -> bool:
    """Whether the first object goes over several lines, or shares its line with the next."""
    if text[at : at + 1] != b"{":
        return False
    try:
        end = extent(text, at)
    except BadText:
        return False
    if end is None:
        return False
    after = _after_space(text, end)
    if after < len(text) and text[after : after + 1] != b"{":
        return False
    return text.find(b"\n", at, end) >= 0 or (
        after < len(text) and text.find(b"\n", end, after) < 0
    )


def _by_line(text: bytes | mmap) -> Iterator[Found]:
    shapes, line, at = Shapes(), 0, 0
    size = len(text)
    while at < size:
        end = text.find(b"\n", at)
        end = size if end < 0 else end
        line += 1
        start = _after_space(text, at + 3 if not at and text[:3] == b"\xef\xbb\xbf" else at)
        if start < end:
            yield _found(shapes, text, line, start, end)
        at = end + 1


def _found(shapes: Shapes, text: bytes | mmap, line: int, at: int, end: int) -> Found:
    """The one value that the text from `at` to `end` should be."""
    raw = text[at : min(end, at + MOST_RECORD)].rstrip(b" \t\r\n")
    if end - at > MOST_RECORD:
        return Found(line, at, raw, reason=_TOO_LONG)
    try:
        members, stop = shapes.object_at(raw, 0)
        if stop < len(raw):
            raise BadText("not JSON: text after the end of the object")
    except BadText as error:
        return Found(line, at, raw, reason=str(error))
    return Found(line, at, raw, members)


_TOO_LONG: Final = f"record too long: an object may have {MOST_RECORD >> 20} MiB"


def _in_a_row(text: bytes | mmap, at: int) -> Iterator[Found]:
    shapes, lines = Shapes(), _Lines(text)
    while at < len(text):
        found, at = _next(shapes, text, lines.of(at), at)
        yield found
        at = _after_space(text, at)


def _elements(text: bytes | mmap, at: int) -> Iterator[Found]:
    shapes, lines = Shapes(), _Lines(text)
    at = _after_space(text, at + 1)
    if text[at : at + 1] != b"]":
        while True:
            found, at = _next(shapes, text, lines.of(at), at)
            yield found
            at = _after_space(text, at)
            mark = text[at : at + 1]
            at = _after_space(text, at + 1)
            if mark == b"]":
                break
            if mark != b"," or text[at : at + 1] == b"]":
                raise Broken(lines.of(min(at, len(text))), "the array is damaged or cut off")
    else:
        at = _after_space(text, at + 1)
    if at < len(text):
        raise Broken(lines.of(at), "text follows the end of the array")


def _next(shapes: Shapes, text: bytes | mmap, line: int, at: int) -> tuple[Found, int]:
    """The value that starts `at`, and where it ends."""
    try:
        members, end = shapes.object_at(text, at)
    except BadText as error:
        end = _skipped(text, line, at)
        return Found(line, at, text[at : min(end, at + MOST_RECORD)], reason=str(error)), end
    if end - at > MOST_RECORD:
        return Found(line, at, text[at : at + MOST_RECORD], reason=_TOO_LONG), end
    return Found(line, at, text[at:end], members), end


def _skipped(text: bytes | mmap, line: int, at: int) -> int:
    """Where a value that cannot be read ends."""
    try:
        if text[at : at + 1] in (b"[", b"{"):
            end = extent(text, at)
        else:
            bare = _BARE.match(text, at)
            end = bare.end() if bare else None
    except BadText as error:
        raise Broken(line, str(error)) from None
    if end is None:
        raise Broken(line, "a value is damaged or cut off")
    return end
