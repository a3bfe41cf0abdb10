"""Classification: which types a text fits, as bits, so that AND tells what a column admits."""

from __future__ import annotations

from typing import Final

from edp.core.sql.grammar import (
    BIGINT,
    DATE,
    DATE_YEAR_LAST,
    DOUBLE,
    EXACT,
    TIMESTAMP,
    TIMESTAMP_YEAR_LAST,
    TIMESTAMPTZ,
    dashed,
    matches,
    one_of,
    parse_sql,
    year_first,
)
from edp.core.types import ADMISSIBLE, Admits

MEMBERS: Final = {name: 1 << n for n, name in enumerate(ADMISSIBLE)}
"""The bit of each type that a text can admit; see `classify_sql`."""
YEAR_FIRST: Final = 1 << len(ADMISSIBLE)
"""Set where a text is no date whose year comes last, so that AND over texts clears it."""
_DATES: Final = frozenset(name for name in ADMISSIBLE if name.endswith((":mdy", ":dmy")))


def classify_sql(text: str, candidates: int) -> str:
    """The bits (`MEMBERS`) of the types that `text` (SQL) fits, as far as they are `candidates`.

    `string` and `YEAR_FIRST` are told always. Returns: a SQL expression; NULL for NULL.
    """
    string = MEMBERS["string"] | YEAR_FIRST
    tests = []

    def wanted(*names: str) -> int:
        return sum(MEMBERS[name] for name in names) & candidates

    if bits := wanted("boolean"):
        tests.append(
            f"WHEN {text} < '-' OR {text} >= ':' THEN "
            f"CASE WHEN {one_of(text, ('true', 'false'))} THEN {bits} ELSE 0 END"
        )
    else:
        tests.append(f"WHEN {text} < '-' OR {text} >= ':' THEN 0")
    if wanted("bigint", "double"):
        whole = f"TRY_CAST({text} AS BIGINT)"
        tests.append(
            f"WHEN {matches(text, BIGINT)} THEN CASE "
            f"WHEN {whole} BETWEEN -{EXACT} AND {EXACT} THEN {wanted('bigint', 'double')} "
            f"WHEN {whole} IS NOT NULL THEN {wanted('bigint')} ELSE 0 END"
        )
    if bits := wanted("double"):
        tests.append(
            f"WHEN {matches(text, DOUBLE)} THEN "
            f"CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN {bits} ELSE 0 END"
        )
    if bits := wanted(*_DATES):
        tests += _classify_dates(text, bits)
    if bits := wanted("timestamptz"):
        fits = f"{parse_sql(text, 'timestamptz')} IS NOT NULL"
        tests.append(
            f"WHEN {matches(text, TIMESTAMPTZ)} THEN CASE WHEN {fits} THEN {bits} ELSE 0 END"
        )
    fits = f"CASE {' '.join(tests)} ELSE 0 END"
    return f"CASE WHEN {text} IS NULL THEN NULL ELSE xor({string}, {fits}) END"


def _classify_dates(text: str, candidates: int) -> list[str]:
    def bits(*names: str) -> int:
        return sum(MEMBERS[name] for name in names) & candidates

    stamps = bits("timestamp:mdy", "timestamp:dmy")
    dates = stamps | bits("date:mdy", "date:dmy")
    tests = []
    for pattern, fits in ((DATE, dates), (TIMESTAMP, stamps)):
        real = f"TRY_CAST({dashed(text)} AS TIMESTAMP) IS NOT NULL"
        tests.append(f"WHEN {matches(text, pattern)} THEN CASE WHEN {real} THEN {fits} ELSE 0 END")
    for pattern, kinds in (
        (DATE_YEAR_LAST, ("date", "timestamp")),
        (TIMESTAMP_YEAR_LAST, ("timestamp",)),
    ):
        sides = []
        for reading in ("mdy", "dmy"):
            real = f"TRY_CAST({year_first(text, reading)} AS TIMESTAMP) IS NOT NULL"
            fits = bits(*(f"{kind}:{reading}" for kind in kinds))
            sides.append(f"CASE WHEN {real} THEN {fits | YEAR_FIRST} ELSE 0 END")
        # OR of both readings; YEAR_FIRST is set here to be taken off by the outer xor
        tests.append(f"WHEN {matches(text, pattern)} THEN ({sides[0]}) | ({sides[1]})")
    return tests


def admits(mask: int | None) -> Admits:
    """What the AND of `classify_sql` over a column's texts says; None where there was no text.

    >>> sorted(admits(MEMBERS["string"] | MEMBERS["bigint"] | YEAR_FIRST).types)
    ['bigint', 'string']
    """
    if mask is None:
        return Admits()
    types = frozenset(name for name, bit in MEMBERS.items() if mask & bit)
    return Admits(types, year_last=bool(types & _DATES) and not mask & YEAR_FIRST)
