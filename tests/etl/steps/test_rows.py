"""Keys, partitions and transforms: which rows of a file stay, and where they lie."""

# ruff: noqa: E501 (a table of texts)

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edp.core.contract import Dataset
from edp.core.errors import ConfigError
from edp.etl.engine import compile_contract, rewrite, run
from edp.etl.engine.running import TooManyPartitions
from edp.etl.port import Input, Job, Rewrite
from tests.etl.jobs import Ran, rows, run_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYED = {"k": {"type": "int"}, "t": {"type": "int"}, "v": {"type": "string"}}


def dataset(**settings: Any) -> Dataset:  # noqa: ANN401 (settings of every type)
    return Dataset.model_validate(settings)


def job(folder: Path, files: Mapping[str, bytes], contract: Dataset, **given: Any) -> Ran:  # noqa: ANN401
    """A job in a folder of its own, as `run_job`, but with any field of the job."""
    folder.mkdir()
    inputs = []
    for n, (key, data) in enumerate(files.items()):
        (folder / f"source-{n}").write_bytes(data)
        inputs.append(Input(key, str(folder / f"source-{n}")))
    (folder / "work").mkdir()
    return Ran(
        run(
            Job(
                run_id="run1",
                fence=1,
                dataset="things",
                contract=contract,
                inputs=inputs,
                workdir=str(folder / "work"),
                loaded_at=0.0,
                **given,
            )
        )
    )


# --- keys -----------------------------------------------------------------------------------------

Record = tuple[int, int | None, str]


def survivors(records: Sequence[Record], keep: str) -> list[Record]:
    """What stays of one file: the first or last of each key by t, nothing in t after all."""
    best: dict[int, tuple[Any, Record]] = {}
    for n, record in enumerate(records):
        k, t, _ = record
        if keep == "last":
            rank: Any = (t is not None, t or 0, n)
        else:
            rank = (t is not None, -(t or 0), -n)
        if k not in best or rank > best[k][0]:
            best[k] = rank, record
    return sorted(record for _, record in best.values())


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    records=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.integers(-2, 2), st.sampled_from("ab")),
        min_size=1,
        max_size=30,
    ),
    keep=st.sampled_from(["first", "last"]),
)
def test_one_row_per_key_stays_in_the_stated_order_then_by_place(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], keep: str
) -> None:
    data = "k,t,v\n" + "".join(f"{k},{'' if t is None else t},{v}\n" for k, t, v in records)
    how = {"keys": ["k"], "order_by": ["t"], "keep": keep}

    ran = run_job(
        tmp_path_factory.mktemp("k"), {"a": data.encode()}, columns=KEYED, deduplicate=how
    )

    found = ran.rows("k, t, v")
    assert sorted(found, key=str) == sorted(survivors(records, keep), key=str)
    assert ran.outcome.counts.rows_duplicate == len(records) - len(found)


def test_ties_end_the_same_with_any_threads_and_any_batch(tmp_path: Path) -> None:
    chance = random.Random(7)
    files = {
        f"f{n}": (
            "k,t,v\n"
            + "".join(f"{chance.randrange(900)},{chance.randrange(3)},{i}\n" for i in range(3000))
        ).encode()
        for n in range(3)
    }
    contract = dataset(columns=KEYED, deduplicate={"keys": ["k"], "order_by": ["t"]})

    together = [
        Counter(job(tmp_path / f"all{threads}", files, contract, threads=threads).rows())
        for threads in (1, 2, 4)
    ]
    alone = sum(
        (Counter(job(tmp_path / key, {key: data}, contract).rows()) for key, data in files.items()),
        Counter[tuple[Any, ...]](),
    )

    assert together == [alone] * 3


