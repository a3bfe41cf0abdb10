"""A crawler: finds the Parquet that others put into the target, and says what is in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pytest

from edp.core.contract import S3Url
from edp.core.files import ADOPTED, Kind
from edp.core.types import Admits
from edp.crawler.aws import S3Crawler
from edp.crawler.local import LocalCrawler
from edp.crawler.port import Crawler, Found, Unreadable
from edp.target.aws import S3Target
from edp.target.local import LocalTarget
from tests.aws_sim import bucket, client, service
from tests.conformance.scratch import scratch


@dataclass(frozen=True)
class Crawled:
    """A crawler, and how others write bytes to a path of the lake."""

    crawler: Crawler
    write: Callable[[str, bytes], None]

    def parquet(self, path: str, query: str, options: str = "FORMAT parquet") -> None:
        with scratch() as folder, duckdb.connect() as con:
            out = folder / "x"
            con.execute(f"COPY ({query}) TO '{out}' ({options})")
            self.write(path, out.read_bytes())

    def found(self, *known: Found) -> list[Found]:
        looked = self.crawler.crawl(known={one.file.path: one.file.sha256 for one in known})
        assert not [one for one in looked if isinstance(one, Unreadable)]
        return [one for one in looked if isinstance(one, Found)]

    def unreadable(self) -> list[Unreadable]:
        looked = self.crawler.crawl(known={})
        return [one for one in looked if isinstance(one, Unreadable)]


@contextmanager
def folder_crawler() -> Iterator[Crawled]:
    with scratch() as lake:

        def write(path: str, data: bytes) -> None:
            place = lake / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)

        yield Crawled(LocalCrawler(lake, LocalTarget(lake).list), write)


@contextmanager
def s3_crawler() -> Iterator[Crawled]:
    name = bucket("target")
    places: dict[Kind, S3Url] = {"data": S3Url(name, "tables/"), "rejects": S3Url(name, "rejects/")}
    target = S3Target(service("s3"), places, work=S3Url(name, "work/"))

    def write(path: str, data: bytes) -> None:
        key = path.replace("target/", "tables/", 1)
        client("s3").put_object(Bucket=name, Key=key, Body=data)

    yield Crawled(S3Crawler(target.list, target.fetch), write)


CRAWLERS = {"folder": folder_crawler, "s3": s3_crawler}


@pytest.fixture(params=CRAWLERS)
def lake(request: pytest.FixtureRequest) -> Iterator[Crawled]:
    with CRAWLERS[request.param]() as lake:
        yield lake


def admitted(found: Found) -> dict[str, Admits]:
    return {column.name: column.admits for column in found.profile}


def test_in_an_empty_target_nothing_is_found(lake: Crawled) -> None:
    assert lake.crawler.crawl(known={}) == []


def test_a_file_is_found_under_its_folders_name_with_its_rows(lake: Crawled) -> None:
    lake.parquet("target/orders/x.parquet", "SELECT range AS n FROM range(7)")

    (found,) = lake.found()

    assert (found.table, found.file.path, found.file.kind) == (
        "orders",
        "target/orders/x.parquet",
        "data",
    )
    assert (found.file.rows, found.file.sources) == (7, {ADOPTED + "target/orders/x.parquet": 7})
    assert found.file.bytes > 0
    assert len(found.file.sha256) == 64
    assert (found.file.schema, found.file.partition) == ({"n": "bigint"}, "")


def test_files_are_found_in_the_order_of_their_paths(lake: Crawled) -> None:
    for name in ("b/2", "a/1", "b/1"):
        lake.parquet(f"target/{name}.parquet", "SELECT 1 AS n")

    assert [one.file.path for one in lake.found()] == [
        "target/a/1.parquet",
        "target/b/1.parquet",
        "target/b/2.parquet",
    ]


def test_a_known_file_is_not_found_again(lake: Crawled) -> None:
    lake.parquet("target/a/1.parquet", "SELECT 1 AS n")
    lake.parquet("target/a/2.parquet", "SELECT 1 AS n")

    first, second = lake.found()

    assert lake.found(first) == [second]


def test_a_known_file_that_was_written_anew_is_told_anew(lake: Crawled) -> None:
    lake.parquet("target/a/1.parquet", "SELECT 1 AS x")
    (before,) = lake.found()
    lake.parquet("target/a/1.parquet", "SELECT 'y' AS z")

    (after,) = lake.found(before)

    assert (after.file.path, after.file.schema) == ("target/a/1.parquet", {"z": "string"})


def test_what_edp_wrote_is_never_found(lake: Crawled) -> None:
    options = "FORMAT parquet, KV_METADATA {edp: '{}'}"
    lake.parquet("target/orders/any-name.parquet", "SELECT 1 AS n", options)

    assert lake.crawler.crawl(known={}) == []


def test_metadata_of_others_does_not_hide_a_file(lake: Crawled) -> None:
    options = "FORMAT parquet, KV_METADATA {EDP: '1', \"edp.x\": '2'}"
    lake.parquet("target/orders/x.parquet", "SELECT 1 AS n", options)

    assert len(lake.found()) == 1


def test_rejects_are_no_tables_of_others(lake: Crawled) -> None:
    lake.parquet("rejects/orders/x.parquet", "SELECT 1 AS n")

    assert lake.crawler.crawl(known={}) == []


def test_a_folder_is_named_as_columns_are(lake: Crawled) -> None:
    lake.parquet("target/Großer Ordner/x.parquet", "SELECT 1 AS n")

    assert [one.table for one in lake.found()] == ["grosser_ordner"]


DATES = {"date:mdy", "date:dmy", "timestamp:mdy", "timestamp:dmy", "string"}


@pytest.mark.parametrize(
    ("value", "stored", "types"),
    [
        ("true", "boolean", {"boolean", "string"}),
        ("1::TINYINT", "int", {"bigint", "double", "string"}),
        ("1::UINTEGER", "bigint", {"bigint", "double", "string"}),
        ("1::BIGINT", "bigint", {"bigint", "string"}),
        ("1.5::FLOAT", "double", {"double", "string"}),
        ("1.5::DOUBLE", "double", {"double", "string"}),
        ("1.5::DECIMAL(10,2)", "decimal(10,2)", {"decimal(10,2)", "string"}),
        ("'x'", "string", {"string"}),
        ("DATE '2026-01-09'", "date", DATES),
        ("TIMESTAMP '2026-01-09 12:00'", "timestamp", DATES - {"date:mdy", "date:dmy"}),
        ("TIMESTAMPTZ '2026-01-09 12:00+00'", "timestamptz", {"timestamptz", "string"}),
        ("[1::TINYINT]", "array<int>", {"array<int>", "json", "string"}),
        (
            "{'a b': [{'c': 1.5::DECIMAL(4,2)}]}",
            'struct<"a b": array<struct<c: decimal(4,2)>>>',
            {'struct<"a b": array<struct<c: decimal(4,2)>>>', "json", "string"},
        ),
    ],
)
def test_a_column_admits_its_own_type_and_what_that_casts_to_without_loss(
    lake: Crawled, value: str, stored: str, types: set[str]
) -> None:
    lake.parquet("target/t/x.parquet", f"SELECT {value} AS c")

    (found,) = lake.found()

    assert found.file.schema == {"c": stored}
    assert admitted(found) == {"c": Admits(frozenset(types))}


def test_folders_with_values_are_columns_of_the_files_in_them(lake: Crawled) -> None:
    lake.parquet("target/t/year=2026/city=K%C3%B6ln%2F1/x.parquet", "SELECT 1 AS n")

    (found,) = lake.found()

    assert found.file.partition == "year=2026/city=K%C3%B6ln%2F1"
    assert found.file.schema == {"n": "int", "year": "string", "city": "string"}
    assert admitted(found)["city"] == Admits(frozenset({"string"}))


def test_the_default_partition_is_no_text(lake: Crawled) -> None:
    lake.parquet("target/t/y=__HIVE_DEFAULT_PARTITION__/x.parquet", "SELECT 1 AS n")

    (found,) = lake.found()

    assert admitted(found)["y"] == Admits()


def test_a_column_that_is_in_the_file_is_not_taken_from_its_folder(lake: Crawled) -> None:
    lake.parquet("target/t/n=5/x.parquet", "SELECT 1::BIGINT AS n")

    (found,) = lake.found()

    assert found.file.schema == {"n": "bigint"}


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no parquet at all" * 100])
def test_what_is_no_parquet_is_told_with_the_reason(lake: Crawled, data: bytes) -> None:
    lake.write("target/t/x.parquet", data)

    (told,) = lake.unreadable()

    assert told.path == "target/t/x.parquet"
    assert told.reason
    assert "\n" not in told.reason


def test_a_half_written_file_does_not_hide_the_others(lake: Crawled) -> None:
    lake.write("target/t/a.parquet", b"PAR1")
    lake.parquet("target/t/b.parquet", "SELECT 1 AS n")

    looked = lake.crawler.crawl(known={})

    assert [type(one) for one in looked] == [Unreadable, Found]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("target/loose.parquet", "SELECT 1 AS n"),
        ("target/--/x.parquet", "SELECT 1 AS n"),
        ("target/t/x.parquet", "SELECT MAP {'a': 1} AS m"),
        ("target/t/x.parquet", "SELECT [MAP {'a': 1}] AS m"),
        ("target/t/x.parquet", "SELECT {'a': 'x'::BLOB} AS s"),
        ("target/t/x.parquet", "SELECT {'a \"b\"': 1} AS s"),
        ("target/t/x.parquet", 'SELECT 1 AS "Two Words"'),
    ],
)
def test_what_cannot_be_a_table_is_told_with_the_reason(
    lake: Crawled, path: str, query: str
) -> None:
    lake.parquet(path, query)

    (told,) = lake.unreadable()

    assert told.path == path
    assert told.reason


def test_a_path_with_quotes_is_a_path(lake: Crawled) -> None:
    lake.parquet('target/t/it\'s "x" [1]*.parquet', "SELECT 1 AS n")

    assert [one.file.rows for one in lake.found()] == [1]
