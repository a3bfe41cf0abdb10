r"""Encoding: text of any encoding becomes UTF-8, and no byte is changed unseen.

A byte order mark wins, then the contract; without either a file is UTF-8. A byte that means
nothing in the stated encoding becomes a byte that means nothing in UTF-8, so that its record is
rejected like any other that is badly encoded.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS: Final = {  # UTF-32's first: UTF-16's is the start of it
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
_UTF_8: Final = ("utf-8", "utf-8-sig", "ascii")  # ASCII is UTF-8 already
_ESCAPED: Final = re.compile("[\udc80-\udcff]+")
_ERRORS: Final = "edp.escape"


def encoding_of(head: bytes, stated: str) -> str | None:
    r"""The encoding of a file that starts with `head`, None for UTF-8.

    >>> encoding_of(b"\xff\xfea\0", "auto"), encoding_of(b"a", "cp1252"), encoding_of(b"a", "auto")
    ('utf-16', 'cp1252', None)
    """
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return None if name in _UTF_8 else name
    return None if stated == "auto" or codecs.lookup(stated).name in _UTF_8 else stated


def to_utf_8(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    r"""`parts`, text in `encoding`, as UTF-8.

    >>> b"".join(to_utf_8([b"\x80,\x81"], "cp1252"))
    b'\xe2\x82\xac,\x81'
    """
    decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
    for part in parts:
        yield _encoded(decoder.decode(part))
    yield _encoded(decoder.decode(b"", final=True))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _ESCAPED.sub(_still_bad, text).encode(errors="surrogateescape")


def _still_bad(found: re.Match[str]) -> str:
    r"""The escaped bytes, with \xff before them where they happen to be UTF-8."""
    try:
        found[0].encode(errors="surrogateescape").decode()
    except UnicodeDecodeError:
        return found[0]
    return "\udcff" + found[0]


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    # a byte that is ASCII can be wrong only as part of a wider unit
    return "".join(chr(0xDC00 + b) if b >= 0x80 else "\udcff" for b in bad), error.end  # noqa: PLR2004


codecs.register_error(_ERRORS, _escape)