def test_keys_are_compared_as_values_within_a_file_after_where(tmp_path: Path) -> None:
    columns = {"k": {"type": "decimal(4,2)", "rename": "key"}, "v": {"type": "int"}}
    files = {"a": b"k,v\n1.5,1\n1.50,2\n1.5,9\n", "b": b"k,v\n1.5,3\n,4\n"}

    ran = run_job(
        tmp_path, files, columns=columns, where="v < 9", deduplicate={"keys": ["k"]},
        max_reject_ratio=1,
    )  # fmt: skip

    assert ran.rows("v, _source_file") == [(2, "a"), (3, "b")]
    assert ran.rejects("line, column_name, reason") == [
        (3, "key", "no key: a column of `deduplicate.keys` may not be empty")
    ]


def test_none_keeps_every_record(tmp_path: Path) -> None:
    ran = run_job(tmp_path, {"a": b"a\n1\n1\n"}, deduplicate="none")

    assert ran.outcome.counts.rows_written == 2


# --- partitions -----------------------------------------------------------------------------------

VALUES = [
    "a", "A", "a/b", "..", ".", "a b", "é", "%2F", "a=b", "'", '"', "\n", "__HIVE_DEFAULT_PARTITION__",
    "", "x" * 80, "*", "[x]", "\\", "😀", "#", "?",
]  # fmt: skip


@pytest.mark.parametrize("partition_by", [[], ["d"]])
def test_rows_lie_in_the_order_of_sort_by(tmp_path: Path, partition_by: list[str]) -> None:
    text = b"n,c1,d\n3,b,x\n10,a,x\n,a,x\n2,b,x\n2,a,x\n"

    done = run_job(
        tmp_path,
        {"t/a.csv": text},
        columns={"n": {"type": "int"}, "c1": {"mask": "last4"}, "d": {"type": "string"}},
        sort_by=["n", "c1"],
        partition_by=partition_by,
        deduplicate="none",
    )

    assert [row[0] for row in done.rows("n")] == [2, 2, 3, 10, None]
    assert {row[0] for row in done.rows("c1")} == {"****"}


@pytest.mark.parametrize(
    "settings", [{"sort_by": ["typo"]}, {"sort_by": ["p"]}, {"sort_by": ["n", "p"]}]
)
def test_a_file_is_sorted_by_columns_that_there_are_and_that_have_an_order(
    settings: dict[str, list[str]],
) -> None:
    columns = {"n": {"type": "int"}, "p": {"type": "array<int>"}}

    with pytest.raises(ConfigError, match=r"sort_by\."):
        compile_contract(Dataset.model_validate({"columns": columns, **settings}))


def test_partitions_have_hostile_values_and_lose_no_row(tmp_path: Path) -> None:
    data = "p,n\n" + "".join(
        f'"{value.replace(chr(34), chr(34) * 2)}",{n}\n' for n, value in enumerate(VALUES * 2)
    )
    columns = {"p": {"type": "string", "trim": False}, "n": {"type": "int"}}

    ran = run_job(
        tmp_path, {"k": data.encode()}, columns=columns, partition_by=["p"], nulls=["NULL"]
    )

    folders = {file.partition: file for file in ran.files("data")}
    assert len(folders) == len(VALUES) == len(ran.files("data"))
    for folder, file in folders.items():
        assert Path(file.path).parent.name == folder
        name, _, encoded = folder.partition("=")
        found = {value for (value,) in rows(file, "p")}
        wanted = "" if encoded == "__HIVE_DEFAULT_PARTITION__" else unquote(encoded)
        assert (name, found) == ("p", {wanted})
        assert file.rows == 2
    assert sum(file.sources["k"] for file in folders.values()) == ran.outcome.counts.rows_written


def test_partitions_of_several_columns_files_and_types(tmp_path: Path) -> None:
    files = {"a": b"d,b,n\n2025-1-2,yes,1\n,no,2\n2025-01-02,Y,3\n", "b": b"d,n\n2025/1/2,4\n"}
    columns = {"d": {"type": "date"}, "b": {"type": "boolean"}, "n": {"type": "int"}}

    ran = run_job(tmp_path, files, columns=columns, partition_by=["d", "b"])

    assert sorted((f.partition, dict(f.sources)) for f in ran.files("data")) == [
        ("d=2025-01-02/b=__HIVE_DEFAULT_PARTITION__", {"b": 1}),
        ("d=2025-01-02/b=true", {"a": 2}),
        ("d=__HIVE_DEFAULT_PARTITION__/b=false", {"a": 1}),
    ]
    assert [n for f in ran.files("data") if "true" in f.partition for (n,) in rows(f, "n")] == [
        1,
        3,
    ]


