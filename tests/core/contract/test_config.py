"""The contract as a value: its hash, its way between processes, its schema, its file."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edp.core.contract import Config, ContractError, Dataset, load, parse, schema
from edp.core.contract.document import read
from edp.core.contract.findings import checked
from edp.core.errors import ConfigError
from tests.core.contract.test_later import SECRETS, WHOLE


def dataset(settings: str) -> Dataset:
    config, findings = checked(read(f"datasets: {{a: {settings}}}", {}))
    assert findings == []
    return config.dataset("a")


def test_the_hash_is_twelve_hex_digits_and_stays_over_versions() -> None:
    assert Dataset().hash() == "44136fa355b3"  # of '{}', as sha256sum says
    assert dataset("{columns: {id: {type: bigint}}}").hash() == "94f28476d344"
    assert dataset("{format: csv, csv: {header: true}}").hash() == "c2cff59ae7a6"


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "{path: x/**}",
        "{freshness: 1h}",
        "{table: iceberg}",
        "{nulls: ['', 'NULL', 'N/A', '\\N'], deduplicate: exact, csv: {delimiter: auto}}",
    ],
)
def test_settings_that_change_no_row_change_no_hash(settings: str) -> None:
    assert dataset(settings).hash() == Dataset().hash()


def test_settings_that_change_rows_change_the_hash() -> None:
    settings = [
        "{}",
        "{format: csv}",
        "{csv: {delimiter: ';'}}",
        "{csv: {header: true}}",
        "{nulls: []}",
        "{columns: {a: , b: }}",
        "{columns: {b: , a: }}",
        "{columns: {a: {type: int}}}",
        "{columns: {a: {type: bigint}}}",
        "{columns: {a: {type: bigint, required: true}}}",
        "{columns: {a: {type: bigint, min: 1}}}",
        "{columns: {a: {type: date, min: 2020-01-01}}}",
        "{columns: {a: {type: double, min: 0.5}}}",
        "{derive: {x: '1', y: '2'}}",
        "{derive: {y: '2', x: '1'}}",
        "{where: a}",
        "{deduplicate: none}",
        "{deduplicate: {keys: [a, b]}}",
        "{deduplicate: {keys: [b, a]}}",
        "{unknown_columns: ignore}",
        "{max_reject_ratio: 1}",
        "{partition_by: [a]}",
    ]

    hashes = {dataset(one).hash() for one in settings}

    assert len(hashes) == len(settings)


def test_spelling_changes_no_hash() -> None:
    spelled = dataset("{columns: {a: {type: 'DECIMAL( 10, 2 )', required: False}}}")

    assert spelled.hash() == dataset("{columns: {a: {type: 'decimal(10,2)'}}}").hash()


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from edp.core.contract import Dataset; print(Dataset(nulls=('a', 'b')).hash())"

    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert hashes == {Dataset(nulls=("a", "b")).hash()}


def _seen(config: Config) -> tuple[str | None, str, str]:
    slack = config.alerts.slack
    secret = slack.webhook_url.get_secret_value() if slack else ""
    return config.dataset_for("orders/a.csv"), config.dataset("orders").hash(), secret


def test_a_contract_travels_to_worker_processes() -> None:
    config, _ = checked(read(WHOLE, SECRETS))
    context = multiprocessing.get_context("forkserver")

    with context.Pool(1) as pool:
        again = pool.apply(_again, (config,))
        seen = pool.apply(_seen, (config,))

    assert again == config
    assert seen == ("orders", config.dataset("orders").hash(), SECRETS["SLACK_WEBHOOK_URL"])


def _again(config: Config) -> Config:
    return config


def test_importing_the_contract_loads_no_engine_and_no_console() -> None:
    code = "import sys, edp.core.contract; print(*sys.modules)"

    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()

    assert not {"duckdb", "rich", "typer", "apsw", "pyarrow"} & set(modules)


def test_the_schema_is_json_and_describes_what_is_written() -> None:
    described = json.loads(json.dumps(schema()))

    wait = described["$defs"]["Batch"]["properties"]["max_wait"]
    assert (wait["type"], wait["default"]) == ("string", "1s")
    assert described["additionalProperties"] is False
    assert set(described["properties"]) == set(Config.model_fields)


def test_a_contract_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: shop\r\nbatch:\r\n  max_files: 7\r\n")

    config = load(path, environ={})

    assert (config.name, config.batch.max_files) == ("shop", 7)


def test_problems_of_a_file_are_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("nam: shop")

    with pytest.raises(ContractError, match=r"^shop.yaml:1: nam: "):
        load(path, environ={})


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"edp.yaml: there is no such file; `edp init` writes one"
    ):
        load(tmp_path / "edp.yaml", environ={})


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, environ={})


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "edp.yaml"
    path.write_bytes("name: shop\n# größe\n".encode("latin-1"))

    with pytest.raises(ConfigError, match=r"edp.yaml:2: not UTF-8; save it as UTF-8"):
        load(path, environ={})


def test_what_is_written_and_what_python_builds_are_equal() -> None:
    read_ = parse("datasets: {a: {nulls: [x], columns: {b: {type: int}}}}", environ={})

    built = Config.model_validate(
        {
            "datasets": {
                "a": Dataset.model_validate({"nulls": ("x",), "columns": {"b": {"type": "int"}}})
            }
        }
    )

    assert read_ == built
