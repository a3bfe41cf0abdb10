"""One dataset: which keys are its files, how they are read, and what becomes of their rows."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, PrivateAttr, Tag, model_validator

from edp.core.contract.columns import Column, ColumnName, table_names
from edp.core.contract.dialect import Csv
from edp.core.contract.invalid import invalid
from edp.core.contract.keyglob import Glob
from edp.core.contract.model import Entry, Settings
from edp.core.contract.units import Duration, Filled, Names, Ratio, Texts
from edp.core.names import normalise

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,127}", re.ASCII)
_TRANSFORM = re.compile(r".+\.sql|.+\.py:[A-Za-z_]\w*", re.ASCII)
_NOT_ABOUT_ROWS = {"path", "sort_by", "table", "freshness"}


def name_problem(name: str) -> str | None:
    """Why `name` cannot be a dataset's, and so a table's, name.

    >>> name_problem("orders"), name_problem("edp_files")
    (None, "names that start with 'edp' are the product's own")
    """
    if not _NAME.fullmatch(name):
        return "a table is named by up to 128 of a-z, 0-9 and _, with no digit first"
    if name.startswith("edp"):
        return "names that start with 'edp' are the product's own"
    if name.endswith("__rejects"):
        return "names that end in '__rejects' are for tables of rejected rows"
    return None


def _dataset_name(name: str) -> str:
    problem = name_problem(name)
    if problem:
        raise invalid(problem, "take another name, and let `path` say the folder")
    return name


def _transform(text: str) -> str:
    if not _TRANSFORM.fullmatch(text):
        raise invalid(
            "not a transform", "write FILE.sql or FILE.py:FUNCTION, e.g. transforms/orders.sql"
        )
    return text


def _span(freshness: timedelta) -> timedelta:
    if not freshness:
        raise invalid("no time at all", "write e.g. 24h")
    return freshness


DatasetName = Annotated[
    str, AfterValidator(_dataset_name), Field(json_schema_extra={"pattern": "^[a-z_][a-z0-9_]*$"})
]
"""A name that a dataset and its table can have."""


class Check(Settings):
    """A condition on each row, and what happens where it is false."""

    name: Filled = Field(examples=["positive"])
    expr: Filled = Field(examples=["amount >= 0"])
    action: Literal["reject", "warn", "fail"] = "reject"


class Keyed(Settings):
    """One row per key: the first or the last in `order_by`, then in the file."""

    keys: Names = Field(min_length=1, examples=["[order_id]"])
    order_by: Names = ()
    keep: Literal["first", "last"] = "last"
    scope: Literal["file", "table"] = "file"


def _how(value: object) -> str:
    return "<keyed>" if isinstance(value, dict | Keyed) else "<word>"


Deduplicate = Annotated[
    Annotated[Literal["exact", "none"], Tag("<word>")] | Annotated[Keyed, Tag("<keyed>")],
    Discriminator(_how),
]


def _check_aliases(columns: Mapping[str, Column]) -> None:
    """Refuse a header name that would stand for two columns."""
    taken = {normalise(key) or key.strip(): key for key in columns}
    for key, column in columns.items():
        for n, alias in enumerate(column.aliases):
            other = taken.setdefault(normalise(alias) or alias.strip(), key)
            if other != key:
                at = ("columns", key, "aliases", n)
                raise invalid(f"the same name as '{other}' has", "remove one", at=at)


class Dataset(Settings):
    """A dataset's settings; the defaults are what an undeclared dataset has.

    `path` is empty only in an undeclared one, where the first folder of the key decides.
    """

    path: Glob = ""
    format: Literal["csv", "json", "parquet"] | None = None
    csv: Csv = Field(default_factory=Csv)
    nulls: Texts = ("", "NULL", "N/A", "\\N")
    columns: Mapping[str, Entry[Column]] = {}
    derive: Mapping[ColumnName, Filled] = {}
    where: Filled | None = None
    transform: Annotated[str, AfterValidator(_transform)] | None = None
    checks: tuple[Check, ...] = ()
    deduplicate: Deduplicate = "exact"
    partition_by: Names = ()
    sort_by: Names = ()
    table: Literal["parquet", "iceberg"] = "parquet"
    unknown_columns: Literal["add", "ignore", "reject", "fail"] = "add"
    max_reject_ratio: Ratio = 0.5
    freshness: Annotated[Duration, AfterValidator(_span)] | None = None
    _transform_text: str = PrivateAttr("")

    @property
    def transform_text(self) -> str:
        """The content of the transform's file, where the contract came from a file."""
        return self._transform_text

    def with_transform(self, text: str) -> "Dataset":
        """The same dataset with the content of its transform's file."""
        changed = self.model_copy()
        changed._transform_text = text  # noqa: SLF001 (its own class)
        return changed

    @model_validator(mode="after")
    def _each_name_once(self) -> "Dataset":
        columns = table_names(self.columns)
        _check_aliases(self.columns)
        for name in self.derive:
            if name in columns.values():
                raise invalid("a column has this name already", "take another", at=("derive", name))
        names = [check.name for check in self.checks]
        for n, name in enumerate(names):
            if name in names[:n]:
                at = ("checks", n, "name")
                raise invalid("two checks have this name", "take another", at=at)
        return self

    def hash(self) -> str:
        """12 hex digits that stand for the settings which rows depend on.

        A receipt's `contract`: rows of the same version under the same hash are equal.
        """
        settings = self.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_ABOUT_ROWS)
        for name in ("columns", "derive"):  # their order counts, and sort_keys would lose it
            if name in settings:
                settings[name] = list(settings[name].items())
        if self.transform is not None:
            settings["transform"] = [self.transform, self.transform_text]
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]