def test_too_many_partitions_fail_the_file_or_part_the_run(tmp_path: Path) -> None:
    contract = dataset(columns={"p": {"type": "int"}}, partition_by=["p"])
    files = {"a": b"p\n1\n2\n", "b": b"p\n3\n"}

    with pytest.raises(TooManyPartitions):
        job(tmp_path / "together", files, contract, max_partitions=2)
    alone = job(tmp_path / "alone", {"a": files["a"]}, contract, max_partitions=2)
    over = job(tmp_path / "over", files, contract, max_partitions=1)

    assert alone.outcome.counts.rows_written == 2
    assert over.outcomes["a"].failure is not None
    assert over.outcomes["a"].failure.code == "partition limit exceeded"
    assert over.rows("p") == [(3,)]


def test_a_rewritten_file_stays_in_its_partition_with_its_own_values(tmp_path: Path) -> None:
    files = {"a": b'p,n\n"",1\n', "b": b'p,n\n"",2\n'}
    columns = {"p": {"type": "string"}, "n": {"type": "int"}}
    ran = run_job(tmp_path, files, columns=columns, nulls=["NULL"], partition_by=["p"])
    (file,) = ran.files("data")

    task = Rewrite(
        "run2", 1, "things", (file,), (file.path,), frozenset({"a"}), str(tmp_path / "again")
    )
    again = rewrite(task)

    assert again.partition == "p=__HIVE_DEFAULT_PARTITION__"
    assert rows(again, "p, n") == [("", 2)]


# --- transforms -----------------------------------------------------------------------------------

PLAIN = {"a": {"type": "int"}, "b": {"type": "string"}}


def transformed(text: str, name: str = "t.sql", **settings: Any) -> Dataset:  # noqa: ANN401
    contract = {"columns": PLAIN, "transform": name} | settings
    return dataset(**contract).with_transform(text)


def test_a_transform_sees_one_file_s_good_rows_and_makes_the_table_s_columns(
    tmp_path: Path,
) -> None:
    contract = transformed(
        "WITH big AS (SELECT * FROM input WHERE a > 1)\n"
        "SELECT a, count(*) OVER () AS all_rows, upper(b) AS name FROM big ORDER BY a; -- end",
        where="a < 10",
    )
    files = {"k": b"a,b\n1,x\n2,y\n3,z\n3,z\n99,q\nx,y\n", "l": b"b,a\ny,5\n", "m": b"a,b\n"}

    together = job(tmp_path / "all", files, contract)

    assert together.rows("a, all_rows, name, _source_file") == [
        (2, 2, "Y", "k"), (3, 2, "Z", "k"), (5, 1, "Y", "l"),
    ]  # fmt: skip
    counts = together.outcomes["k"].counts
    assert (counts.rows_read, counts.rows_written, counts.rows_filtered) == (6, 2, 2)
    assert (counts.rows_rejected, counts.rows_duplicate) == (1, 1)
    assert together.outcomes["m"].counts.rows_read == 0
    assert [c.name for c in together.outcomes["m"].profile] in (["a", "all_rows", "name"], [])


