"""Settings that come later are refused by name, never ignored."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import edp.core.contract.later
from edp.core.contract import Config, parse
from edp.core.contract.later import LATER, VERSION
from edp.core.contract.layout import settings_at
from tests.core.contract.refusal import refused

WHOLE = r"""
name: shop
runtimes:
  local: {root: lake, workers: 2, memory: 4GB, settle: 1s}
  aws:
    region: us-east-2
    source: s3://edp-source-09022025/source_files/
    target: s3://edp-target-09022025/target/
    engine: auto                           # auto | lambda | spark (Glue)
    catalog: crawler                       # crawler | direct
batch: {max_files: 1000, max_bytes: 256MB, max_wait: 1s, max_partitions: 1000}
retry: {max_attempts: 5, base: 2s, cap: 5min}
retention: {events: 90d, rejects: 90d, superseded: 1d}
datasets:
  orders:
    path: "orders/**"
    format: csv
    csv: {delimiter: auto, quote: '"', escape: '"', header: auto, encoding: auto, skip_rows: 0}
    nulls: ["", "NULL", "N/A", "\\N"]
    columns:
      order_id: {type: bigint, required: true}
      order_date: {type: timestamp, formats: ["%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %H:%M"]}
      order_customer_id: {type: bigint, rename: customer_id, min: 1}
      order_status: {type: string, case: upper, one_of: [CLOSED, COMPLETE, PENDING_PAYMENT]}
      card: {type: string, mask: sha256}
    derive: {order_day: "cast(order_date as date)"}
    where: "order_status <> 'TEST'"
    transform: transforms/orders.sql
    checks: [{name: positive, expr: "amount >= 0", action: reject}]
    deduplicate: {keys: [order_id], order_by: [order_date], keep: last, scope: file}
    partition_by: [order_day]
    table: parquet
    unknown_columns: add
    max_reject_ratio: 0.5
    freshness: 24h
alerts:
  pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}
  slack: {webhook_url: "${SLACK_WEBHOOK_URL}"}
"""
SECRETS = {
    "EDP_MASK_KEY": "k",
    "PAGERDUTY_ROUTING_KEY": "0123456789",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x",
}


def without_later(text: str, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> Config:
    with monkeypatch.context() as patched:
        patched.setattr(edp.core.contract.later, "LATER", ())
        return parse(text, environ=environ)


def test_the_whole_interface_is_understood() -> None:
    config = parse(WHOLE, environ=SECRETS)

    assert config.alerts.sinks == ("pagerduty", "slack")


def test_the_interface_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = without_later(WHOLE, monkeypatch, SECRETS)

    assert shown.runtimes.local == Config().runtimes.local
    assert (shown.batch, shown.retry, shown.retention) == (
        Config().batch,
        Config().retry,
        Config().retention,
    )
    orders, default = shown.dataset("orders"), Config().dataset("orders")
    for setting in ("csv", "nulls", "table", "unknown_columns", "max_reject_ratio"):
        assert getattr(orders, setting) == getattr(default, setting)


LATER_SETTINGS = [
    "datasets: {a: {deduplicate: {keys: [b], scope: table}}}",
    "datasets: {a: {table: iceberg}}",
]


@pytest.mark.parametrize("text", LATER_SETTINGS)
def test_a_setting_that_comes_later_is_refused_and_only_for_that(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = refused(text)

    (line,) = lines
    assert ": not available in this version (edp 0.1): " in line
    without_later(text, monkeypatch, {})


def test_every_row_of_the_table_has_its_test() -> None:
    refusals = [refused(text)[0] for text in LATER_SETTINGS]

    untested = [row for row in LATER if not any(row.way_out in told for told in refusals)]

    assert untested == []


def test_a_row_taken_out_of_the_table_makes_its_setting_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "datasets: {a: {table: iceberg, deduplicate: {keys: [b], scope: table}}}"
    rows = tuple(row for row in LATER if row.setting != "datasets.*.table")
    monkeypatch.setattr(edp.core.contract.later, "LATER", rows)

    lines = refused(text)

    assert [line.split(": ")[1] for line in lines] == ["datasets.a.deduplicate.scope"]


@pytest.mark.parametrize(
    "text",
    [
        "alarms: {oldest_message: 1min, reject_ratio: 1, disk_free: 10GB}",
        "datasets: {a: {freshness: 1h}}",
        "alerts: {}",
        "alerts: {slack: }",
        "batch: {max_partitions: 1000}",
        "retention: {events: 7d, rejects: 30d}",
        "runtimes: {local: {spark: {master: 'local[2]', conf: {spark.task.cpus: '2'}}}}",
        "datasets: {a: {derive: {}, checks: [], partition_by: [], where: }}",
        "datasets: {a: {csv: {skip_rows: 0, encoding: utf8, header: true}}}",
        "datasets: {a: {deduplicate: none, unknown_columns: ignore, format: csv}}",
        "datasets: {a: {columns: {b: {trim: true, formats: [], type: 'decimal(4,2)'}}}}",
        "datasets: {a: {columns: {b: {type: boolean}, c: {type: int}, d: {type: timestamptz}}}}",
        "datasets: {a: {columns: {b: {type: array<int>}, c: {type: 'struct<a: json>'}}}}",
        "runtimes: {aws: {region: us-east-2, source: s3://aaa, target: s3://bbb, engine: lambda}}",
    ],
)
def test_what_is_available_or_the_default_is_taken(text: str) -> None:
    parse(text, environ={})


def test_every_row_names_a_setting_that_there_is() -> None:
    for row in LATER:
        *group, name = row.setting.split(".")

        assert name in settings_at(tuple(group)), row.setting


def test_the_version_told_is_the_project_s() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())

    assert project["project"]["version"].startswith(f"{VERSION}.")
