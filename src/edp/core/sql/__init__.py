"""SQL text: quoting, the grammar of values, and exact casts between stored types.

    quoting    names and values as SQL text
    grammar    which texts mean what as which type
    classify   which types a text fits
    rendering  nested values as JSON text
    stored     a column stored as one type, read as another

The engine, the rewrite and the query stage put these expressions into DuckDB. Nothing here runs
SQL.
"""

from edp.core.sql.classify import MEMBERS, YEAR_FIRST, admits, classify_sql
from edp.core.sql.grammar import (
    BIGINT,
    DATE,
    DATE_YEAR_LAST,
    DOUBLE,
    DOUBLE_DECLARED,
    EXACT,
    FALSE,
    TIMESTAMP,
    TIMESTAMP_YEAR_LAST,
    TIMESTAMPTZ,
    TRUE,
    decimal,
    decimal_grammar,
    fitting_sql,
    matches,
    parse_sql,
    physical,
)
from edp.core.sql.quoting import identifier, literal
from edp.core.sql.rendering import json_sql, object_sql
from edp.core.sql.stored import value_sql

__all__ = [
    "BIGINT",
    "DATE",
    "DATE_YEAR_LAST",
    "DOUBLE",
    "DOUBLE_DECLARED",
    "EXACT",
    "FALSE",
    "MEMBERS",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIMESTAMP_YEAR_LAST",
    "TRUE",
    "YEAR_FIRST",
    "admits",
    "classify_sql",
    "decimal",
    "decimal_grammar",
    "fitting_sql",
    "identifier",
    "json_sql",
    "literal",
    "matches",
    "object_sql",
    "parse_sql",
    "physical",
    "value_sql",
]
