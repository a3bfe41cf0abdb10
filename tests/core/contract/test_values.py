"""What each setting takes, and what holds where it is absent."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edp.core.contract import Column, Config, Dataset, S3Url, parse
from edp.core.contract.alerts import Alerts
from edp.core.contract.document import read
from edp.core.contract.findings import checked
from edp.core.contract.limits import Batch
from edp.core.contract.units import duration, duration_text, size
from tests.core.contract.refusal import refused


def everything(text: str, **environ: str) -> Config:
    """The contract in `text`, settings of later versions included."""
    config, findings = checked(read(text, environ))
    assert findings == []
    return config


def test_the_defaults_are_those_of_the_interface() -> None:
    config = Config()

    local = config.runtimes.local
    assert (config.name, config.runtimes.aws, config.datasets) == ("edp", None, {})
    assert (local.root, local.workers, local.memory) == ("lake", 2, 4_000_000_000)
    assert (local.settle, local.spark) == (timedelta(seconds=1), None)
    assert (config.batch.max_files, config.batch.max_bytes) == (1000, 256_000_000)
    assert (config.batch.max_wait, config.batch.max_partitions) == (timedelta(seconds=1), 1000)
    assert config.retry.max_attempts == 5
    assert (config.retry.base, config.retry.cap) == (timedelta(seconds=2), timedelta(minutes=5))
    assert config.retention.events == config.retention.rejects == timedelta(days=90)
    assert config.retention.superseded == timedelta(days=1)
    assert config.alerts == Alerts()


def test_a_dataset_s_defaults_are_those_of_the_interface() -> None:
    orders = Dataset()

    assert (orders.format, orders.nulls) == (None, ("", "NULL", "N/A", "\\N"))
    assert (orders.csv.delimiter, orders.csv.quote, orders.csv.escape) == ("auto", '"', '"')
    assert (orders.csv.header, orders.csv.encoding, orders.csv.skip_rows) == ("auto", "auto", 0)
    assert (orders.deduplicate, orders.table, orders.unknown_columns) == ("exact", "parquet", "add")
    assert (orders.max_reject_ratio, orders.freshness) == (0.5, None)
    assert (orders.columns, orders.derive, orders.where, orders.transform) == ({}, {}, None, None)
    assert (orders.checks, orders.partition_by) == ((), ())


def test_every_available_setting_is_read() -> None:
    text = """
name: shop
runtimes:
  local: {root: data/lake, workers: 4, memory: 2GiB, settle: 250ms}
  aws:
    {region: us-gov-west-1, source: s3://edp-source/in, target: s3://edp-target,
     engine: spark, catalog: direct}
batch: {max_files: 10, max_bytes: 1.5MB, max_wait: 0s}
retry: {max_attempts: 3, base: 1.5s, cap: 1h}
retention: {superseded: 24h}
datasets:
  orders:
    path: "in/[a-z]*/**/*.csv"
    format: csv
    csv: {delimiter: ";", quote: "'", escape: "\\\\", header: true, encoding: UTF8}
    nulls: []
    columns:
      Order ID: {type: BIGINT, required: true, rename: id}
      amount: {type: "decimal( 10 ,2 )"}
    deduplicate: none
    table: parquet
    unknown_columns: ignore
    max_reject_ratio: 0
"""

    config = parse(text, environ={})

    local, aws, orders = config.runtimes.local, config.runtimes.aws, config.dataset("orders")
    assert config.name == "shop"
    assert (local.root, local.workers, local.memory) == ("data/lake", 4, 2 * 1024**3)
    assert local.settle == timedelta(milliseconds=250)
    assert aws is not None
    assert (aws.region, aws.engine, aws.catalog) == ("us-gov-west-1", "spark", "direct")
    assert (aws.source, aws.target) == (S3Url("edp-source", "in/"), S3Url("edp-target"))
    assert (config.batch.max_files, config.batch.max_bytes) == (10, 1_500_000)
    assert config.batch.max_wait == timedelta()
    assert (config.retry.base, config.retry.cap) == (timedelta(seconds=1.5), timedelta(hours=1))
    assert config.retention.superseded == timedelta(days=1)
    assert (orders.path, orders.format, orders.nulls) == ("in/[a-z]*/**/*.csv", "csv", ())
    assert (orders.csv.delimiter, orders.csv.quote, orders.csv.escape) == (";", "'", "\\")
    assert (orders.csv.header, orders.csv.encoding) == (True, "utf-8")
    order_id = orders.columns["Order ID"]
    assert (order_id.type, order_id.required, order_id.rename) == ("bigint", True, "id")
    assert orders.columns["amount"].type == "decimal(10,2)"
    assert (orders.deduplicate, orders.unknown_columns) == ("none", "ignore")
    assert orders.max_reject_ratio == 0


def test_every_later_setting_is_read() -> None:
    text = """
runtimes: {local: {spark: {master: "spark://host:7077", conf: {spark.executor.memory: 2g}}}}
datasets:
  orders:
    csv: {header: false, encoding: latin-1, skip_rows: 2}
    columns:
      day: {type: date, formats: ["%d/%m/%Y", "%-d.%-m.%y"], aliases: [Day, date], min: 2020-01-01}
      amount: {type: "decimal(10,2)", min: -1.50, max: 1e6}
      at: {type: timestamp, max: "2030-01-01 12:00"}
      status: {case: upper, one_of: [NO, 1], regex: "[A-Z]+", trim: false, mask: last4}
    derive: {month: "date_trunc('month', day)"}
    where: "amount > 0"
    transform: transforms/orders.py:transform
    checks: [{name: positive, expr: amount >= 0, action: warn}]
    deduplicate: {keys: [id], order_by: [day], keep: first, scope: table}
    partition_by: [day]
    freshness: 24h
