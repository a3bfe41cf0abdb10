"""SQL text: quoting, the grammar of values, and exact casts between stored types.

The grammar of design.md's "Types without a contract" stands here once; the engine, the rewrite
and the query stage put these expressions into DuckDB. Nothing here runs SQL.
"""

from __future__ import annotations

import re
from typing import Final

from edp.core.types import ADMISSIBLE, Admits

_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
# 24:00 is no hour of a day
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_DATE = rf"{_YEAR}[-/][0-9]{{1,2}}[-/][0-9]{{1,2}}"
_SLASHED = "([0-9]{1,2})/([0-9]{1,2})/"
_YEAR_LAST = rf"{_SLASHED}(?:{_YEAR}|[0-9]{{2}})"

BIGINT: Final = "0|-?[1-9][0-9]*"
DOUBLE: Final = r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DOUBLE_DECLARED: Final = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DATE: Final = _DATE
DATE_YEAR_LAST: Final = _YEAR_LAST
TIMESTAMP: Final = f"{_DATE}(?:[ T]{_CLOCK})?"
TIMESTAMP_YEAR_LAST: Final = f"{_YEAR_LAST}(?:[ T]{_CLOCK})?"
TIMESTAMPTZ: Final = f"{_DATE}[ T]{_CLOCK}(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
TRUE: Final = ("true", "t", "yes", "y", "1")
FALSE: Final = ("false", "f", "no", "n", "0")

