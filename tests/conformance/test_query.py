"""A query engine: one SELECT over a snapshot, which it can read and nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from edp.core.errors import ConfigError, EdpError, StoreUnavailable
from edp.query.local import LocalQuery
from edp.query.port import Answer, Files, Query, Snapshot, View
from tests.conformance.scratch import scratch


def nothing() -> Sequence[Mapping[str, object]]:
    return []


Record = tuple[Mapping[str, str], Callable[[], Sequence[Mapping[str, object]]]]


@dataclass
class Lake:
    """A query engine, and the files that its snapshot lists."""

    query: Query
    folder: Path
    views: dict[str, View] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)

    def parquet(self, name: str, query: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return str(path)

    def table(self, name: str, columns: Mapping[str, str], *files: Files) -> None:
        self.views[name] = View(name, columns, files)

    def numbers(self) -> None:
        path = self.parquet("numbers.parquet", "SELECT range::BIGINT AS n FROM range(3)")
        self.table("numbers", {"n": "bigint"}, Files({"n": "bigint"}, [path]))

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.views, self.records)

    def ask(self, sql: str) -> Answer:
        return self.query.ask(sql, self.snapshot)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return list(self.ask(sql).rows)


@contextmanager
def duckdb_query(limit_s: float = 600.0) -> Iterator[Lake]:
    with scratch() as folder:
        query = LocalQuery(folder / "work", memory=500_000_000, limit_s=limit_s)
        yield Lake(query, folder / "lake")
        assert list((folder / "work").glob("*")) == [], "a query left something behind"


Engine = Callable[..., AbstractContextManager[Lake]]
QUERIES: dict[str, Engine] = {"duckdb": duckdb_query}


@pytest.fixture(params=QUERIES)
def lake(request: pytest.FixtureRequest) -> Iterator[Lake]:
    with QUERIES[request.param]() as lake:
        yield lake


def test_an_answer_has_columns_types_and_rows(lake: Lake) -> None:
    lake.numbers()

    answer = lake.ask("SELECT n, n * 1.5 AS half FROM numbers WHERE n < 2 ORDER BY n")

    assert answer.columns == ("n", "half")
    assert answer.types[0] == "BIGINT"
    assert list(answer.rows) == [(0, Decimal(0)), (1, Decimal("1.5"))]


def test_a_question_without_a_table_has_an_answer(lake: Lake) -> None:
    assert lake.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("end", ["", ";", " ; \n", " -- all of them", "; -- all of them"])
def test_how_a_question_ends_does_not_matter(lake: Lake, end: str) -> None:
    lake.numbers()

    assert lake.rows(f"SELECT count(*) FROM numbers{end}") == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM Numbers",
        'SELECT count(*) FROM "numbers"',
        "SELECT count(*) FROM main.numbers",
        "WITH x AS (SELECT * FROM numbers) SELECT count(*) FROM x",
        "SELECT (SELECT count(*) FROM numbers)",
        "FROM numbers SELECT count(*)",
    ],
)
def test_a_table_is_found_however_it_is_named(lake: Lake, sql: str) -> None:
    lake.numbers()

    assert lake.rows(sql) == [(3,)]


def test_a_table_can_be_joined_with_another(lake: Lake) -> None:
    lake.numbers()
    path = lake.parquet("names.parquet", "SELECT 1::BIGINT AS n, 'one' AS name")
    lake.table(
        "names", {"n": "bigint", "name": "string"}, Files({"n": "bigint", "name": "string"}, [path])
    )

    assert lake.rows("SELECT name FROM numbers JOIN names USING (n)") == [("one",)]


def test_a_table_without_files_has_its_columns_and_no_rows(lake: Lake) -> None:
    lake.table("empty", {"n": "bigint", "d": "date:mdy"})

    answer = lake.ask("SELECT * FROM empty")

    assert (answer.columns, answer.types, list(answer.rows)) == (("n", "d"), ("BIGINT", "DATE"), [])


# types -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "stored", "wanted", "read"),
    [
        ("5::BIGINT", "bigint", "double", 5.0),
        ("5::BIGINT", "bigint", "string", "5"),
        ("1.0::DOUBLE", "double", "bigint", 1),
        ("1.5::DOUBLE", "double", "bigint", None),
        ("'1.5'", "string", "bigint", None),
        ("'1.50'", "string", "double", 1.5),
        ("'007'", "string", "bigint", None),
        ("'TRUE'", "string", "boolean", True),
        ("'31/12/2026'", "string", "date:dmy", date(2026, 12, 31)),
        ("'12/31/2026'", "string", "date:mdy", date(2026, 12, 31)),
        ("'31/12/2026'", "string", "date:mdy", None),
        ("DATE '2026-01-09'", "date", "timestamp", datetime(2026, 1, 9)),  # noqa: DTZ001
        ("DATE '2026-01-09'", "date:mdy", "date", date(2026, 1, 9)),
        ("TIMESTAMP '2026-01-09 12:30'", "timestamp", "string", "2026-01-09 12:30:00"),
        ("'1.10'", "string", "decimal(10,2)", Decimal("1.10")),
        ("5::INTEGER", "int", "bigint", 5),
        ("true", "boolean", "date", None),
    ],
)
def test_a_file_is_read_as_the_tables_types_exactly_or_not_at_all(
    lake: Lake, value: str, stored: str, wanted: str, read: object
) -> None:
    path = lake.parquet("x.parquet", f"SELECT {value} AS c")
    lake.table("t", {"c": wanted}, Files({"c": stored}, [path]))

    assert lake.rows("SELECT c FROM t") == [(read,)]


def test_files_that_store_a_column_differently_are_one_table(lake: Lake) -> None:
    ints = lake.parquet("a.parquet", "SELECT 2::BIGINT AS n")
    fractions = lake.parquet("b.parquet", "SELECT 1.5::DOUBLE AS n")
    lake.table(
        "t", {"n": "double"}, Files({"n": "bigint"}, [ints]), Files({"n": "double"}, [fractions])
    )

    answer = lake.ask("SELECT n FROM t ORDER BY n")

    assert (answer.types, list(answer.rows)) == (("DOUBLE",), [(1.5,), (2.0,)])


def test_a_column_that_a_file_lacks_is_null(lake: Lake) -> None:
    lake.numbers()
    view = lake.views["numbers"]
    lake.table("numbers", {"m": "string", "n": "bigint"}, *view.files)

    assert lake.rows("SELECT DISTINCT m FROM numbers") == [(None,)]


def test_columns_are_selected_by_name_and_in_the_tables_order(lake: Lake) -> None:
    one = lake.parquet("a.parquet", "SELECT 1::BIGINT AS a, 2::BIGINT AS b")
    two = lake.parquet("b.parquet", "SELECT 20::BIGINT AS b, 10::BIGINT AS a")
    alike = {"a": "bigint", "b": "bigint"}
    lake.table("t", {"b": "bigint", "a": "bigint"}, Files(alike, [one, two]))

    assert lake.rows("SELECT * FROM t ORDER BY a") == [(2, 1), (20, 10)]


def test_edps_own_columns_are_in_its_own_files_and_null_in_others(lake: Lake) -> None:
    path = lake.parquet(
        "x.parquet",
        "SELECT 1::BIGINT AS n, 'k' AS _source_file, "
        "TIMESTAMPTZ '2026-01-09 12:00+00' AS _loaded_at",
    )
    columns = {"n": "bigint", "_source_file": "string", "_loaded_at": "timestamptz"}
    adopted = lake.parquet("y.parquet", "SELECT 2::BIGINT AS n")
    stored = {"n": "bigint"}
    lake.table("t", columns, Files(stored, [path]), Files(stored, [adopted], own=False))

    assert lake.rows("SELECT * FROM t ORDER BY n") == [
        (1, "k", datetime(2026, 1, 9, 12, tzinfo=UTC)),
        (2, None, None),
    ]


def test_columns_in_a_path_are_read_from_it_as_text(lake: Lake) -> None:
    path = lake.parquet("t/y=007/c=a%2Fb/x.parquet", "SELECT 1::BIGINT AS n")
    none = lake.parquet("t/y=__HIVE_DEFAULT_PARTITION__/c=c/x.parquet", "SELECT 2::BIGINT AS n")
    stored = {"n": "bigint", "y": "string", "c": "string"}
    lake.table("t", stored, Files(stored, [path, none], own=False, partitioned=True))

    assert lake.rows("SELECT n, y, c FROM t ORDER BY n") == [(1, "007", "a/b"), (2, None, "c")]


def test_a_folder_that_looks_like_a_column_is_none_unless_the_table_says_so(lake: Lake) -> None:
    path = lake.parquet("t/n=7/x.parquet", "SELECT 1::BIGINT AS n")
    lake.table("t", {"n": "bigint"}, Files({"n": "bigint"}, [path]))

    assert lake.rows("SELECT * FROM t") == [(1,)]


def test_times_with_an_offset_come_in_utc(lake: Lake) -> None:
    (row,) = lake.rows(
        "SELECT TIMESTAMPTZ '2026-01-09 12:00:00+02' AS t, 1 AS n, NULL::TIMESTAMPTZ AS e"
    )

    assert row == (datetime(2026, 1, 9, 12, tzinfo=timezone(timedelta(hours=2))), 1, None)
    assert isinstance(row[0], datetime)
    assert row[0].tzinfo == UTC


def test_only_the_parts_of_a_value_that_have_an_offset_come_in_utc(lake: Lake) -> None:
    zoned, plain = "TIMESTAMPTZ '2026-01-09 12:00:00+02'", "TIMESTAMP '2026-01-09 12:00:00'"
    values = (
        f"[{{'z': {zoned}, 'p': {plain}}}, NULL]",
        f"MAP {{{plain}: [{zoned}]}}",
        f"{{'TIMESTAMP WITH TIME ZONE': {zoned}, 'a \"b\"': 1}}",
        "NULL::STRUCT(z TIMESTAMPTZ)",
    )

    (row,) = lake.rows(f"SELECT {', '.join(values)}")

    at, day = datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 9, 12)  # noqa: DTZ001 (plain)
    assert row == (
        [{"z": at, "p": day}, None],
        {day: [at]},
        {"TIMESTAMP WITH TIME ZONE": at, 'a "b"': 1},
        None,
    )


@pytest.mark.parametrize(
    "end",
    [
        "",
        ";",
        " -- now",
        "; -- now",
    ],
)
def test_times_with_an_offset_come_however_the_question_ends(lake: Lake, end: str) -> None:
    assert len(lake.rows(f"SELECT now() AS t, now() AS t{end}")) == 1


def test_times_with_an_offset_come_in_lists_too(lake: Lake) -> None:
    (row,) = lake.rows("SELECT [TIMESTAMPTZ '2026-01-09 12:00:00+00']")

    assert row == ([datetime(2026, 1, 9, 12, tzinfo=UTC)],)


def test_order_is_kept_with_times_with_an_offset(lake: Lake) -> None:
    rows = lake.rows("SELECT range AS n, now() AS t FROM range(2000) ORDER BY n DESC")

    assert [row[0] for row in rows] == list(range(1999, -1, -1))


# records -----------------------------------------------------------------------------------------


def test_records_stand_below_edp(lake: Lake) -> None:
    columns = {"key": "VARCHAR", "n": "BIGINT", "at": "TIMESTAMPTZ", "detail": "JSON"}
    rows: list[dict[str, object]] = [
        {"key": "ü'\"", "n": 3, "at": "2026-01-09T12:00:00.000Z", "detail": {"a": [1]}},
        {"key": None, "n": None},
    ]
    lake.records["files"] = (columns, lambda: rows)

    answer = lake.ask(
        "SELECT key, n, \"at\", detail->>'$.a[0]' FROM edp.files ORDER BY n NULLS LAST"
    )

    assert list(answer.rows) == [
        ("ü'\"", 3, datetime(2026, 1, 9, 12, tzinfo=UTC), "1"),
        (None, None, None, None),
    ]


def test_records_without_rows_have_their_columns(lake: Lake) -> None:
    lake.records["files"] = ({"n": "BIGINT"}, nothing)

    assert lake.ask("SELECT * FROM edp.files").columns == ("n",)


def test_records_that_a_question_does_not_name_are_not_fetched(lake: Lake) -> None:
    lake.numbers()
    lake.records["files"] = ({"n": "BIGINT"}, lambda: pytest.fail("fetched"))

    assert lake.rows("SELECT count(*) FROM numbers") == [(3,)]


def test_the_rejects_of_all_tables_are_one_record(lake: Lake) -> None:
    for name in ("a", "b"):
        path = lake.parquet(
            f"{name}.parquet", f"SELECT '{name}.csv' AS source_file, 1::BIGINT AS line"
        )
        columns = {"source_file": "string", "line": "bigint"}
        lake.table(f"{name}__rejects", columns, Files(columns, [path], own=False))

    assert lake.rows("SELECT dataset, source_file FROM edp.rejects ORDER BY ALL") == [
        ("a", "a.csv"),
        ("b", "b.csv"),
    ]


def test_without_rejects_their_record_is_empty(lake: Lake) -> None:
    assert lake.rows("SELECT * FROM edp.rejects") == []


# what a question cannot do -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "CREATE TABLE x AS SELECT 1",
        "DELETE FROM numbers",
        "COPY numbers TO 'x.csv'",
        "SET memory_limit = '1GB'",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "PRAGMA version",
        "SELECT nothing FROM numbers",
        "SELECT 'x'::BIGINT",
    ],
)
def test_a_wrong_question_is_an_error_of_its_asker(lake: Lake, sql: str) -> None:
    lake.numbers()

    with pytest.raises(ConfigError):
        lake.ask(sql)


def test_an_unknown_table_is_told_with_those_there_are(lake: Lake) -> None:
    lake.numbers()
    lake.records["files"] = ({"n": "BIGINT"}, nothing)

    with pytest.raises(ConfigError, match=r"numbers, .*edp\.files"):
        lake.ask("SELECT * FROM number")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_blob('{folder}/*')",
        "SELECT * FROM numbers, read_text('{secret}')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM sniff_csv('{secret}')",
    ],
)
def test_a_question_reads_no_file_but_those_of_the_tables(lake: Lake, sql: str) -> None:
    lake.numbers()
    secret = lake.folder / "secret.csv"
    secret.write_text("secret\n1\n")

    with pytest.raises(EdpError) as caught:
        lake.ask(sql.format(secret=secret, folder=lake.folder))

    assert "1\n" not in str(caught.value)


def test_a_question_does_not_read_the_files_of_tables_it_does_not_name(lake: Lake) -> None:
    lake.numbers()
    path = lake.parquet("other.parquet", "SELECT 'secret' AS s")
    lake.table("other", {"s": "string"}, Files({"s": "string"}, [path]))

    with pytest.raises(EdpError):
        lake.ask(f"SELECT * FROM numbers, read_parquet('{path}')")


# limits ------------------------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
BULKY = "SELECT list(range::VARCHAR || repeat('x', 1000)) FROM range(2_000_000)"


@pytest.mark.parametrize("engine", QUERIES.values(), ids=QUERIES)
def test_a_question_that_never_ends_is_stopped(engine: Engine) -> None:
    with engine(0.5) as lake:
        with pytest.raises(StoreUnavailable, match=r"longer than 0\.5 s and was stopped"):
            lake.ask(ENDLESS)

        assert lake.rows("SELECT 1") == [(1,)]


def test_a_question_that_wants_too_much_memory_fails_and_the_next_is_answered(lake: Lake) -> None:
    with pytest.raises(StoreUnavailable, match=r"[Mm]emory"):
        lake.ask(BULKY)

    assert lake.rows("SELECT 1") == [(1,)]


# export ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end",
    [
        "",
        ";",
        " -- all",
        "; -- all",
    ],
)
def test_an_answer_can_be_exported_as_parquet(lake: Lake, tmp_path: Path, end: str) -> None:
    lake.numbers()
    out = tmp_path / "it's out.parquet"

    n = lake.query.export(f"SELECT n FROM numbers ORDER BY n{end}", lake.snapshot, out)

    with duckdb.connect() as con:
        rows = con.execute("SELECT n FROM read_parquet($path)", {"path": str(out)}).fetchall()
    assert (n, rows) == (3, [(0,), (1,), (2,)])


def test_an_export_changes_nothing_else(lake: Lake, tmp_path: Path) -> None:
    lake.numbers()

    with pytest.raises(ConfigError):
        lake.query.export("DROP VIEW numbers", lake.snapshot, tmp_path / "x.parquet")

    assert list(tmp_path.iterdir()) == []


# arrow -------------------------------------------------------------------------------------------


def test_an_arrow_stream_has_what_an_answer_has(lake: Lake) -> None:
    lake.numbers()
    sql = (
        "SELECT n, n * 1.5 AS half, 'x' AS s, DATE '2026-01-05' AS d, [n] AS l, {'a': n} AS r, "
        "TIMESTAMPTZ '2026-01-05 09:15:00+02' AS t, NULL AS z FROM numbers ORDER BY n;"
    )

    table = lake.query.arrow(sql, lake.snapshot, pa.table)

    assert table.to_pylist() == lake.ask(sql).records()
    assert table.schema.field("t").type == pa.timestamp("us", tz="UTC")


def test_an_answer_without_rows_has_its_columns(lake: Lake) -> None:
    lake.numbers()

    table = lake.query.arrow("SELECT n FROM numbers WHERE false", lake.snapshot, pa.table)

    assert (table.column_names, table.num_rows) == (["n"], 0)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CASE WHEN i = 2000000 THEN error('late') ELSE i END FROM range(2000001) t(i)",
        "SELECT * FROM numbers, nothing",
        "DROP VIEW numbers",
    ],
)
def test_a_stream_fails_as_an_answer_does(lake: Lake, sql: str) -> None:
    lake.numbers()

    for ask in (lambda: lake.query.arrow(sql, lake.snapshot, pa.table), lambda: lake.ask(sql)):
        with pytest.raises(ConfigError):
            ask()


@pytest.mark.parametrize(
    ("text", "raised"),
    [("Out of Memory Error: no more", StoreUnavailable), ("the reader's own", OSError)],
)
def test_what_breaks_a_stream_off_is_told_by_its_text(
    lake: Lake, text: str, raised: type[Exception]
) -> None:
    def read(_stream: object) -> None:
        raise OSError(text)

    with pytest.raises(raised, match=text):
        lake.query.arrow("SELECT 1", lake.snapshot, read)
