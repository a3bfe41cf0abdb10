"""The work in pandas: the script that a pipeline begins as, with as much checking as the others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pandas as pd

from benchmarks.peers.arguments import arguments
from benchmarks.work import COLUMNS, FORMATS, NULLS, STATUSES

if TYPE_CHECKING:
    from pathlib import Path

_SPACE: Final = " \t\n\r\v\f"
_REQUIRED: Final = frozenset(
    ("order_id", "customer_id", "created_at", "updated_at", "status", "quantity", "unit_price")
)
_WHOLE: Final = ("order_id", "customer_id", "quantity")
_PRICES: Final = ("unit_price", "discount")


def _cast(texts: pd.DataFrame) -> pd.DataFrame:
    """The values of the texts, missing where a text is none of its column's."""
    values = texts.copy()
    for name in _WHOLE:
        whole = texts[name].where(texts[name].str.fullmatch(r"-?[0-9]+", na=False))
        values[name] = pd.to_numeric(whole, errors="coerce").astype("Int64")
    for name in _PRICES:
        values[name] = pd.to_numeric(texts[name], errors="coerce")
    created = pd.to_datetime(texts["created_at"], format=FORMATS[0], errors="coerce")
    for form in FORMATS[1:]:
        left = created.isna()
        created[left] = pd.to_datetime(texts["created_at"][left], format=form, errors="coerce")
    values["created_at"] = created
    values["updated_at"] = pd.to_datetime(texts["updated_at"], format=FORMATS[0], errors="coerce")
    return values


def _failing(texts: pd.DataFrame, values: pd.DataFrame) -> pd.Series:
    """The first column that breaks a rule, row by row; missing where none does."""
    found = pd.Series(index=values.index, dtype="string")
    for name in reversed(COLUMNS):
        bad = values[name].isna()
        if name not in _REQUIRED:
            bad &= texts[name].notna()
        if name == "status":
            bad |= ~values[name].isin(STATUSES)
        if name == "quantity":
            bad |= (values[name] < 1).fillna(value=False)
        found[bad] = name
    return found


def _file(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The good rows of a file, newest of each order, and its rejects."""
    read = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[])
    texts = read.apply(lambda column: column.str.strip(_SPACE))
    texts = texts.mask(texts.isin(NULLS))
    values = _cast(texts)
    failing = _failing(texts, values)
    bad = failing.notna()
    rejects = pd.DataFrame({"column_name": failing[bad]})
    rejects["value"] = pd.Series(index=rejects.index, dtype="string")
    for name, rows in rejects.groupby("column_name").groups.items():
        rejects.loc[rows, "value"] = texts.loc[rows, name]
    rejects["reason"] = "not what the column holds"
    rejects["raw"] = read[bad].agg(",".join, axis=1)
    newest = values[~bad].sort_values("updated_at", kind="stable")
    return newest.drop_duplicates("order_id", keep="last"), rejects


def do(paths: list[str], out: Path) -> None:
    """Read `paths`; write `out`/data by day, and `out`/rejects."""
    parts = [_file(path) for path in paths]
    good = pd.concat([part for part, _ in parts], ignore_index=True)
    rejects = pd.concat([part for _, part in parts], ignore_index=True)
    good["order_date"] = good["created_at"].dt.date
    good["order_hour"] = good["created_at"].dt.hour
    good["gross"] = (good["quantity"].astype("float64") * good["unit_price"]).round(2)
    good["is_large"] = good["gross"] >= 1000  # noqa: PLR2004 (the rule itself)
    (out / "rejects").mkdir()
    rejects.to_parquet(out / "rejects" / "0.parquet", compression="zstd", index=False)
    good.to_parquet(out / "data", compression="zstd", index=False, partition_cols=["order_date"])


def main() -> None:
    """Do the work, as the command line says."""
    given = arguments()
    do(given.paths, given.out)
    os._exit(0)  # its threads now and then crash an interpreter that ends in good order


if __name__ == "__main__":
    main()