MEMBERS: Final = {name: 1 << n for n, name in enumerate(ADMISSIBLE)}
"""The bit of each type that a text can admit; see `classify_sql`."""
YEAR_FIRST: Final = 1 << len(ADMISSIBLE)
"""Set where a text is no date whose year comes last, so that AND over texts clears it."""
EXACT: Final = 2**53
_FIRST_MOMENT: Final = -62_135_596_800_000_000  # microseconds: the start of year 1 in UTC
_LAST_MOMENT: Final = 253_402_300_799_999_999  # the end of year 9999
_DATES: Final = frozenset(name for name in ADMISSIBLE if name.endswith((":mdy", ":dmy")))
_PHYSICAL: Final = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
}
_DECIMAL = re.compile(r"decimal\(([0-9]+),\s*([0-9]+)\)")


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier.

    >>> print(identifier('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | bool | None) -> str:  # noqa: FBT001 (a value, not a switch)
    """`value` as a SQL literal.

    >>> literal("it's"), literal(5), literal(None), literal(True)
    ("'it''s'", '5', 'NULL', 'true')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def decimal(name: str) -> tuple[int, int] | None:
    """Precision and scale of a decimal type, None for any other.

    >>> decimal("decimal(10,2)"), decimal("double")
    ((10, 2), None)
    """
    match = _DECIMAL.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def physical(name: str) -> str:
    """The DuckDB type that stores `name`.

    Raises: ValueError for a type that no column can have.

    >>> physical("date:mdy"), physical("decimal(10,2)")
    ('DATE', 'DECIMAL(10,2)')
    """
    if size := decimal(name):
        return f"DECIMAL({size[0]},{size[1]})"
    try:
        return _PHYSICAL[name.partition(":")[0]]
    except KeyError:
        raise ValueError(f"no column can have the type {name!r}") from None


def matches(text: str, pattern: str) -> str:
    """Whether the whole of `text` (SQL) matches the RE2 `pattern`; digits are ASCII only."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def _one_of(text: str, words: tuple[str, ...]) -> str:
    return f"lower({text}) IN ({', '.join(map(literal, words))})"


def _year_first(text: str, reading: str) -> str:
    """`text` (SQL), a date with its year last, with its year first; a time stays behind it."""
    day = r"\1-\2" if reading == "mdy" else r"\2-\1"
    # a pattern for each century: 69-99 are 19yy
    forms = (("([0-9]{4})", ""), ("(69|[7-9][0-9])", "19"), ("([0-9]{2})", "20"))
    out = text
    for year, century in forms:
        pattern, whole = f"^{_SLASHED}{year}($|[ T])", rf"{century}\3-{day}\4"
        out = f"regexp_replace({out}, {literal(pattern)}, {literal(whole)})"
    return out


def parse_sql(text: str, wanted: str) -> str:
    """The value of `text` (SQL) as `wanted`, by the grammar of declared types; NULL if it has none.

    A date whose year comes last has a value only where `wanted` names the reading
    (`date:dmy`). A decimal takes no exponent, and further digits only if they are zeros.
    """
    kind, _, reading = wanted.partition(":")
    cast = f"TRY_CAST({text} AS {physical(kind)})"
    if kind == "string":
        return text
    if kind == "boolean":
        true, false = _one_of(text, TRUE), _one_of(text, FALSE)
        return f"CASE WHEN {true} THEN true WHEN {false} THEN false END"
    if kind in ("int", "bigint"):
        return f"CASE WHEN {matches(text, BIGINT)} THEN {cast} END"
    if kind == "double":
        fits = f"isfinite({cast}) AND {_no_inexact_integer(text)}"
        return f"CASE WHEN {matches(text, DOUBLE_DECLARED)} AND {fits} THEN {cast} END"
    if size := decimal(kind):
        return f"CASE WHEN {matches(text, decimal_grammar(size[1]))} THEN {cast} END"
    if kind == "timestamptz":
        cast = f"TRY_CAST({_dashed(text)} AS TIMESTAMPTZ)"
        in_years = f"epoch_us({cast}) BETWEEN {_FIRST_MOMENT} AND {_LAST_MOMENT}"
        return f"CASE WHEN {matches(text, TIMESTAMPTZ)} AND {in_years} THEN {cast} END"
    first, last = (DATE, DATE_YEAR_LAST) if kind == "date" else (TIMESTAMP, TIMESTAMP_YEAR_LAST)
    whens = [f"WHEN {matches(text, first)} THEN TRY_CAST({_dashed(text)} AS {physical(kind)})"]
    if reading:
        turned = f"TRY_CAST({_year_first(text, reading)} AS {physical(kind)})"
        whens.append(f"WHEN {matches(text, last)} THEN {turned}")
    return f"CASE {' '.join(whens)} END"


def fitting_sql(text: str, wanted: str) -> str:
    """The value of `text` (SQL) that is known to fit `wanted`: `parse_sql` without its tests.

    A text that does not fit makes most of these casts an error, never another value unseen.
    """
    kind, _, reading = wanted.partition(":")
    if kind == "string":
        return text
    if kind == "boolean":
        return parse_sql(text, kind)
    if kind in ("date", "timestamp", "timestamptz"):
        text = _dashed(_year_first(text, reading) if reading else text)
    return f"CAST({text} AS {physical(kind)})"


def _dashed(text: str) -> str:
    return f"replace({text}, '/', '-')"


def _no_inexact_integer(text: str) -> str:
    exact = f"TRY_CAST({text} AS HUGEINT) BETWEEN -{EXACT} AND {EXACT}"
    return f"(NOT {matches(text, '-?[0-9]+')} OR coalesce({exact}, false))"


def decimal_grammar(scale: int) -> str:
    """The pattern of a decimal whose digits after the `scale`-th are zeros."""
    fraction = f"[0-9]{{0,{scale}}}0*" if scale else "0*"
    some = f"\\.(?:[0-9]{{1,{scale}}}0*)" if scale else "\\.0+"
    return rf"-?(?:[0-9]+(?:\.{fraction})?|{some})"


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
            f"CASE WHEN {_one_of(text, ('true', 'false'))} THEN {bits} ELSE 0 END"
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
        real = f"TRY_CAST({_dashed(text)} AS TIMESTAMP) IS NOT NULL"
        tests.append(f"WHEN {matches(text, pattern)} THEN CASE WHEN {real} THEN {fits} ELSE 0 END")
    for pattern, kinds in (
        (DATE_YEAR_LAST, ("date", "timestamp")),
        (TIMESTAMP_YEAR_LAST, ("timestamp",)),
    ):
        sides = []
        for reading in ("mdy", "dmy"):
            real = f"TRY_CAST({_year_first(text, reading)} AS TIMESTAMP) IS NOT NULL"
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


def _text_sql(stored: str, column: str) -> str:
    kind = stored.partition(":")[0]
    if kind == "timestamptz":
        moment = f"timezone('UTC', {column})"
        return f"{_text_sql('timestamp', moment)} || 'Z'"
    if kind == "timestamp":
        seconds = f"strftime({column}, '%Y-%m-%d %H:%M:%S')"
        return (
            f"CASE WHEN microsecond({column}) % 1000000 = 0 THEN {seconds} "
            f"ELSE strftime({column}, '%Y-%m-%d %H:%M:%S.%f') END"
        )
    return f"CAST({column} AS VARCHAR)"


_NUMBERS = ("int", "bigint", "double")


def value_sql(stored: str, wanted: str, column_sql: str) -> str:
    """The expression that reads a column stored as `stored` as `wanted`, exactly.

    Text is read by its grammar; any value becomes text canonically (booleans `true`/`false`,
    timestamps `YYYY-MM-DD HH:MM:SS[.ffffff]`, with an offset in UTC and `Z`). A value that the
    wanted type cannot hold exactly reads as NULL.

    Raises: ValueError where no value of `stored` means anything as `wanted`.

    >>> value_sql("date:mdy", "date", '"d"'), value_sql("bigint", "string", '"n"')
    ('"d"', 'CAST("n" AS VARCHAR)')
    """
    kind, want = stored.partition(":")[0], wanted.partition(":")[0]
    if kind == want:
        return column_sql
    if kind == "string":
        return parse_sql(column_sql, wanted)
    if want == "string":
        return _text_sql(stored, column_sql)
    numbers = all(name in _NUMBERS or decimal(name) for name in (kind, want))
    if not numbers and {kind, want} != {"date", "timestamp"}:
        raise ValueError(f"a {kind} column cannot be read as {want}")
    cast = f"TRY_CAST({column_sql} AS {physical(want)})"
    return f"CASE WHEN CAST({cast} AS {physical(kind)}) = {column_sql} THEN {cast} END"
