"""The pipeline from Python: it means what the commands mean, and needs none of them."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

import edp
from edp import ConfigError, EdpError, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edp import Receipt

CONTRACT = """
runtimes: {local: {settle: 0s}}
datasets:
  orders:
    columns: {id: {type: bigint, required: true}, day: {type: date}}
    unknown_columns: fail
"""
LINES = "id,day\n1,2026-01-05\n2,2026-01-06\n2,2026-01-06\nx,2026-01-07\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "edp.yaml").write_text(CONTRACT, "utf-8")
    return folder


@pytest.fixture
def pipeline(place: Path) -> Iterator[Pipeline]:
    with Pipeline.open(place / "edp.yaml", environ={}) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of orders."""

    def write(name: str = "a.csv", content: str = LINES) -> Path:
        path = tmp_path / name
        path.write_text(content, "utf-8")
        return path

    return write


# --- what an import costs, and brings -------------------------------------------------------------


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import sys, edp; print(*(m for m in sys.modules if m.startswith('edp')))"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["edp"]


def test_the_pipeline_needs_no_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LINES, "utf-8")
    code = (
        "import sys\nfrom edp import Pipeline\nwith Pipeline.open() as pipeline:\n"
        "    pipeline.ingest('a.csv', dataset='orders')\n"
        "    pipeline.rows('SELECT * FROM orders')\n"
        "print(*sys.modules)"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert {"edp.cli", "typer", "rich", "structlog", "pyarrow"}.isdisjoint(run.stdout.split())


def test_a_script_needs_no_guard_for_its_workers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LINES, "utf-8")
    script = tmp_path / "load.py"
    script.write_text(
        "from edp import Pipeline\n"
        "print(Pipeline.open().ingest('a.csv', dataset='orders')[0].state)\n",
        "utf-8",
    )

    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert run.stdout == "committed\n"


@pytest.mark.parametrize("name", edp.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(edp, name).__name__ == name
    assert name in dir(edp)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Pipelines'"):
        _ = edp.Pipelines  # type: ignore[attr-defined]


# --- opening --------------------------------------------------------------------------------------


def test_a_folder_and_its_contract_are_one_pipeline(place: Path) -> None:
    with Pipeline.open(place) as one, Pipeline.open(str(place / "edp.yaml")) as other:
        one.put(place / "edp.yaml", dataset="orders")
        other.run_until_idle()

        assert [f.key for f in one.files()] == ["orders/edp.yaml"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere", "nowhere"),
        ("nowhere/edp.yaml", "is not there"),
        ("orders.yaml", "a contract is called edp.yaml"),
    ],
)
def test_what_cannot_be_opened_is_named(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "orders.yaml").touch()

    with pytest.raises(ConfigError, match=said):
        Pipeline.open(tmp_path / path)


def test_settings_come_from_the_environment_that_is_given(place: Path) -> None:
    (place / "edp.yaml").write_text("name: ${SHOP}\n", "utf-8")

    with pytest.raises(ConfigError, match="SHOP"):
        Pipeline.open(place, environ={})
    Pipeline.open(place, environ={"SHOP": "shop"}).close()


def test_a_closed_pipeline_says_so(pipeline: Pipeline) -> None:
    pipeline.close()
    pipeline.close()

    with pytest.raises(ConfigError, match="closed"):
        pipeline.files()


# --- files come in --------------------------------------------------------------------------------


def test_ingest_answers_for_each_file_and_knows_the_same_bytes_again(
    pipeline: Pipeline, file: Callable[..., Path]
) -> None:
    (first,) = pipeline.ingest(file(), dataset="orders")
    (again,) = pipeline.ingest(file(), dataset="orders")

    assert (first.key, first.state, first.unchanged) == ("orders/a.csv", "committed", False)
    assert first.counts == edp.Counts(4, 2, 1, 0, 1)
    assert (again.counts, again.unchanged) == (first.counts, True)


def test_what_does_not_fit_raises_nothing(pipeline: Pipeline, file: Callable[..., Path]) -> None:
    receipts = pipeline.ingest(file("bad.csv", "a\0b"), file(), dataset="orders")

    assert [receipt.state for receipt in receipts] == ["dead", "committed"]
    assert receipts[0].error
    assert receipts[0].error.code == "unreadable file"


def test_put_only_puts_and_the_loop_loads(pipeline: Pipeline, file: Callable[..., Path]) -> None:
    assert pipeline.put(file(), dataset="orders") == ["orders/a.csv"]
    assert pipeline.files() == []

    rest = pipeline.run_until_idle()

    assert rest == edp.Rest(finished=True, dead_letters=())
    assert [receipt.state for receipt in pipeline.files()] == ["committed"]


def test_a_timeout_leaves_the_file_queued(pipeline: Pipeline, file: Callable[..., Path]) -> None:
    (receipt,) = pipeline.ingest(file(), dataset="orders", timeout=0)

    assert receipt.state == "queued"


@pytest.mark.parametrize("dataset", ["refunds", "edp_x"])
def test_a_dataset_that_the_contract_lacks_is_refused(
    pipeline: Pipeline, file: Callable[..., Path], dataset: str
) -> None:
    with pytest.raises(ConfigError, match=dataset):
        pipeline.ingest(file(), dataset=dataset)


# --- questions ------------------------------------------------------------------------------------


@pytest.fixture
def loaded(pipeline: Pipeline, file: Callable[..., Path]) -> Pipeline:
    pipeline.ingest(file(), dataset="orders")
    return pipeline


def test_a_query_is_an_arrow_table_with_the_tables_types(loaded: Pipeline) -> None:
    found = loaded.query("SELECT id, day, _loaded_at FROM orders ORDER BY id")

    assert [str(kind) for kind in found.schema.types] == [
        "int64",
        "date32[day]",
        "timestamp[us, tz=UTC]",
    ]
    assert found["id"].to_pylist() == [1, 2]


