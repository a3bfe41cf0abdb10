"""The reference is whole and says nothing that is not so: each page against the code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import typer

import edp
from edp.cli.app import app
from edp.core import sql
from edp.core.contract import Config
from edp.core.contract.later import LATER
from edp.core.contract.layout import settings_at
from edp.core.contract.units import duration_text
from edp.core.errors import EdpError, Failure
from edp.core.names import LOADED_AT, SOURCE_FILE, normalise
from edp.core.receipts import STATES, Counts, Receipt
from edp.core.types import Admits, castable, public
from edp.etl.engine import check, jsontext, lines, nesting, reading, rejects
from edp.etl.engine.cast import reason_sql
from edp.pipeline import ask
from edp.wiring import open_workspace
from tests.docs import generated
from tests.docs.pages import PAGES, REFERENCE, ROOT, code, read, sections, tables
from tests.etl.jobs import rows, run_job

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = sorted((ROOT / "src" / "edp").rglob("*.py"))
MODULES = [m.name for m in pkgutil.walk_packages(edp.__path__, "edp.") if "__main__" not in m.name]


def first_cells(text: str) -> list[str]:
    """The code in the first cells of a text's tables."""
    return re.findall(r"(?m)^\| `([^`]+)`", text)


# --- commands -------------------------------------------------------------------------------------


def commands(group: Any, name: str = "edp") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 (typer's own click)
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


ROOT_COMMAND: Any = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT_COMMAND))


def parameters(command: Any) -> set[str]:  # noqa: ANN401
    """Options as they are typed, arguments in upper case; `--help` is every command's."""
    options = {o for p in command.params if p.param_type_name == "option" for o in p.opts}
    arguments = {p.name.upper() for p in command.params if p.param_type_name == "argument"}
    return (options | arguments) - {"--help"}


def test_every_command_is_documented_and_no_other() -> None:
    documented = {code(heading) for heading in sections(REFERENCE / "commands.md")}

    assert documented == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    section = sections(REFERENCE / "commands.md")[f"`{name}`"]

    assert set(first_cells(section)) == parameters(COMMANDS[name])


def test_every_option_before_the_command_is_documented_and_no_other() -> None:
    head = read(REFERENCE / "commands.md").partition("\n## ")[0]

    assert set(first_cells(head)) == parameters(ROOT_COMMAND)


def spoken() -> Iterator[tuple[str, str]]:
    """Page and command line, for every line in a block, and every code span, that calls edp."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        text = read(page)
        fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
        for line in (line for block in fenced for line in block.splitlines()):
            if match := re.match(r"(?:\$ )?(edp .+)", line):
                yield name, match[1]
        for span in re.findall(r"(?<!`)`(edp [^`\n]+)`", text):
            yield name, span


def test_pages_use_commands_and_options_that_there_are() -> None:
    wrong = []
    for page, line in spoken():
        words = re.sub(r"\"[^\"]*\"|'[^']*'", "X", line).split()[1:]
        while words and words[0].startswith("--"):  # before the command
            assert words[0] in (*parameters(ROOT_COMMAND), "--help"), (page, line)
            words = words[1:] if words[0] == "--help" else words[2:]
        if not words or re.match(r"[A-Z.\[]", words[0]):
            continue
        name = f"edp {words[0]}"
        if name not in COMMANDS and len(words) > 1:
            name = f"{name} {words[1]}"
        if name not in COMMANDS:
            wrong += [] if any(c.startswith(f"{name} ") for c in COMMANDS) else [(page, line)]
            continue
        used = {word for word in words if re.fullmatch(r"--[a-z-]+", word)}
        wrong += [(page, line)] if used - parameters(COMMANDS[name]) - {"--help"} else []

    assert not wrong


# --- settings -------------------------------------------------------------------------------------


def settings(path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Dotted path and field of every single setting; groups only where they can be a word too."""
    for name, field in settings_at(path).items():
        here = (*path, name)
        inner = [below for below in (here, (*here, "*")) if settings_at(below)]
        if not inner or "Literal" in repr(field.annotation):
            yield ".".join(here), field
        for below in inner:
            yield from settings(below)


