"""What a format renders is read back exactly; what only looks like it is rejected."""

# ruff: noqa: E501, RUF001 (tables of texts; look-alikes are the point)

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edp.core.contract import Column
from edp.core.formats import problem
from edp.etl.engine.cast import cast_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMATS = {
    "timestamp": [
        "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f", "%m/%d/%Y %I:%M:%S.%f %p",
        "%Y%m%d%H%M%S%f", "%d %b %Y at %H:%M:%S.%f", "%B %d, %Y %H:%M:%S.%f",
        "%A %Y-%j %H:%M:%S.%f", "100%% %d.%m.%Y [%H:%M:%S.%f]", "%Y/%d/%m %H:%M:%S.%f",
    ],
    "date": ["%d/%m/%Y", "%Y-%d-%m", "%Y%m%d", "%d-%b-%Y", "%a, %d %B %Y", "%m.%d.%Y", "%Y-%j"],
}  # fmt: skip


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


def read(
    con: duckdb.DuckDBPyConnection, texts: Sequence[str], kind: str, *formats: str
) -> list[object]:
    rules = Column(type=kind, formats=formats)
    query = f"SELECT {cast_sql('t', kind, rules)} FROM (SELECT unnest($1::VARCHAR[]) AS t)"
    return [value for (value,) in con.execute(query, [list(texts)]).fetchall()]


def rendered(moment: dt.datetime, fmt: str) -> str:
    # strftime leaves the zeros of a year before 1000 off
    return moment.strftime(fmt.replace("%Y", f"{moment.year:04}"))


MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(MOMENTS, min_size=1, max_size=20), fmt=st.sampled_from(FORMATS["timestamp"])
)
def test_a_rendered_moment_is_read_back(
    con: duckdb.DuckDBPyConnection, moments: list[dt.datetime], fmt: str
) -> None:
    assert read(con, [rendered(m, fmt) for m in moments], "timestamp", fmt) == moments


@settings(max_examples=60, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=20), fmt=st.sampled_from(FORMATS["date"]))
def test_a_rendered_day_is_read_back(
    con: duckdb.DuckDBPyConnection, moments: list[dt.datetime], fmt: str
) -> None:
    days = [m.date() for m in moments]

    assert read(con, [rendered(m, fmt) for m in moments], "date", fmt) == days


@settings(max_examples=80, deadline=None)
@given(
    moment=MOMENTS,
    fmt=st.sampled_from(FORMATS["date"] + FORMATS["timestamp"]),
    before=st.sampled_from(["", " ", "0", "x", "\n"]),
    after=st.sampled_from(["", " ", "0", "x", "\n", "Z", "+01:00"]),
)
def test_text_around_what_a_format_stands_for_is_rejected(
    con: duckdb.DuckDBPyConnection, moment: dt.datetime, fmt: str, before: str, after: str
) -> None:
    kind = "timestamp" if fmt in FORMATS["timestamp"] else "date"
    text = rendered(moment, fmt)
    near = f"{before}{text}{after}"

    (value,) = read(con, [near], kind, fmt)

    if not before and not after:
        assert value is not None
    else:
        assert value is None or _means(near, fmt, value)


def _means(text: str, fmt: str, value: object) -> bool:
    """Whether Python reads the same: `05/02/2025` is also `5/02/2025` with a 0 before it."""
    try:
        told = dt.datetime.strptime(text, fmt)  # noqa: DTZ007
    except ValueError:
        return False
    return value == (told if isinstance(value, dt.datetime) else told.date())


