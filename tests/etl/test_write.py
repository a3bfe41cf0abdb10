"""What is written is read back before anybody is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.etl.engine.session import session
from edp.etl.engine.write import Writer, check_rows, in_order

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = 64 << 20


def test_a_file_that_does_not_hold_its_rows_is_noticed(tmp_path: Path) -> None:
    query = f"SELECT 1 AS n, 't/a.csv' AS {SOURCE_FILE}, now() AS {LOADED_AT}"
    with session(str(tmp_path), memory=MEMORY, threads=1) as con, in_order(con):
        written = Writer(str(tmp_path), "run1", 1, "t").write(
            con, query, kind="data", name="0", schema={"n": "bigint"}, sources={"t/a.csv": 1}
        )
        check_rows(con, [written])

        with pytest.raises(RuntimeError, match="holds 1 rows instead of 2"):
            check_rows(con, [replace(written, rows=2)])
