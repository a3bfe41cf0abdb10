"""The work: orders in CSV become one clean row per order, in Parquet by day; bad rows are kept.

Every peer does this much: outer white space off, null tokens to NULL, exact casts, three formats
of `created_at`, rules; four derived columns; of the good rows of a file the newest of each order;
zstd Parquet by `order_date`; rejected rows with column, value, reason and raw text.
"""

from __future__ import annotations

from typing import Final

COLUMNS: Final = (
    "order_id",
    "customer_id",
    "created_at",
    "updated_at",
    "status",
    "country",
    "currency",
    "quantity",
    "unit_price",
    "discount",
    "customer",
    "note",
)
DERIVED: Final = ("order_date", "order_hour", "gross", "is_large")
FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%Y%m%dT%H%M%S")
STATUSES: Final = ("CLOSED", "COMPLETE", "PENDING_PAYMENT", "PROCESSING", "SHIPPED")
NULLS: Final = ("", "NULL", "N/A", "\\N")

TYPES: Final = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "created_at": "TIMESTAMP",
    "updated_at": "TIMESTAMP",
    "status": "VARCHAR",
    "country": "VARCHAR",
    "currency": "VARCHAR",
    "quantity": "INTEGER",
    "unit_price": "DECIMAL(10,2)",
    "discount": "DECIMAL(4,2)",
    "customer": "VARCHAR",
    "note": "VARCHAR",
    "order_date": "DATE",
    "order_hour": "INTEGER",
    "gross": "DECIMAL(12,2)",
    "is_large": "BOOLEAN",
}
"""DuckDB's types of the table's columns; a peer may write others that hold the same values."""

DATASET: Final = "orders"
CONTRACT: Final = f"""\
name: bench
runtimes: {{local: {{memory: MEMORY, settle: 0s}}}}
datasets:
  {DATASET}:
    columns:
      order_id: {{type: bigint, required: true}}
      customer_id: {{type: bigint, required: true}}
      created_at: {{type: timestamp, required: true, formats: ["{FORMATS[1]}", "{FORMATS[2]}"]}}
      updated_at: {{type: timestamp, required: true}}
      status: {{type: string, required: true, one_of: [{", ".join(STATUSES)}]}}
      country: {{type: string}}
      currency: {{type: string}}
      quantity: {{type: int, required: true, min: 1}}
      unit_price: {{type: "decimal(10,2)", required: true}}
      discount: {{type: "decimal(4,2)"}}
      customer: {{type: string}}
      note: {{type: string}}
    derive:
      order_date: "cast(created_at as date)"
      order_hour: "cast(hour(created_at) as int)"
      gross: "cast(quantity * unit_price as decimal(12,2))"
      is_large: "quantity * unit_price >= 1000"
    deduplicate: {{keys: [order_id], order_by: [updated_at], keep: last}}
    partition_by: [order_date]
"""


def contract(memory: str) -> str:
    """The work as EDP's edp.yaml; `memory` as it is written there."""
    return CONTRACT.replace("MEMORY", memory)


def no_contract(memory: str) -> str:
    """The edp.yaml that declares nothing: types are inferred, exact duplicates go."""
    return f"runtimes: {{local: {{memory: {memory}, settle: 0s}}}}\n"
