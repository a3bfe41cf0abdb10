"""Glue's types and the Parquet types that Athena reads them from, by both names."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as kinds


def glue_type(kind: pa.DataType) -> str:
    """What Glue calls a Parquet column's type, as its crawlers say it.

    >>> glue_type(pa.int64()), glue_type(pa.decimal128(10, 2)), glue_type(pa.list_(pa.string()))
    ('bigint', 'decimal(10,2)', 'array<string>')
    """
    if kinds.is_struct(kind):
        return f"struct<{','.join(f'{one.name}:{glue_type(one.type)}' for one in kind)}>"
    if kinds.is_list(kind):
        return f"array<{glue_type(kind.value_type)}>"
    if kinds.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if kinds.is_timestamp(kind):
        return "timestamp"
    return _SIMPLE[kind]


_SIMPLE = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.date32(): "date",
    pa.binary(): "binary",
}
