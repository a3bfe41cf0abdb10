"""Catalogs to test, and what they are told: nothing here reads a byte of a file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from edp.backends.sqlite import Database
from edp.catalog.aws import S3Catalog
from edp.catalog.local import LocalCatalog
from edp.catalog.port import Catalog, Change, Plan, Table
from edp.core.contract import S3Url
from edp.core.files import ADOPTED, DataFile, Kind, ProfileColumn
from edp.core.types import Admits
from tests.aws_sim import bucket, service
from tests.conformance.ledgers import dynamo_table
from tests.conformance.scratch import scratch


@contextmanager
def sqlite_catalog(*, fixed: bool = False) -> Iterator[Catalog]:
    with scratch() as folder:
        db = Database(folder / "state.db")
        yield LocalCatalog(db, "shop", fixed=fixed)
        db.close()


@contextmanager
def fixed_catalog() -> Iterator[Catalog]:
    with sqlite_catalog(fixed=True) as catalog:
        yield catalog


@contextmanager
def s3_catalog() -> Iterator[Catalog]:
    place = S3Url(bucket("lake"), "catalog/")
    yield S3Catalog(service("s3"), dynamo_table(), place, "shop")


CATALOGS = {"sqlite": sqlite_catalog, "s3": s3_catalog}
FOLLOWING = {"sqlite": sqlite_catalog}
"""Those whose types follow the live files."""
FIXED = {"sqlite-fixed": fixed_catalog, "s3": s3_catalog}
"""Those whose types stay, and whose files all store them."""


# what texts admit --------------------------------------------------------------------------------


def texts(*types: str, year_last: bool = False) -> Admits:
    return Admits(frozenset({*types, "string"}), year_last)


NOTHING = Admits()
WORDS = texts()
INTS = texts("bigint", "double")
BIG_INTS = texts("bigint")
FRACTIONS = texts("double")
FLAGS = texts("boolean")
STAMPS = ("timestamp:mdy", "timestamp:dmy")
DATES = texts("date:mdy", "date:dmy", *STAMPS)
TIMES = texts(*STAMPS)
EITHER = replace(DATES, year_last=True)
MONTH_FIRST = texts("date:mdy", "timestamp:mdy", year_last=True)
DAY_FIRST = texts("date:dmy", "timestamp:dmy", year_last=True)

Sources = Mapping[str, Mapping[str, Admits]]


def profiles(sources: Sources) -> dict[str, tuple[ProfileColumn, ...]]:
    return {
        key: tuple(ProfileColumn(name, name, admits) for name, admits in columns.items())
        for key, columns in sources.items()
    }


def file(
    path: str,
    sources: Mapping[str, int],
    schema: Mapping[str, str],
    *,
    kind: Kind = "data",
    partition: str = "",
) -> DataFile:
    return DataFile(
        path=path,
        kind=kind,
        rows=sum(sources.values()),
        bytes=100,
        sha256=f"hash of {path}",
        schema=schema,
        sources=sources,
        partition=partition,
    )


REJECT = {"run_id": "string", "source_file": "string", "line": "bigint"}


def rejects(path: str, sources: Mapping[str, int]) -> DataFile:
    return file(path, sources, REJECT, kind="rejects")


def commit(
    catalog: Catalog,
    change: Change,
    rewritten: Sequence[DataFile] = (),
    *,
    run_id: str = "r1",
    operation: str = "ingest",
) -> Plan:
    plan = catalog.plan(change)
    assert not plan.reread, f"{set(plan.reread)} must be read again first"
    catalog.replace(plan, rewritten=rewritten, run_id=run_id, operation=operation)
    return plan


def ingest(
    catalog: Catalog,
    path: str,
    sources: Sources,
    *,
    rows: int = 10,
    dataset: str = "orders",
    gone: Collection[str] = (),
) -> Plan:
    """Commit one file that holds `rows` of each source, stored as the types are by then."""
    come = profiles(sources)
    planned = catalog.plan(Change(dataset, profiles=come))
    names = {column.name for one in come.values() for column in one}
    schema = {c.name: c.resolved for c in planned.columns if c.name in names}
    add = file(path, dict.fromkeys(sources, rows), schema)
    return commit(catalog, Change(dataset, add=(add,), profiles=come, gone=frozenset(gone)))


def adopt(
    catalog: Catalog, path: str, admits: Mapping[str, Admits], *, stored: str = "bigint"
) -> None:
    key = ADOPTED + path
    add = file(path, {key: 5}, dict.fromkeys(admits, stored))
    commit(catalog, Change("orders", add=(add,), profiles=profiles({key: admits})))


def table(catalog: Catalog, name: str = "orders") -> Table:
    return {one.name: one for one in catalog.tables()}[name]


def types(catalog: Catalog) -> dict[str, str]:
    """The table's types, without EDP's own columns."""
    return {c.name: c.resolved for c in table(catalog).columns if not c.name.startswith("_")}


def paths(catalog: Catalog, name: str = "orders") -> set[str]:
    return {one.path for found, files in catalog.snapshot() if found.name == name for one in files}


def told(catalog: Catalog) -> list[tuple[object, ...]]:
    """The changes of columns that readers are told of."""
    names = ("version", "column_name", "change", "old_type", "new_type", "method")
    return [tuple(row[name] for name in names) for row in catalog.schema_changes()]
