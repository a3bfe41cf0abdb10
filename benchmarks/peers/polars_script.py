"""The work in Polars: one lazy scan on the streaming engine, into good rows and rejects at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from benchmarks.peers.arguments import arguments
from benchmarks.work import COLUMNS, FORMATS, NULLS, STATUSES

if TYPE_CHECKING:
    from pathlib import Path

_SPACE: Final = " \t\n\r\v\f"
_WHOLE: Final = r"^-?[0-9]+$"


def _text(name: str) -> pl.Expr:
    bare = pl.col(name).str.strip_chars(_SPACE)
    return pl.when(~bare.is_in(NULLS)).then(bare)


def _whole(text: pl.Expr, kind: type[pl.DataType]) -> pl.Expr:
    return text.cast(kind, strict=False)


def _moment(text: pl.Expr) -> pl.Expr:
    told = [text.str.to_datetime(one, strict=False, exact=True) for one in FORMATS]
    return pl.coalesce(told)


def _values() -> dict[str, pl.Expr]:
    text = {name: pl.col(f"{name}_") for name in COLUMNS}
    return text | {
        "order_id": _whole(text["order_id"], pl.Int64),
        "customer_id": _whole(text["customer_id"], pl.Int64),
        "created_at": _moment(text["created_at"]),
        "updated_at": text["updated_at"].str.to_datetime(FORMATS[0], strict=False, exact=True),
        "quantity": _whole(text["quantity"], pl.Int32),
        "unit_price": text["unit_price"].cast(pl.Decimal(10, 2), strict=False),
        "discount": text["discount"].cast(pl.Decimal(4, 2), strict=False),
    }


_FAILS: Final = {
    "order_id": pl.col("order_id").is_null(),
    "customer_id": pl.col("customer_id").is_null(),
    "created_at": pl.col("created_at").is_null(),
    "updated_at": pl.col("updated_at").is_null(),
    "status": ~pl.col("status").is_in(STATUSES).fill_null(value=False),
    "quantity": ~(pl.col("quantity") >= 1).fill_null(value=False),
    "unit_price": pl.col("unit_price").is_null(),
    "discount": pl.col("discount").is_null() & pl.col("discount_").is_not_null(),
}


def do(paths: list[str], out: Path) -> None:
    """Read `paths`; write `out`/data by day, and `out`/rejects."""
    read = pl.scan_csv(paths, infer_schema=False, include_file_paths="file")
    typed = read.with_columns(**{f"{name}_": _text(name) for name in COLUMNS}).with_columns(
        **{f"{name}0": pl.col(name) for name in COLUMNS}, **_values()
    )
    failed = pl.coalesce(
        *(pl.when(test).then(pl.lit(name)) for name, test in _FAILS.items()), pl.lit(None)
    )
    judged = typed.with_columns(column_name=failed)
    rejects = judged.filter(pl.col("column_name").is_not_null()).select(
        "column_name",
        value=pl.coalesce(
            pl.when(pl.col("column_name") == name).then(pl.col(f"{name}_")) for name in _FAILS
        ),
        reason=pl.lit("not what the column holds"),
        raw=pl.concat_str([f"{name}0" for name in COLUMNS], separator=",", ignore_nulls=True),
    )
    good = (
        judged.filter(pl.col("column_name").is_null())
        .select("file", *COLUMNS)
        .group_by("file", "order_id")
        .agg(pl.all().max_by("updated_at"))
    )
    gross = pl.col("quantity") * pl.col("unit_price")
    derived = good.select(
        *COLUMNS,
        order_date=pl.col("created_at").dt.date(),
        order_hour=pl.col("created_at").dt.hour().cast(pl.Int32),
        gross=gross.cast(pl.Decimal(12, 2)),
        is_large=gross >= 1000,  # noqa: PLR2004 (the rule itself)
    )
    (out / "rejects").mkdir()
    pl.collect_all(
        [
            rejects.sink_parquet(out / "rejects" / "0.parquet", compression="zstd", lazy=True),
            derived.sink_parquet(
                pl.PartitionBy(out / "data", key="order_date", include_key=True),
                compression="zstd",
                mkdir=True,
                lazy=True,
            ),
        ],
        engine="streaming",
    )


def main() -> None:
    """Do the work, as the command line says."""
    given = arguments()
    do(given.paths, given.out)


if __name__ == "__main__":
    main()