NEAR = [
    ("date", "%d/%m/%Y", ["3/2/25", "32/1/2025", "0/1/2025", "29/2/2023", "1/13/2025", "1/1/0000",
                          "1/1/02025", "01/01/2025 ", "1-1-2025", "1/1/2025\n", "١/1/2025", "1//2025"]),
    ("date", "%Y%m%d", ["2025111", "202501011", "20250230", "25010101x", "2025-1-1x"]),
    ("date", "%d/%m/%y", ["1/1/2025", "1/1/5"]),
    ("timestamp", "%d/%m/%Y %H:%M", ["1/1/2025 24:00", "1/1/2025 1:60", "1/1/2025 1:2", "1/1/2025",
                                     "1/1/2025T1:00", "1/1/2025 10:00 PM"]),
    ("timestamp", "%d/%m/%Y %I:%M %p", ["1/1/2025 13:00 PM", "1/1/2025 0:00 AM", "1/1/2025 1:00"]),
    ("timestamptz", "%d/%m/%Y %H:%M%z", ["1/1/2025 1:00", "1/1/2025 1:00+2400", "1/1/2025 1:00+0160",
                                         "1/1/2025 1:00z", "1/1/2025 1:00 Z", "1/1/2025 1:00+02"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fmt", "texts"), NEAR)
def test_near_misses_are_rejected(
    con: duckdb.DuckDBPyConnection, kind: str, fmt: str, texts: list[str]
) -> None:
    assert read(con, texts, kind, fmt) == [None] * len(texts)


def test_two_digit_years_turn_at_69(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["1/1/69", "1/1/99", "1/1/00", "1/1/68"]

    years = [d.year for d in read(con, texts, "date", "%d/%m/%y")]  # type: ignore[attr-defined]

    assert years == [1969, 1999, 2000, 2068]


def test_an_offset_is_applied_and_none_is_utc(con: duckdb.DuckDBPyConnection) -> None:
    formats = ("%d/%m/%Y %H:%M%z", "%d/%m/%Y %H:%M:%SZ")
    texts = [f"1/2/2025 10:00{z}" for z in ("Z", "+00:00", "+0130", "-01:30")]
    rules = Column(type="timestamptz", formats=formats)
    query = (
        f"SELECT epoch({cast_sql('t', 'timestamptz', rules)})::BIGINT FROM (SELECT unnest($1) AS t)"
    )

    found = [v for (v,) in con.execute(query, [[*texts, "1/2/2025 10:00:00Z"]]).fetchall()]

    noon = int(dt.datetime(2025, 2, 1, 10, tzinfo=dt.UTC).timestamp())
    assert found == [noon, noon, noon - 5400, noon + 5400, noon]


def test_a_format_may_read_a_year_first_date_its_own_way(con: duckdb.DuckDBPyConnection) -> None:
    own = read(con, ["2025-02-01", "2025-31-01"], "date", "%Y-%d-%m")
    plain = read(con, ["2025-02-01", "1/2/2025"], "date", "%d/%m/%Y")

    assert own == [dt.date(2025, 1, 2), dt.date(2025, 1, 31)]
    assert plain == [dt.date(2025, 2, 1)] * 2


def test_the_first_format_that_fits_decides(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["1/2/2025", "13/2/2025", "2/13/2025"]

    assert read(con, texts, "date", "%d/%m/%Y", "%m/%d/%Y") == [
        dt.date(2025, 2, 1), dt.date(2025, 2, 13), dt.date(2025, 2, 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fmt", "kind"),
    [
        ("%d/%m", "date"), ("%Y", "date"), ("%Y-%m", "date"), ("%d/%m/%Y %Y", "date"),
        ("%Y %j %m", "date"), ("%d/%m/%Y %Z", "timestamp"), ("%d/%m/%Y %I", "timestamp"),
        ("%d/%m/%Y %M", "timestamp"), ("%d/%m/%Y %H:%S", "timestamp"), ("%U %d/%m/%Y", "date"),
        ("%d/%m/%Y %H %p", "timestamp"), ("%d/%m/%Y%z", "date"), ("%d/%m/%Y %y", "date"),
        ("%d/%m/%Y %H:%M.%f", "timestamp"), ("%Y-%m-%d %", "date"),
    ],
)  # fmt: skip
def test_a_format_that_does_not_make_a_whole_day_or_time_is_refused(fmt: str, kind: str) -> None:
    assert problem(fmt, kind) is not None


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_the_formats_of_these_tests_are_taken(kind: str) -> None:
    assert [problem(fmt, kind) for fmt in FORMATS[kind]] == [None] * len(FORMATS[kind])
