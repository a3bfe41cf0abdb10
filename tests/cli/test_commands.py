"""What each command prints and how it exits: the contract that scripts rely on."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import typer

from edp.cli.app import app, asked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

ORDERS = "id,amount,placed\n1,9.50,2025-01-02 03:04:05\n2,1,2025-01-03\n2,1,2025-01-03\n"
RECEIPT = {
    "key", "version", "dataset", "state", "rows_read", "rows_written", "rows_duplicate",
    "rows_filtered", "rows_rejected", "bytes", "run_id", "engine", "contract", "attempts", "error",
    "queryable_ms",
}  # fmt: skip


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS, "utf-8")
    return str(path)


@pytest.fixture
def loaded(edp: Callable[..., Ran], orders: str) -> Callable[..., Ran]:
    assert edp("ingest", orders, "--dataset", "orders").status == 0
    return edp


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    heavy = {"duckdb", "pyarrow", "boto3", "fastapi", "pyspark", "aws_cdk", "pandas", "structlog"}
    code = "import sys, edp.cli; print(*sys.modules)"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert heavy.isdisjoint(run.stdout.split())


def test_status_imports_no_engine(tmp_path: Path) -> None:
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules)); "
        "sys.argv[1:] = ['status']; import edp.cli; edp.cli.main()"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert "no files yet" in run.stdout
    assert {"duckdb", "structlog", "watchfiles"}.isdisjoint(run.stdout.split())


def test_ingest_prints_a_receipt_for_each_file(edp: Callable[..., Ran], orders: str) -> None:
    ran = edp("ingest", orders, "--dataset", "orders", "--json")

    (receipt,) = ran.json["files"]
    assert ran.status == 0
    assert receipt.keys() == RECEIPT
    assert (receipt["key"], receipt["state"], receipt["engine"]) == (
        "orders/orders.csv",
        "committed",
        "local",
    )
    assert (receipt["rows_read"], receipt["rows_written"], receipt["rows_duplicate"]) == (3, 2, 1)
    assert receipt["queryable_ms"] > 0


def test_the_same_bytes_again_get_the_prior_receipt(
    loaded: Callable[..., Ran], orders: str
) -> None:
    before = loaded("files", "--json").json["files"]

    ran = loaded("ingest", orders, "--dataset", "orders", "--json")

    assert ran.status == 0
    assert ran.json["files"] == [{**before[0], "unchanged": True}]


def test_a_file_that_cannot_be_read_is_an_exit_of_1_and_its_counts_are_null(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_bytes(b"PK\x03\x04\x00")

    ran = edp("ingest", str(tmp_path / "bad.csv"), "--dataset", "orders", "--json")

    (receipt,) = ran.json["files"]
    assert (ran.status, receipt["state"], receipt["rows_read"]) == (1, "dead", None)
    assert "bad.csv" in receipt["error"]


def test_two_files_for_one_key_are_refused_before_anything_is_put(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text(ORDERS, "utf-8")

    ran = edp("ingest", "x/a.csv", "y/a.csv", "--dataset", "orders")

    assert ran.status == 2
    assert "'orders/a.csv'" in ran.err
    assert edp("files", "--json").json == {"files": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "no.csv", "--dataset", "orders"), "no.csv"),
        (("ingest", ".", "--dataset", "edp_x"), "no table can be called 'edp_x'"),
        (("ingest", ".", "--dataset", "orders", "--engine", "flink"), "'flink'"),
        (("--on", "aws", "status"), "no runtimes.aws"),
        (("--workspace", "nowhere", "status"), "nowhere"),
        (("explain", "orders/none.csv"), "orders/none.csv"),
        (("table", "none"), "no table 'none'"),
        (("query", "SELEC 1"), "syntax error"),
        (("query", "SELECT * FROM none"), "There are:"),
        (("query", "DROP TABLE orders"), "one SELECT"),
        (("query", "SELECT 1; SELECT 2"), "one SELECT"),
        (("query", "SELECT * FROM read_csv('/etc/passwd')"), "disabled by configuration"),
        (("query", "SELECT 1", "--format", "parquet"), "--out"),
        (("dlq", "redrive"), "which dead letters"),
        (("dlq", "redrive", "abc"), "abc"),
        (("replay", "orders.csv"), "--bucket"),
        (("up", "--port", "8080"), "not available"),
        (("nonsense",), "nonsense"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_the_way_out(
    edp: Callable[..., Ran], orders: str, arguments: tuple[str, ...], said: str
) -> None:
    assert orders

    ran = edp(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_a_wrong_contract_exits_with_2_and_names_line_and_setting(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text("name: shop\ndatasets: {orders: {paht: 'x/**'}}\n", "utf-8")

    ran = edp("validate")

    assert ran.status == 2
    assert "edp.yaml:2" in ran.err
    assert "path" in ran.err


def test_validate_says_what_tables_on_aws_do_not_promise_and_only_then(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    place = "region: us-east-2, source: s3://my-source/, target: s3://my-target/"
    (tmp_path / "edp.yaml").write_text("name: shop\n", "utf-8")
    local, local_json = edp("validate"), edp("validate", "--json").json
    (tmp_path / "edp.yaml").write_text(f"name: shop\nruntimes: {{aws: {{{place}}}}}\n", "utf-8")

    aws, as_json = edp("validate"), edp("validate", "--json").json

    assert "promise" not in local.out
    assert local_json["not_promised"] == []
    assert "a column keeps the type that its first files made" in aws.out
    assert [one for one in as_json["not_promised"] if "its rows twice" in one]


@pytest.mark.parametrize(("catalog", "told"), [("crawler", 1), ("direct", 0)])
def test_validate_says_what_a_crawler_makes_of_partitions(
    edp: Callable[..., Ran], tmp_path: Path, catalog: str, told: int
) -> None:
    place = f"region: us-east-2, source: s3://my-in/, target: s3://my-out/, catalog: {catalog}"
    (tmp_path / "edp.yaml").write_text(
        f"name: shop\nruntimes: {{aws: {{{place}}}}}\n"
        "datasets: {orders: {columns: {day: {type: date}}, partition_by: [day]}}\n",
        "utf-8",
    )

    said = edp("validate", "--json").json["not_promised"]

    assert len([one for one in said if one.startswith("orders: a crawler finds")]) == told


def test_query_prints_json_with_iso_times_and_csv(loaded: Callable[..., Ran]) -> None:
    sql = "SELECT id, amount::decimal(9,2) AS amount, placed, _loaded_at FROM orders ORDER BY 1"

    as_json = loaded("query", sql, "--json").json
    as_csv = loaded("query", "SELECT id, placed FROM orders ORDER BY id", "--format", "csv").out

    assert as_json[0] | {"_loaded_at": ""} == {
        "id": 1, "amount": "9.50", "placed": "2025-01-02T03:04:05", "_loaded_at": "",
    }  # fmt: skip
    assert as_json[0]["_loaded_at"].endswith("+00:00")
    assert as_csv == "id,placed\n1,2025-01-02T03:04:05\n2,2025-01-03T00:00:00\n"


def test_query_hands_no_spreadsheet_a_formula_unless_asked_to(
    loaded: Callable[..., Ran],
) -> None:
    wide = "\uff1dx"
    sql = f"""SELECT * FROM (VALUES ('=1+1', -1.5), ('{wide}', -2.0), ('-5', -3.0)) t("@a", n)"""

    harmless = loaded("query", sql, "--format", "csv").out
    exact = loaded("query", sql, "--format", "csv", "--exact").out

    assert harmless == f"'@a,n\n'=1+1,-1.5\n'{wide},-2.0\n-5,-3.0\n"
    assert exact == f"@a,n\n=1+1,-1.5\n{wide},-2.0\n-5,-3.0\n"
    assert [one["@a"] for one in loaded("query", sql, "--json").json] == ["=1+1", wide, "-5"]


def test_query_sends_no_control_character_to_a_terminal(loaded: Callable[..., Ran]) -> None:
    shown = loaded("query", "SELECT 'a' || chr(27) || '[31m' || chr(10) || 'b' AS x").out

    assert "\x1b" not in shown
    assert r"a\x1b[31m\nb" in shown


def test_query_prints_what_has_parts_as_json_in_every_format(loaded: Callable[..., Ran]) -> None:
    sql = (
        "SELECT 1 AS n, [{'s': 'é \"q\"', 'd': 1.50, 't': TIMESTAMP '2025-01-02 03:04:05', "
        "'z': TIMESTAMPTZ '2025-01-02 03:04:05+01', 'b': true}, NULL] AS v"
    )
    parts = (
        '{"s": "é \\"q\\"", "d": "1.50", "t": "2025-01-02T03:04:05", '
        '"z": "2025-01-02T02:04:05+00:00", "b": true}'
    )

    printed = {one: loaded("query", sql, "--format", one).out for one in ("csv", "json", "table")}

    quoted = parts.replace('"', '""')
    assert printed["csv"] == f'n,v\n1,"[{quoted}, null]"\n'
    assert printed["json"] == f'[{{"n": 1, "v": [{parts}, null]}}]\n'
    head, _, row = printed["table"].splitlines()
    assert (head, row) == (" n   v", f" 1   [{parts}, null]")


def test_query_writes_parquet(loaded: Callable[..., Ran], tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"

    ran = loaded("query", "SELECT id FROM orders", "--format", "parquet", "--out", str(out))

    assert ran.status == 0
    assert duckdb.execute(f"SELECT sum(id) FROM '{out}'").fetchall() == [(3,)]


@pytest.mark.parametrize("name", ["files", "runs", "rejects", "events", "schema_changes"])
def test_the_records_of_the_work_can_be_asked_by_sql(loaded: Callable[..., Ran], name: str) -> None:
    ran = loaded("query", f"SELECT count(*) AS n FROM edp.{name}", "--json")

    assert ran.status == 0
    assert ran.json[0]["n"] >= 0


def test_a_command_prints_what_it_found_as_json_and_for_people(loaded: Callable[..., Ran]) -> None:
    key = "orders/orders.csv"
    said: dict[tuple[str, ...], Any] = {
        ("status",): lambda j: j["datasets"] == {"orders": {"committed": 1}},
        ("files",): lambda j: j["files"][0]["key"] == key,
        ("runs",): lambda j: j["runs"][0]["state"] == "committed",
        ("explain", key): lambda j: [h["state"] for h in j["history"]][-1] == "committed",
        ("tables",): lambda j: j["tables"][0]["rows"] == 2,
        ("table", "orders"): lambda j: (
            j["columns"][0] == {"name": "id", "type": "bigint", "comment": ""}
        ),
        ("dlq", "list"): lambda j: j == {"items": []},
        ("reconcile",): lambda j: j == {"objects": 1, "accepted": 0},
        ("crawl",): lambda j: j["adopted"] == [],
        ("run", "--until-idle"): lambda j: j["finished"] is True,
    }
    for arguments, true_of in said.items():
        ran = loaded(*arguments, "--json")
        people = loaded(*arguments)

        assert (ran.status, people.status) == (0, 0), arguments
        assert true_of(ran.json), (arguments, ran.json)
        assert people.out.strip(), arguments


def test_put_leaves_the_work_to_run(edp: Callable[..., Ran], orders: str) -> None:
    put = edp("put", orders, "--dataset", "orders")
    waiting = edp("status", "--json").json
    people = edp("status")
    ran = edp("run", "--until-idle")

    assert (put.status, ran.status) == (0, 0)
    assert (waiting["queue"], waiting["worker"]) == (1, None)
    assert "nobody works" in people.out
    assert "nobody works" not in edp("status").out
    assert edp("files", "--json").json["files"][0]["state"] == "committed"


def test_a_dead_file_is_redriven_once_the_contract_wants_it(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    source = tmp_path / "lake" / "source" / "invoices"
    source.mkdir(parents=True)
    (source / "a.csv").write_text(ORDERS, "utf-8")
    (tmp_path / "edp.yaml").write_text("datasets: {orders: {}}\n", "utf-8")
    failed = edp("run", "--until-idle")
    (item,) = edp("dlq", "list", "--json").json["items"]

    (tmp_path / "edp.yaml").write_text("datasets: {orders: {}, invoices: {}}\n", "utf-8")
    redriven = edp("dlq", "redrive", "--cause", item["cause_id"])
    ran = edp("run", "--until-idle")

    assert (failed.status, redriven.status, ran.status) == (1, 0, 0)
    assert item["reason"] == "no dataset"
    assert edp("dlq", "list", "--json").json == {"items": []}
    assert edp("tables", "--json").json["tables"][0]["name"] == "invoices"


def test_a_discarded_dead_letter_ends_its_version(edp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"\x00")
    edp("ingest", str(tmp_path / "bad.csv"), "--dataset", "orders")

    ran = edp("dlq", "discard", "--all")

    assert ran.status == 0
    assert edp("files", "--json").json["files"][0]["state"] == "discarded"


def test_crawl_adopts_what_others_put_into_the_target_and_notices_when_it_goes(
    loaded: Callable[..., Ran], tmp_path: Path
) -> None:
    folder = tmp_path / "lake" / "target" / "orders" / "day=2025-01-01"
    folder.mkdir(parents=True)
    path = folder / "theirs.parquet"
    duckdb.sql(f"COPY (SELECT 7 AS id, 1.5::double AS amount) TO '{path}' (FORMAT parquet)")

    adopted = loaded("crawl", "--json").json["adopted"]
    again = loaded("crawl", "--json").json["adopted"]
    rows = loaded("query", "SELECT id, day FROM orders WHERE day IS NOT NULL", "--json").json
    path.unlink()
    gone = loaded("crawl", "--json").json["gone"]

    assert adopted == gone == ["target/orders/day=2025-01-01/theirs.parquet"]
    assert again == []
    assert rows == [{"id": 7, "day": "2025-01-01"}]
    assert loaded("query", "SELECT count(*) AS n FROM orders", "--json").json == [{"n": 2}]


def test_nested_values_of_others_stand_beside_those_of_edp(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    contract = "datasets: {t: {columns: {v: {type: 'array<struct<a: bigint, b: string>>'}}}}"
    (tmp_path / "edp.yaml").write_text(contract, "utf-8")
    (tmp_path / "x.jsonl").write_text('{"v": [{"a": 1, "b": "x"}]}', "utf-8")
    edp("ingest", "x.jsonl", "--dataset", "t")
    path = tmp_path / "lake" / "target" / "t" / "theirs.parquet"
    query = "SELECT [{'a': 7::TINYINT, 'c': DATE '2025-01-02'}, NULL] AS v"
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")

    adopted = edp("crawl", "--json").json["adopted"]
    rows = edp("query", "SELECT v FROM t ORDER BY len(v)", "--json").json

    assert adopted == ["target/t/theirs.parquet"]
    assert rows == [
        {"v": [{"a": 1, "b": "x", "c": None}]},
        {"v": [{"a": 7, "b": None, "c": "2025-01-02"}, None]},
    ]


def test_an_adopted_file_that_others_write_anew_is_read_anew(
    loaded: Callable[..., Ran], tmp_path: Path
) -> None:
    folder = tmp_path / "lake" / "target" / "theirs"
    folder.mkdir()
    write = f"COPY (SELECT {{}}) TO '{folder / 'x.parquet'}' (FORMAT parquet)"
    duckdb.execute(write.format("1 AS a"))
    loaded("crawl")

    duckdb.execute(write.format("'two' AS b"))
    again = loaded("crawl", "theirs", "--json").json["adopted"]
    nothing = loaded("crawl", "theirs", "--json").json["adopted"]
    nowhere = loaded("crawl", "nowhere")

    assert (again, nothing) == (["target/theirs/x.parquet"], [])
    assert loaded("query", "SELECT b FROM theirs", "--json").json == [{"b": "two"}]
    assert (nowhere.status, "nowhere" in nowhere.err) == (2, True)


def test_init_writes_a_contract_that_validates_and_never_overwrites(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    made = edp("--workspace", "new", "init")
    valid = edp("--workspace", "new", "validate")
    again = edp("--workspace", "new", "init")

    assert (made.status, valid.status, again.status) == (0, 0, 2)
    assert (tmp_path / "new" / ".gitignore").read_text("utf-8") == "lake/\n.env\n"


def test_version_is_printed(edp: Callable[..., Ran]) -> None:
    assert edp("version", "--json").json == {"version": "0.1.0"}


def test_only_the_commands_that_are_named_are_made() -> None:
    every = typer.main.get_command(app).commands  # type: ignore[attr-defined]

    for name in every:
        made = typer.main.get_command(asked(["--workspace", "x", name, "y"]))
        assert name in getattr(made, "commands", [made.name]), name
    assert asked(["query", "SELECT 1"]) is not app
    assert [asked(words) for words in ([], ["--help", "query"], ["querry"])] == [app, app, app]
