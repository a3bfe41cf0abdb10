"""Rows in DynamoDB: whoever read the newest revision writes, and a lost answer is no lost write."""

from __future__ import annotations

from typing import Any

import pytest

from edp.backends.boto import Service
from edp.backends.dynamo import Row, Table, changed, tries
from edp.core.errors import Throttled
from tests.aws_sim import client
from tests.conformance.ledgers import dynamo_table


def read(table: Table, sk: str = "b") -> Row:
    row = table.get("a", sk)
    assert row is not None
    return row


def test_a_row_comes_back_as_it_was_written() -> None:
    table = dynamo_table()
    doc = {"float": 0.1, "time": 1767960000.123456, "int": 3, "none": None, "text": "ü\0", "l": [1]}

    written = table.put(Row("a", "b", doc, {"work": ("group", 1.5)}, {"n": 1}))

    assert written
    assert read(table) == Row("a", "b", doc, {"work": ("group", 1.5)}, {"n": 1}, rev=1)


def test_only_who_read_the_newest_revision_writes() -> None:
    table = dynamo_table()
    assert table.put(Row("a", "b", {"n": 1}))
    first, second = read(table), read(table)

    results = [table.put(changed(first, n=2)), table.put(changed(second, n=3))]

    assert results == [True, False]
    assert read(table).doc == {"n": 2}
    assert not table.put(Row("a", "b", {"n": 4}))


def test_a_transaction_writes_all_rows_or_none() -> None:
    table = dynamo_table()
    table.put(Row("a", "b"))

    stale = table.put_all([Row("a", "c"), Row("a", "b")])
    fresh = table.put_all([Row("a", "c"), read(table)])

    assert (stale, fresh) == (False, True)
    assert [(row.sk, row.rev) for row in table.query("a")] == [("b", 2), ("c", 1)]


def test_a_write_whose_answer_was_lost_is_known_as_ones_own_when_it_is_made_again() -> None:
    name = dynamo_table()._name  # noqa: SLF001

    class Lossy:
        """botocore makes a call again whose answer did not come."""

        meta = client("dynamodb").meta

        def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 (boto3's)
            return getattr(client("dynamodb"), operation)

        def put_item(self, **given: object) -> object:
            client("dynamodb").put_item(**given)
            return client("dynamodb").put_item(**given)

    table = Table(Service(Lossy()), name)

    assert table.put(Row("a", "b", {"n": 1}))
    assert table.put(changed(read(table), n=2))
    assert (read(table).doc, read(table).rev) == ({"n": 2}, 2)


def test_rows_are_found_by_group_in_order_and_only_as_long_as_they_name_it() -> None:
    table = dynamo_table()
    for sk, n in (("x", 3.0), ("y", 1.0), ("z", 2.0)):
        table.put(Row("a", sk, index={"work": ("g", n)}, brief={"sk": sk}))
    table.put(Row("a", "other", index={"work": ("h", 0.0)}))

    found = [row.brief["sk"] for row in table.find("work", "g")]
    above = [row.sk for row in table.find("work", "g", above=1.0, newest_first=True)]
    row = read(table, "z")
    table.put(Row("a", "z", row.doc, rev=row.rev))

    assert (found, above) == (["y", "z", "x"], ["x", "z"])
    assert [row.sk for row in table.find("work", "g")] == ["y", "x"]


def test_more_rows_than_one_call_gets_are_got() -> None:
    table = dynamo_table()
    keys = [("a", f"{n:03}") for n in range(101)]
    table.put_each([Row(*key) for key in keys])

    found = table.get_all([*keys, ("a", "none"), keys[0]])

    assert sorted(found) == keys


def test_a_counter_counts_and_starts_at_nothing() -> None:
    table = dynamo_table()

    assert (table.count("c", "n"), table.add("c", "n", 2), table.add("c", "n", 3)) == (0, 2, 5)
    assert table.count("c", "n") == 5


def test_whoever_is_beaten_every_time_is_asked_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)

    with pytest.raises(Throttled, match="again and again"):
        list(tries())

    assert max(naps) == 0.5
    assert len(naps) == 30
