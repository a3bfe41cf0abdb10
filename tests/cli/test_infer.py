"""What `edp infer` proposes is a contract that validates and reads the samples without a reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

ORDERS = """Order ID,Placed,Paid,Code,Price
1,1/31/2025,31.01.2025,07,1.5
2,2/1/25,01.02.2025,8,2
3,2025-02-02,02.02.2025,9,
"""


def test_types_formats_and_keys_are_proposed_with_the_evidence(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "orders_1.csv").write_text(ORDERS, "utf-8")

    ran = edp("infer", "orders_1.csv", "--json")

    columns = {c["name"]: (c["type"], c["formats"]) for c in ran.json["columns"]}
    assert ran.json["dataset"] == "orders"
    assert columns == {
        "order_id": ("bigint", []),
        "placed": ("date", ["%m/%d/%Y", "%m/%d/%y"]),
        "paid": ("date", ["%d.%m.%Y"]),
        "code": ("string", []),
        "price": ("double", []),
    }
    assert ran.json["keys"][0] == "order_id"
    assert "price" not in ran.json["keys"]
    assert [c["empty"] for c in ran.json["columns"]] == [0, 0, 0, 0, 1]


def test_the_proposal_validates_and_rejects_none_of_the_samples(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "orders_1.csv").write_text(ORDERS, "utf-8")
    proposed = edp("infer", "orders_1.csv", "--dataset", "orders").out

    (tmp_path / "edp.yaml").write_text(proposed, "utf-8")
    valid = edp("validate")
    loaded = edp("ingest", "orders_1.csv", "--dataset", "orders", "--json")

    (receipt,) = loaded.json["files"]
    assert valid.status == 0, valid.err
    assert (receipt["rows_written"], receipt["rows_rejected"]) == (3, 0)
    days = edp("query", "SELECT placed, paid FROM orders ORDER BY order_id", "--json").json
    assert days[0] == {"placed": "2025-01-31", "paid": "2025-01-31"}


def test_names_that_never_stand_together_and_are_alike_are_proposed_as_one(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id,lat\n1,1.5\n", "utf-8")
    (tmp_path / "b.csv").write_text("id,latitude\n1,1.5\n", "utf-8")

    ran = edp("infer", "a.csv", "b.csv", "--dataset", "t", "--json")

    assert ran.json["aliases"] == [["lat", "latitude"]]


def test_a_sample_that_cannot_be_read_is_said(edp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a\x00")

    ran = edp("infer", "a.csv")

    assert (ran.status, "NUL" in ran.err) == (2, True)