def test_rows_are_dicts_of_pythons_own_values(loaded: Pipeline) -> None:
    rows = loaded.rows("SELECT id, day, day FROM orders WHERE id = 1")

    assert rows == [{"id": 1, "day": date(2026, 1, 5), "day_2": date(2026, 1, 5)}]


def test_rows_need_no_pyarrow_and_a_query_says_what_it_needs(
    loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert loaded.rows("SELECT count(*) AS n FROM orders") == [{"n": 2}]
    with pytest.raises(ConfigError, match=r"edp\[arrow\]"):
        loaded.query("SELECT 1")


@pytest.mark.parametrize(
    "sql",
    ["SELEC 1", "SELECT * FROM none", "DROP TABLE orders", "SELECT CAST(day AS INT) FROM orders"],
)
def test_wrong_sql_is_a_config_error_whoever_asks(loaded: Pipeline, sql: str) -> None:
    for ask in (loaded.query, loaded.rows):
        with pytest.raises(ConfigError):
            ask(sql)


def test_an_answer_goes_into_a_parquet_file(loaded: Pipeline, tmp_path: Path) -> None:
    n = loaded.export("SELECT id FROM orders", tmp_path / "out.parquet")

    assert (n, parquet.read_table(tmp_path / "out.parquet").num_rows) == (2, 2)


# --- what there is, and once more -----------------------------------------------------------------


def test_receipts_are_chosen_by_state_and_dataset(
    loaded: Pipeline, file: Callable[..., Path]
) -> None:
    loaded.ingest(file("bad.csv", "a\0b"), dataset="orders")

    assert [receipt.key for receipt in loaded.files(state="dead")] == ["orders/bad.csv"]
    assert len(loaded.files(dataset="orders")) == 2
    assert loaded.files(dataset="none") == []


def test_tables_have_columns_with_the_contracts_types(loaded: Pipeline) -> None:
    orders, _rejects = loaded.tables()

    assert (orders.name, orders.rows) == ("orders", 2)
    assert [(c.name, c.type) for c in orders.columns][:2] == [("id", "bigint"), ("day", "date")]


def test_rejects_have_line_value_and_reason(loaded: Pipeline) -> None:
    (reject,) = loaded.rejects("orders")

    assert (reject["line"], reject["column_name"], reject["value"]) == (5, "id", "x")
    with pytest.raises(ConfigError, match="orders"):
        loaded.rejects("order")


def test_a_dead_letter_is_redriven_once_the_contract_is_mended(
    loaded: Pipeline, place: Path, file: Callable[..., Path]
) -> None:
    loaded.ingest(file("wide.csv", "id,more\n7,8\n"), dataset="orders")
    (letter,) = loaded.dead_letters()
    (place / "edp.yaml").write_text(CONTRACT.replace("fail", "ignore"), "utf-8")

    with Pipeline.open(place) as mended:
        sent = mended.redrive([letter])
        rest = mended.run_until_idle()

    assert (letter.key, sent, rest.finished) == ("orders/wide.csv", 1, True)
    assert loaded.dead_letters() == []
    assert loaded.rows("SELECT max(id) AS id FROM orders") == [{"id": 7}]


def test_dead_letters_are_all_redriven_unless_told_which(
    pipeline: Pipeline, file: Callable[..., Path]
) -> None:
    pipeline.ingest(file("a.csv", "\0"), file("b.csv", "\0\0"), dataset="orders")
    one, other = pipeline.dead_letters()

    assert pipeline.discard([one.id]) == 1
    assert pipeline.redrive([]) == 0
    assert pipeline.dead_letters() == [other]
    assert pipeline.redrive() == 1
    with pytest.raises(ConfigError, match=one.id):
        pipeline.redrive([one])


def test_a_retracted_file_is_out_until_it_is_put_again(
    loaded: Pipeline, file: Callable[..., Path]
) -> None:
    assert loaded.retract("orders/a.csv").state == "discarded"
    assert loaded.backfill() == []
    assert loaded.rows("SELECT * FROM orders") == []

    loaded.ingest(file(), dataset="orders")

    assert len(loaded.rows("SELECT * FROM orders")) == 2


@pytest.mark.usefixtures("loaded")
def test_a_backfill_reads_again_what_is_new_enough(place: Path) -> None:
    (place / "edp.yaml").write_text(CONTRACT.replace("bigint", "string"), "utf-8")
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    with Pipeline.open(place) as changed:
        none = changed.backfill("orders/", since=tomorrow)
        (receipt,) = changed.backfill("orders/", since=tomorrow - timedelta(days=2))

    assert none == []
    assert receipt.counts == edp.Counts(4, 3, 1, 0, 0)


# --- threads --------------------------------------------------------------------------------------


def test_threads_share_one_pipeline(pipeline: Pipeline, file: Callable[..., Path]) -> None:
    """They load and ask at once; whoever does not work waits, and goes on."""
    receipts: list[Receipt] = []
    errors: list[EdpError] = []

    def load(n: int) -> None:
        try:
            path = file(f"{n}.csv", f"id,day\n{n},2026-01-05\n")
            receipts.extend(pipeline.ingest(path, dataset="orders", timeout=60))
            pipeline.query("SELECT count(*) FROM orders")
        except EdpError as error:
            errors.append(error)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100.0)

    assert errors == []
    assert sorted((r.key, r.state) for r in receipts) == [
        (f"orders/{n}.csv", "committed") for n in range(4)
    ]
    assert pipeline.query("SELECT id FROM orders ORDER BY id")["id"].to_pylist() == [0, 1, 2, 3]