alerts: {pagerduty: {routing_key: "123"}, slack: {webhook_url: "${HOOK}"}}
"""

    config = everything(text, HOOK="https://hooks.slack.com/services/x")

    orders = config.dataset("orders")
    spark = config.runtimes.local.spark
    assert spark is not None
    assert (spark.master, spark.conf) == ("spark://host:7077", {"spark.executor.memory": "2g"})
    assert (orders.csv.header, orders.csv.encoding) == (False, "iso8859-1")
    assert orders.csv.skip_rows == 2
    assert orders.columns["day"].formats == ("%d/%m/%Y", "%-d.%-m.%y")
    assert orders.columns["day"].aliases == ("Day", "date")
    assert orders.columns["day"].min == date(2020, 1, 1)
    assert (orders.columns["amount"].min, orders.columns["amount"].max) == (Decimal("-1.5"), 10**6)
    assert orders.columns["at"].max == datetime(2030, 1, 1, 12)  # noqa: DTZ001 (a timestamp without zone)
    status = orders.columns["status"]
    assert (status.case, status.one_of, status.regex) == ("upper", ("NO", "1"), "[A-Z]+")
    assert (status.trim, status.mask) == (False, "last4")
    assert orders.derive == {"month": "date_trunc('month', day)"}
    assert orders.checks[0].action == "warn"
    keyed = orders.deduplicate
    assert not isinstance(keyed, str)
    assert (keyed.keys, keyed.order_by, keyed.keep, keyed.scope) == (
        ("id",),
        ("day",),
        "first",
        "table",
    )
    assert (orders.partition_by, orders.freshness) == (("day",), timedelta(days=1))
    assert config.alerts.pagerduty is not None
    assert config.alerts.pagerduty.routing_key.get_secret_value() == "123"
    assert config.alerts.slack is not None
    assert config.alerts.slack.webhook_url.get_secret_value().endswith("/x")


UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str, space: str) -> None:
    span = duration(f"{number}{space}{unit}")

    assert span == timedelta(milliseconds=number * UNITS[unit])


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=10**6)))
def test_a_duration_s_text_gives_the_duration_again(span: timedelta) -> None:
    text = duration_text(span)

    assert duration(text) == span


@pytest.mark.parametrize(
    "text", ["5", "5m", "-1s", "1h30min", "1 S", "s", "", "1s ", "½s", "٣s", "1e3s", "inf"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    lines = refused(f"\nbatch: {{max_wait: '{text}'}}")

    way_out = "write a number and ms, s, min, h or d, e.g. 100ms, 1s, 5min, 24h, 90d"
    assert lines == [f"2: batch.max_wait: not a duration: '{text}'; {way_out}"]


def test_a_duration_that_cannot_be_counted_is_refused() -> None:
    lines = refused("retention: {superseded: 999999999999999d}")

    assert "longer than Python can count" in lines[0]


@given(st.integers(0, 10**6), st.sampled_from("kMGT"), st.booleans())
def test_a_size_is_its_number_times_its_unit(number: int, unit: str, binary: bool) -> None:  # noqa: FBT001 (drawn)
    count = size(f"{number}{unit}{'i' if binary else ''}B")

    assert count == number * (1024 if binary else 1000) ** ("kMGT".index(unit) + 1)


@pytest.mark.parametrize("text", ["4G", "4 gigabytes", "-4GB", "iB", "4iB", "", "GB", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    lines = refused(f"batch: {{max_bytes: '{text}'}}")

    assert len(lines) == 1
    assert lines[0].startswith(f"1: batch.max_bytes: not a size: '{text}'; write a number and B")


def test_units_may_be_written_in_any_case() -> None:
    assert size("4gb") == size("4Gb") == 4 * 10**9
    assert size("1024") == size("1024 B") == 1024


@pytest.mark.parametrize("value", [True, 1.5, "x", []])
@pytest.mark.parametrize("setting", ["max_files", "max_bytes"])
def test_python_gives_numbers_as_numbers(setting: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Batch.model_validate({setting: value})


@pytest.mark.parametrize("value", ["5", 6, 1.5, True])
def test_python_gives_durations_as_timedeltas(value: object) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"batch": {"max_wait": value}})


def test_python_gives_values_as_they_are() -> None:
    settings = {"batch": {"max_wait": timedelta(seconds=3), "max_files": 3, "max_bytes": 3}}

    batch = Config.model_validate(settings).batch

    assert (batch.max_wait, batch.max_files, batch.max_bytes) == (timedelta(seconds=3), 3, 3)


def test_python_gives_bounds_as_they_are() -> None:
    given = [("date", date(2025, 9, 2)), ("double", 0.1)]
    low, high = (Column.model_validate({"type": kind, "min": b}).min for kind, b in given)

    assert (low, high) == (date(2025, 9, 2), Decimal("0.1"))
    with pytest.raises(ValidationError):
        Column.model_validate({"min": True})
    with pytest.raises(ValidationError):
        Column.model_validate({"min": []})


def test_a_place_on_s3_is_shown_as_its_url() -> None:
    assert str(S3Url.parse("s3://edp-source/a/b")) == "s3://edp-source/a/b/"


def test_settings_cannot_be_changed() -> None:
    config = Config()

    with pytest.raises(ValidationError, match="frozen"):
        config.name = "other"  # type: ignore[misc]


def test_places_on_s3_overlap_when_one_lies_in_the_other() -> None:
    source = S3Url("bucket", "in/")

    assert source.overlaps(S3Url("bucket"))
    assert source.overlaps(S3Url("bucket", "in/tables/"))
    assert not source.overlaps(S3Url("bucket", "inside/"))
    assert not source.overlaps(S3Url("other", "in/"))