def test_a_python_transform_is_given_a_relation_and_gives_one(tmp_path: Path) -> None:
    text = "def keep(rows):\n    return rows.filter('a > 1').project('a, a * 2 AS twice')\n"
    contract = transformed(text, "transforms/t.py:keep", partition_by=["twice"])

    ran = job(tmp_path / "j", {"k": b"a,b\n1,x\n2,y\n"}, contract)

    assert ran.rows("a, twice") == [(2, 4)]
    assert [f.partition for f in ran.files("data")] == ["twice=4"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.sql", "SELECT a FROM input UNION ALL SELECT a FROM input", "made 2 rows of 1"),
        ("t.sql", "SELECT CAST(b AS INT) AS b FROM input", "Conversion"),
        ("t.py:f", "def f(rows): return 5", "no DuckDB relation"),
        ("t.py:f", "def f(rows): raise ValueError('of mine')", "ValueError: of mine"),
        ("t.py:f", "def f(rows): raise SystemExit", "SystemExit"),
        ("t.py:f", "def f(rows): return rows.project('a AS \"No\"')", "'No'"),
        ("t.py:f", "def f(rows): return rows.project('map {a: a} AS l')", "MAP("),
        ("t.py:f", "def f(rows): return rows.project('a AS _source_file')", "_source_file"),
    ],
)
def test_a_transform_that_fails_on_a_file_fails_that_file(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    ran = job(tmp_path / "j", {"k": b"a,b\n1,x\n"}, transformed(text, name))

    failure = ran.outcome.failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("transform failed", True)
    assert failure.message.startswith("k: ")
    assert said in failure.message
    assert ran.result.staged == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT content FROM read_text('/proc/self/environ')",
        "COPY input TO '/tmp/edp-out.csv'",
        "SELECT * FROM glob('/etc/*')",
        "ATTACH '/tmp/x.db'",
        "SELECT 1 AS a; SELECT 2 AS a",
        "INSTALL httpfs",
        "SELECT * FROM texts_0",
        "SELECT nothing FROM input",
        "SELEC",
        "",
    ],
)
def test_a_transform_reads_nothing_but_its_input(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_contract(transformed(text))

    assert str(caught.value).startswith("transform: t.sql: ")


def test_the_contract_s_hash_follows_the_transform_s_text() -> None:
    assert transformed("SELECT 1").hash() != transformed("SELECT 2").hash()


# --- batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings_",
    [
        {"derive": {"x": "k * t"}, "where": "t <> 1", "checks": [{"name": "c", "expr": "k <> 2"}]},
        {"deduplicate": {"keys": ["k"], "order_by": ["t"], "keep": "first"}, "partition_by": ["t"]},
        {"transform": "t.sql", "partition_by": ["n"]},
    ],
    ids=str,
)
def test_batching_changes_no_row_and_no_count(tmp_path: Path, settings_: dict[str, Any]) -> None:
    text = "SELECT k, count(*) AS n, max(v) AS v FROM input GROUP BY k"
    contract = dataset(columns=KEYED, max_reject_ratio=1, **settings_).with_transform(text)
    files = {
        "a": b"k,t,v\n1,1,a\n1,2,b\n2,2,c\nx,1,d\n3,,e\n3,,e\n",
        "b": b"t,k,v\n1,1,a\n2,1,q\n,,\n",
        "c": b"k,v\n1,z\n1,z\n5,z\n",
    }

    together = job(tmp_path / "all", files, contract)
    alone = [job(tmp_path / key, {key: data}, contract) for key, data in files.items()]

    def told(ran: Ran, kind: str) -> Counter[Any]:
        found: Counter[Any] = Counter()
        for file in ran.files(kind):
            names = sorted(file.schema)
            if kind == "rejects":
                names.remove("run_id")
            chosen = ", ".join(f'"{n}"::VARCHAR' for n in names)
            key = "_source_file" if kind == "data" else "source_file"
            found.update(
                (file.partition, tuple(names), *row) for row in rows(file, f"{chosen}, {key}")
            )
        return found

    for kind in ("data", "rejects"):
        assert told(together, kind) == sum((told(ran, kind) for ran in alone), Counter())
    assert [o.counts for o in together.result.outcomes] == [ran.outcome.counts for ran in alone]
    assert all(o.counts.conserved for o in together.result.outcomes)
