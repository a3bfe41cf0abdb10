"""What a text admits, told a second time: in Python, from design.md, sharing nothing with SQL."""

# ruff: noqa: E501, RUF001, SIM905 (a table of texts reads best as words; look-alikes are the point)

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)


def admits(text: str) -> tuple[frozenset[str], bool]:
    """The types that `text` fits, and whether it is a date with its year last."""
    types = {"string"}
    last = False
    if text.translate(str.maketrans("TRUEFALS", "truefals")) in ("true", "false"):
        types.add("boolean")
    if re.fullmatch(r"0|-?[1-9]\d*", text, re.ASCII) and -(2**63) <= int(text) < 2**63:
        types.add("bigint")
    if _is_double(text):
        types.add("double")
    for reading in ("mdy", "dmy"):
        moment, has_time, year_last = _moment(text, reading)
        if moment is not None:
            types.add(f"timestamp:{reading}")
            last = last or year_last
            if not has_time:
                types.add(f"date:{reading}")
    if _with_offset(text) is not None:
        types.add("timestamptz")
    return frozenset(types), last


def _is_double(text: str) -> bool:
    number = r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
    if not re.fullmatch(number, text, re.ASCII):
        return False
    if re.fullmatch(r"-?\d+", text, re.ASCII):
        return abs(int(text)) <= 2**53
    return abs(float(text)) != float("inf")


def _moment(text: str, reading: str) -> tuple[datetime | None, bool, bool]:
    """The moment, whether it has a time of day, whether its year is last."""
    day, sep, clock = re.match(r"([^ T]*)([ T]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    if first := re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", day, re.ASCII):
        year, month, date = map(int, first.groups())
    elif last := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)", day, re.ASCII):
        one, two, year = map(int, last.groups())
        month, date = (one, two) if reading == "mdy" else (two, one)
        if len(last[3]) == 2:
            year += 1900 if year >= 69 else 2000
    else:
        return None, False, False
    parts = (0, 0, 0, 0)
    if sep:
        time = CLOCK.fullmatch(clock)
        if not time:
            return None, False, False
        hour, minute, second = (int(part or 0) for part in time.groups()[:3])
        parts = (hour, minute, second, int((time[4] or "").ljust(6, "0")))
    try:
        return datetime(year, month, date, *parts), bool(sep), not first  # noqa: DTZ001
    except ValueError:
        return None, False, False


def _with_offset(text: str) -> datetime | None:
    found = re.fullmatch(r"(.*)(?:Z|([+-])(\d\d):?(\d\d))", text, re.ASCII | re.DOTALL)
    if not found:
        return None
    moment, has_time, year_last = _moment(found[1], "mdy")
    if moment is None or not has_time or year_last:
        return None
    if not found[2]:
        return moment.replace(tzinfo=UTC)
    hours, minutes = int(found[3]), int(found[4])
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes) * (1 if found[2] == "+" else -1)
    try:
        return moment.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def value(text: str, wanted: str) -> object:
    """The value that `text`, which fits it, has as `wanted`."""
    kind, _, reading = wanted.partition(":")
    match kind:
        case "boolean":
            return text.lower() == "true"
        case "bigint":
            return int(text)
        case "double":
            return float(text)
        case "date":
            moment = _moment(text, reading or "mdy")[0]
            return moment.date() if moment else None
        case "timestamp":
            return _moment(text, reading or "mdy")[0]
        case "timestamptz":
            return _with_offset(text)
        case _:
            return text


HOSTILE = [
    *(
        "0 -0 00 007 1 -1 +1 +05 1_000 1,000 0x10 0b1 1e3 1E3 1e+3 1e-3 1e 1e1.0 .5 -.5 . - 1. -1."
    ).split(),
    *(
        "1.5 -1.50 01.5 00.5 --1 1- 1e400 -1e400 1e308 1.8e308 1e-400 5e-324 NaN nan inf -inf".split()
    ),
    *(
        f"{sign}{n}"
        for n in (2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64)
        for sign in ("", "-")
    ),
    *(f"{n}{tail}" for n in (2**53 + 1, 2**63) for tail in (".", ".0", "e0")),
    f"-{2**63 + 1}",
    "9" * 40,
    "1" + "0" * 400,
    "1" + "0" * 400 + ".0",
    *("true false TRUE False tRuE t f yes no y n on off 1 0 truе ſ trueſ falſe".split()),
    *("२ ١ १२३ ５ 1२ ² ½".split()),
    *(
        "epoch infinity -infinity today now 2025 2025-02 20250203 2025-02-03 2025/02/03 2025-02/03".split()
    ),
    *(
        "2025-2-3 2025-02-30 2024-02-29 2023-02-29 1900-02-29 2000-02-29 0000-01-01 0001-01-01".split()
    ),
    *(
        "9999-12-31 10000-01-01 -2025-01-01 2025-13-01 2025-00-01 2025-01-00 2025-1-32 25-01-01".split()
    ),
    *(
        "1/2/20 13/2/20 2/13/20 13/13/20 29/2/1900 2/29/2000 29/2/2000 1/1/0000 1/1/0001 1/1/9999".split()
    ),
    *(
        "1/1/68 1/1/69 12/31/99 31/12/99 1/1/00 29/2/00 1/1/020 1/1/2 1-2-2020 1.2.2020 01/02/2020".split()
    ),
    *(
        "2025-02-03T04:05 2025-02-03T04:05:06 2025-02-03T4:05 2025-02-03T24:00 2025-02-03T23:60".split()
    ),
    *("2025-02-03T23:59:60 2025-02-03T23:59:59.999999 2025-02-03T23:59:59.9999999".split()),
    *(
        "2025-02-03T23:59:59. 2025-02-03T 2025-02-03T10 2025-02-03T1:2 1/2/2020T10:00 13/2/20T1:00".split()
    ),
    "2025-02-03 04:05:06",
    "2025-02-03  04:05:06",
    "2025-02-03 04:05:06 AM",
    "2025-02-03 ",
    "1/2/2020 3:04",
    "31/12/99 23:59:59.5",
    "12/31/99 23:59:59.5",
    "2025-02-30 10:00",
    "9999-12-31 23:59:59.999999",
    *(
        f"2025-02-03{sep}04:05{sec}{offset}"
        for sep, sec, offset in product(
            "T ",
            ("", ":06", ":06.5"),
            (
                "Z",
                "z",
                " Z",
                "+02",
                "+0200",
                "+02:00",
                "-2359",
                "+2400",
                "+0060",
                "+2:00",
                "UTC",
                "+",
            ),
        )
    ),
    "2025-02-03Z",
    "2025-02-03+0200",
    "1/2/2025 10:00Z",
    "2025-02-30T10:00Z",
    "0001-01-01T00:00+05:00",
    "0001-01-01T00:00-05:00",
    "9999-12-31T23:59-05:00",
    "9999-12-31T23:59+05:00",
    "2025-02-03T24:00Z",
    *("1\n", "1\r", "\n1", "2025-02-03\n", "true\n", " 1", "1 ", "1\u00a0", "\u00a01", "１"),
    *("", "a", "-a", "/", "//", "1/2", "1/2/", ":", "::", "'", '"', "\\N", "é", "😀", "%s", "1;--"),
]
