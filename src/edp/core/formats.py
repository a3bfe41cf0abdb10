"""Formats of dates and times, as strptime has them: which texts one stands for, and their value.

A parser alone takes `3/2/2025x`, or 25 as the year 0025. Here every format becomes a pattern that
the whole text must match first, so that a text is a value exactly or none.
"""

from __future__ import annotations

import re
from typing import Final

from edp.core.sql import literal, matches, physical

_DIRECTIVE = re.compile(r"%-?(.)|([^%]+)|(%)", re.DOTALL)
_WHOLE: Final = {"c": "%Y-%m-%d %H:%M:%S", "x": "%Y-%m-%d", "X": "%H:%M:%S"}
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_YEAR: Final = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_OFFSET: Final = "[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]"
_PATTERNS: Final = {
    "a": f"(?i:{'|'.join(day[:3] for day in _DAYS)})",
    "A": f"(?i:{'|'.join(_DAYS)})",
    "b": f"(?i:{'|'.join(month[:3] for month in _MONTHS)})",
    "B": f"(?i:{'|'.join(_MONTHS)})",
    "d": "(?:0?[1-9]|[12][0-9]|3[01])",
    "f": "[0-9]{1,6}",
    "g": "[0-9]{3}",
    "H": "(?:[01]?[0-9]|2[0-3])",
    "I": "(?:0?[1-9]|1[0-2])",
    "j": "(?:[0-9]{1,3})",
    "m": "(?:0?[1-9]|1[0-2])",
    "M": "[0-5][0-9]",
    "p": "(?i:am|pm)",
    "S": "[0-5][0-9]",
    "y": "[0-9]{2}",
    "Y": _YEAR,
    "z": f"(?:Z|{_OFFSET})",
}
_FIXED: Final = {  # where digits stand on both sides, only the width says which are whose
    "d": "(?:0[1-9]|[12][0-9]|3[01])",
    "f": "[0-9]{6}",
    "H": "(?:[01][0-9]|2[0-3])",
    "I": "(?:0[1-9]|1[0-2])",
    "j": "[0-9]{3}",
    "m": "(?:0[1-9]|1[0-2])",
}
_DIGITS: Final = frozenset("dfgHIjmMSyY")
_DATE: Final = r"%Y[-/]%m[-/]%d"
_CLOCK: Final = r"[ T]%H:%M(?::%S(?:\.%f)?)?"
_UTC: Final = r"\1+0000\2"  # DuckDB's %z knows no Z
_ISO: Final = re.compile(f"{_DATE}(?:{_CLOCK})?")

Part = tuple[str, str]
"""A directive's letter and nothing, or nothing and literal text."""


def parts(fmt: str) -> list[Part]:
    """The directives and texts that `fmt` is made of, in order.

    >>> parts("%d.%m.%Y at 100%%")
    [('d', ''), ('', '.'), ('m', ''), ('', '.'), ('Y', ''), ('', ' at 100'), ('', '%')]
    """
    found: list[Part] = []
    for letter, text, lone in _DIRECTIVE.findall(fmt):
        if letter in _WHOLE:
            found += parts(_WHOLE[letter])
        elif letter == "%" or not letter:
            found.append(("", "%" if letter else text or lone))
        else:
            found.append((letter, ""))
    return found


def problem(fmt: str, kind: str) -> str | None:
    """Why `fmt` cannot be a format of the type `kind`; None if it can.

    >>> problem("%d/%m/%y", "date"), problem("%d/%m", "date")
    (None, 'it names no year')
    """
    letters = [letter for letter, _ in parts(fmt) if letter]
    known = set(letters)
    if strange := known - _PATTERNS.keys():
        return f"%{min(strange)} cannot be read without a guess"
    if "%" in re.sub(r"%-?.", "", fmt, flags=re.DOTALL):
        return "a lone % stands for nothing; write %%"
    if twice := {letter for letter in letters if letters.count(letter) > 1}:
        return f"%{min(twice)} stands there twice"
    if kind == "date" and "z" in known:
        return "a day has no offset"
    return _day_problem(known) or _time_problem(known)