SETTINGS = dict(settings())
PAGE_SETTINGS = {
    code(row[0]): row
    for table in tables(REFERENCE / "settings.md")
    for row in table
    if len(row) == 5
}


def test_every_setting_is_documented_and_no_other() -> None:
    assert PAGE_SETTINGS.keys() == SETTINGS.keys()


def shown(value: object) -> str:
    """A default as edp.yaml would have it."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(f'"{item}"' for item in value) + "]"
        case Mapping():
            return "{}"
        case timedelta():
            return duration_text(value)
        case _:
            return str(value)


SPECIAL = {  # where the page says more than the model
    "datasets.*.path": "<dataset>/**",
    "datasets.*.format": "by extension",
    "datasets.*.columns.*.type": "inferred",
    "runtimes.local.memory": "4GB",
    "batch.max_bytes": "256MB",
    "alarms.disk_free": "1GB",
    "runtimes.aws.scan_limit": "10GB",
    "retention.superseded": "1d",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_settings_default_is_the_one_documented(name: str) -> None:
    field = SETTINGS[name]
    default = (
        "required" if field.is_required() else shown(field.get_default(call_default_factory=True))
    )

    assert code(PAGE_SETTINGS[name][2]) == SPECIAL.get(name, default)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_works_later_is_marked(name: str) -> None:
    rows = [row for row in LATER if f"{name}.".startswith(f"{row.setting}.")]

    assert (PAGE_SETTINGS[name][3] == "later") == bool(rows)


def test_the_documented_memory_and_batch_are_the_defaults() -> None:
    config = Config()

    assert (config.runtimes.local.memory, config.batch.max_bytes) == (4 * 10**9, 256 * 10**6)


def test_every_variable_is_documented_and_no_other() -> None:
    used = {v for path in SOURCES for v in re.findall(r"\bEDP_[A-Z_]+\b", read(path))}

    assert set(first_cells(sections(REFERENCE / "settings.md")["The environment"])) == used


# --- errors ---------------------------------------------------------------------------------------


def classes() -> set[type[EdpError]]:
    for name in MODULES:
        importlib.import_module(name)
    found: set[type[EdpError]] = set()
    left: list[type[EdpError]] = [EdpError]
    while left:
        one = left.pop()
        found.add(one)
        left += one.__subclasses__()
    return {one for one in found if one.__module__.startswith("edp.")}


def stated_codes() -> set[str]:
    """Codes that are not a class's: `Failure("...")`, and `code="..."` of a dead letter."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else ""
                given = [*node.args[:1]] if name in ("Failure", "cls") else []
                given += [
                    k.value for k in node.keywords if k.arg == "code" and name.startswith("dead_")
                ]
                found |= {g.value for g in given if isinstance(g, ast.Constant)}
            if isinstance(node, ast.FunctionDef) and node.name.startswith("dead_"):
                found |= {
                    d.value
                    for d in node.args.kw_defaults
                    if isinstance(d, ast.Constant) and d.value
                }
    return {one for one in found if isinstance(one, str)}


def test_every_error_class_is_documented_with_its_code_and_no_other() -> None:
    rows = next(t for t in tables(REFERENCE / "errors.md") if code(t[0][0]) == "EdpError")

    assert {(code(row[0]), code(row[1])) for row in rows} == {
        (one.__name__, one.code) for one in classes()
    }


def test_every_failure_code_is_documented_and_no_other() -> None:
    section = sections(REFERENCE / "errors.md")["Failure codes"]
    raised = {one.code for one in classes()}

    assert set(first_cells(section)) == stated_codes() - raised
    assert Failure.of(ValueError()).code in first_cells(section)


def test_every_error_and_code_has_a_way_out() -> None:
    without = [
        row[0]
        for table in tables(REFERENCE / "errors.md")
        for row in table
        if not row[-1] and code(row[0]) != "EdpError"
    ]

    assert not without


def test_every_reject_reason_is_documented_and_no_other() -> None:
    fixed = [
        *vars(reading)["_REASONS"].values(),
        vars(reading)["_UNKNOWN"],
        *check.CODES,
        lines.UNCLOSED,
        *jsontext.CODES,
        *nesting.CODES,
    ]
    types = (
        "boolean",
        "int",
        "bigint",
        "double",
        "decimal(5,2)",
        "date",
        "timestamp",
        "timestamptz",
        "json",
    )
    said = {text.partition(":")[0] for text in fixed}
    for kind in types:
        said |= set(re.findall(r"'(not a|ambiguous|out of range)\b", reason_sql("x", kind)))

    section = sections(REFERENCE / "errors.md")["Why a row was rejected"]
    assert set(first_cells(section)) == said


