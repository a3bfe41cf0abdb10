"""Names of columns, datasets and objects.

Column names are the same on both runtimes and in every engine, so they are made here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from edp.core.errors import BadKey

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SOURCE_FILE = "_source_file"
LOADED_AT = "_loaded_at"
RESERVED = frozenset({SOURCE_FILE, LOADED_AT})

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def normalise(name: str) -> str:
    """The column name that stands for `name`; empty when nothing is left of it.

    BOM and outer spaces off, NFKD, case folded, combining marks off, each other letter or
    digit outside ASCII becomes `u` + its code point in hex, each run of anything else becomes
    one `_`, and a leading digit gets `_` before it.

    >>> normalise(" Case-Fatality_Ratio"), normalise("Größe"), normalise("2020"), normalise("価格")
    ('case_fatality_ratio', 'grosse', '_2020', 'u4fa1u683c')
    >>> normalise("--")
    ''
    """
    folded = unicodedata.normalize("NFKD", name.replace("\ufeff", "").strip()).casefold()
    # case folding can compose again or bring marks of its own
    plain = unicodedata.normalize("NFKD", folded)
    letters = "".join(_ascii(c) for c in plain if not unicodedata.combining(c))
    out = re.sub(r"[^a-z0-9_]+", "_", letters)
    if not out.strip("_"):
        return ""
    return f"_{out}" if out[0].isdigit() else out


def _ascii(char: str) -> str:
    if char.isascii():
        return char
    return f"u{ord(char):x}" if char.isalnum() else char


def column_names(header: Sequence[str], *, taken: Collection[str] = RESERVED) -> list[str]:
    """The normalised names of a file's columns, each one different.

    A name with nothing left is `column_<n>` (1 for the first); a clash within the file, or
    with `taken`, gets the first free of `_2`, `_3`, ...

    >>> column_names(["A", "a", "", "_loaded_at"])
    ['a', 'a_2', 'column_3', '_loaded_at_2']
    """
    wanted = [normalise(h) or f"column_{n}" for n, h in enumerate(header, start=1)]
    used = set(taken)
    names: list[str] = []
    for want in wanted:
        name, n = want, 2
        while name in used:
            name, n = f"{want}_{n}", n + 1
        used.add(name)
        names.append(name)
    return names


def check_key(key: str) -> None:
    """Say why `key` cannot be an object's place in the source, if it cannot.

    Raises: BadKey for an empty, `.` or `..` segment, a control character, a lone surrogate,
    or more than 1,024 bytes of UTF-8 (S3's limit).
    """
    if _CONTROL.search(key):
        raise BadKey(f"object key {key!r} holds a control character; put it under another key")
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise BadKey(
            f"object key {key!r} has an empty, '.' or '..' segment; put it under another key"
        )
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadKey(f"object key {key!r} is not Unicode text; put it under another key") from error
    if size > 1024:  # noqa: PLR2004 (S3's limit, said in the message)
        raise BadKey(f"object key of {size} bytes: the limit is 1,024; put it under a shorter key")


def is_ignored(key: str) -> bool:
    """Whether `key` is a marker or a temporary file that EDP counts and leaves alone.

    >>> is_ignored("orders/_SUCCESS"), is_ignored("orders/"), is_ignored("_orders/a.csv")
    (True, True, False)
    """
    return key.endswith("/") or key.rsplit("/", 1)[-1].startswith((".", "_"))