def _day_problem(known: set[str]) -> str | None:
    wanted = {"year": "Yy", "day": "dj"} | ({} if "j" in known else {"month": "mbB"})
    for name, ways in wanted.items():
        given = known & set(ways)
        if len(given) != 1:
            return f"it names {'no' if not given else 'more than one'} {name}"
    if "j" in known and known & set("mbB"):
        return "%j is the day of a year: it needs no month"
    return None


def _time_problem(known: set[str]) -> str | None:
    if ("I" in known) != ("p" in known) or {"H", "I"} <= known:
        return "hours are %H, or %I with %p"
    if known & set("MSfg") and not known & set("HI"):
        return "it names parts of an hour and no hour"
    if known & set("Sfg") and "M" not in known:
        return "it names seconds and no minute"
    if known & set("fg") and ("S" not in known or {"f", "g"} <= known):
        return "a fraction, %f or %g, stands once and behind %S"
    return None


def guard(fmt: str) -> str:
    r"""The RE2 pattern of the texts that `fmt` stands for.

    >>> bool(re.fullmatch(guard("%d/%m/%Y"), "3/2/2025"))
    True
    >>> bool(re.fullmatch(guard("%d/%m/%Y"), "3/2/25"))
    False
    """
    return "".join(_pieces(fmt))


def _pieces(fmt: str) -> list[str]:
    found = parts(fmt)
    pieces = []
    for n, (letter, text) in enumerate(found):
        if not letter:
            pieces.append(re.escape(text))
            continue
        crowded = any(_digit(found, m) for m in (n - 1, n + 1))
        pieces.append((_FIXED if crowded else {}).get(letter, _PATTERNS[letter]))
    return pieces


def _digit(found: list[Part], n: int) -> bool:
    if not 0 <= n < len(found):
        return False
    letter, text = found[n]
    return letter in _DIGITS or any("0" <= char <= "9" for char in text)


def value_sql(text: str, fmt: str, kind: str) -> str:
    """The value of `text` (SQL) as `kind` (date, timestamp, timestamptz) where `fmt` stands for it.

    An offset is applied; a time without one is in UTC where the type wants one. NULL otherwise.
    """
    found = parts(fmt)
    pieces = _pieces(fmt)
    whole = "".join(pieces)
    if is_iso(fmt) and kind != "timestamptz":
        return (
            f"CASE WHEN {matches(text, whole)} THEN "
            f"TRY_CAST(replace({text}, '/', '-') AS {physical(kind)}) END"
        )
    plain = text
    if ("z", "") in found:
        at = found.index(("z", ""))
        before, after = "".join(pieces[:at]), "".join(pieces[at + 1 :])
        zulu = f"^({before})Z({after})$"
        plain = f"regexp_replace({text}, {literal(zulu)}, {literal(_UTC)})"
    plainly = "".join(
        f"%{letter}" if letter else text_.replace("%", "%%") for letter, text_ in found
    )
    parsed = f"CAST(try_strptime({plain}, {literal(plainly)}) AS {physical(kind)})"
    return f"CASE WHEN {matches(text, whole)} THEN {parsed} END"


def is_iso(fmt: str) -> bool:
    """Whether every text of `fmt` means the same as a year-first date or time, and is one.

    >>> is_iso("%Y-%m-%d %H:%M:%S.%f"), is_iso("%Y-%d-%m")
    (True, False)
    """
    plain = "".join(f"%{letter}" if letter else text for letter, text in parts(fmt))
    return _ISO.fullmatch(plain) is not None


def apart_from_iso(fmt: str) -> bool:
    """Whether no text of `fmt` can be taken for a year-first date or time that means another."""
    if is_iso(fmt):
        return True
    (letter, text), *rest = parts(fmt)
    if not letter:
        return not "0" <= text[0] <= "9"
    if letter not in _DIGITS:
        return True
    # one or two digits, then none: a year that comes first has four
    behind = rest[0][1][:1] if rest else ""
    return letter in "dmyHIMS" and bool(behind) and not "0" <= behind <= "9"