# --- tables ---------------------------------------------------------------------------------------


def columns(heading: str) -> dict[str, str]:
    """Column to type, of the first table below a heading of tables.md."""
    section = sections(REFERENCE / "tables.md")[heading]
    return dict(re.findall(r"(?m)^\| `(\w+)` \| ([A-Z]+(?: [A-Z]+)*) \|", section))


def described(folder: Path) -> dict[str, dict[str, str]]:
    """What `edp.*` are in a new workspace."""
    here = open_workspace(folder, environ={})
    found = {}
    for name in (*ask.snapshot(here.stages).records, "rejects"):
        answer = here.query().ask(f"DESCRIBE edp.{name}", ask.snapshot(here.stages))
        found[f"`edp.{name}`"] = {str(row[0]): str(row[1]) for row in answer.rows}
    return found


def test_every_edp_table_is_documented_with_its_columns_and_no_other(tmp_path: Path) -> None:
    there = described(tmp_path)
    headings = {h for h in sections(REFERENCE / "tables.md") if h.startswith("`edp.")}

    assert headings == there.keys()
    for name, kinds in there.items():
        assert columns(name) == kinds, name


def test_the_rejects_table_and_the_two_own_columns_are_documented() -> None:
    documented = {name: kind.lower() for name, kind in columns("`<dataset>__rejects`").items()}

    assert documented == {name: sql.physical(kind).lower() for name, kind in rejects.SCHEMA.items()}
    assert columns("Your tables").keys() == {SOURCE_FILE, LOADED_AT}


def test_every_name_of_a_receipt_is_documented_and_no_other() -> None:
    receipt = Receipt(
        key="k",
        version="1",
        dataset=None,
        state="dead",
        counts=None,
        bytes=None,
        run_id=None,
        engine=None,
        contract=None,
        attempts=1,
        error=Failure("code", "message"),
        queryable_ms=None,
        attempt=Counts(),
        unchanged=True,
    )

    section = sections(REFERENCE / "tables.md")["Receipts as JSON"]
    assert first_cells(section) == list(receipt.to_json())


def test_every_kind_of_event_is_documented_and_no_other() -> None:
    put = {k for path in SOURCES for k in re.findall(r'"(EDP [A-Z][\w ]+)"', read(path))}

    assert set(re.findall(r"`(EDP [^`]+)`", read(REFERENCE / "tables.md"))) == put


# --- state ----------------------------------------------------------------------------------------


def test_folders_and_tables_of_the_state_are_documented_and_no_other(tmp_path: Path) -> None:
    here = open_workspace(tmp_path, environ={})
    with here.working(), here.listening():
        made = {f"{p.name}/" if p.is_dir() else p.name for p in here.lake.iterdir()}
    page = sections(REFERENCE / "state.md")
    migrations = (ROOT / "src/edp/backends/sqlite/migrations").glob("*.sql")
    there = {t for p in migrations for t in re.findall(r"(?m)^CREATE TABLE (\w+)", read(p))}

    assert set(first_cells(page["Folders"])) == {m for m in made if "-" not in m}
    assert set(first_cells(page["Tables of state.db"])) == there


def test_states_and_legal_transitions_are_documented_and_no_other() -> None:
    initial = read(ROOT / "src/edp/backends/sqlite/migrations/0001_initial.sql")
    insert = initial.partition("INSERT INTO legal_transition VALUES")[2].partition(";")[0]
    legal = set(re.findall(r"\('(\w+)', '(\w+)'\)", insert))
    states, transitions = tables(REFERENCE / "state.md")[1:3]

    assert [code(row[0]) for row in states] == list(STATES)
    assert legal == {
        (code(row[0]), after) for row in transitions for after in re.findall(r"`(\w+)`", row[1])
    }


# --- types ----------------------------------------------------------------------------------------

TYPES = {public(name) for name in sql.MEMBERS}
INFERRED, CASTS, NESTED, CHANGES, NAMES = tables(REFERENCE / "types.md")


def value(expression: str) -> Any:  # noqa: ANN401 (whatever SQL gives)
    with duckdb.connect(":memory:") as con:
        (row,) = con.execute(f"SELECT {expression}").fetchall()
    return row[0]


@pytest.mark.parametrize("row", INFERRED, ids=lambda row: code(row[0]))
def test_a_value_has_the_type_that_the_page_says(row: list[str]) -> None:
    everything = sum(sql.MEMBERS.values())
    text = sql.literal(code(row[0]))

    found = value(sql.classify_sql(text, everything))

    assert public(sql.admits(found).resolved) == row[1]


@pytest.mark.parametrize("row", CASTS, ids=lambda row: f"{code(row[0])} {code(row[1])}")
def test_a_cast_gives_what_the_page_says(row: list[str]) -> None:
    cast = sql.parse_sql(sql.literal(code(row[1])), code(row[0]))

    found = value(f"CAST({cast} AS VARCHAR)")

    assert (found or "reject") == row[2]


def test_a_nested_value_is_what_the_page_says(tmp_path: Path) -> None:
    found = []
    for n, row in enumerate(NESTED):
        place = tmp_path / str(n)
        place.mkdir()
        text = '"' + code(row[1]).replace('"', '""') + '"'
        ran = run_job(
            place,
            {"t/a.csv": f"c\n{text}\n".encode()},
            columns={"c": {"type": code(row[0])}},
            max_reject_ratio=1,
        )
        told = [reason.partition(",")[0] for (reason,) in ran.rejects("reason")]
        values = [
            f"`{value}`"
            for file in ran.files("data")
            for (value,) in rows(file, "CAST(c AS VARCHAR)")
        ]
        found.append([*told, *values])

    wrong = [
        (row, said)
        for row, said in zip(NESTED, found, strict=True)
        if len(said) != 1 or not said[0].startswith(row[2])
    ]
    assert wrong == []


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row[0])
def test_a_change_of_type_is_read_as_the_page_says(row: list[str]) -> None:
    """The last row names several stored types and one wanted; the page's comments stay out."""
    stored = re.split(r", | or ", row[0])
    wanted = re.split(r", | or ", row[1]) if row[1] in TYPES or "," in row[1] else ["bigint"]
    exact = row[2] == "cast at read"

    for one in stored:
        for other in wanted:
            both = Admits(frozenset({one, other, f"{other}:mdy", f"{other}:dmy", "string"}))
            assert castable(one, other, both) == exact, (one, other)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: code(row[1]))
def test_a_column_has_the_name_that_the_page_says(row: list[str]) -> None:
    assert normalise(code(row[0])) == code(row[1])


# --- parts that the code writes -------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_part_is_as_the_code_has_it_now(page: Path) -> None:
    assert generated.written(read(page)) == read(page), "run `make docs`"


def test_every_part_stands_in_one_page() -> None:
    found = [name for page in PAGES for name in generated.names(read(page))]

    assert sorted(found) == sorted(generated.PARTS)


def test_every_public_name_is_documented() -> None:
    page = read(REFERENCE / "python.md")

    assert not [name for name in edp.__all__ if f"`{name}`" not in page]


# --- all pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        if target.startswith("https://"):
            continue
        headings = re.findall(r"(?m)^#+ (.+)$", read(there)) if there.is_file() else []
        slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
        if not there.exists() or (anchor and anchor not in slugs):
            broken.append(target)

    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_name_no_machine(page: Path) -> None:
    assert not re.findall(r"/(?:work|root|tmp)/", read(page))


def test_every_page_is_reached_from_the_readme() -> None:
    readme = read(ROOT / "README.md")
    lost = [
        page
        for page in PAGES
        if "docs" in page.parts
        and page.parent.name != "decisions"
        and f"({page.relative_to(ROOT).as_posix()})" not in readme
    ]

    assert not lost


def test_decisions_are_numbered_once() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    numbers = [f"{n:04d}" for n in range(1, len(pages) + 1)]

    assert [page.name[:4] for page in pages] == numbers
    assert [read(page).split()[1] for page in pages] == numbers
